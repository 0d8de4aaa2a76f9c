#ifndef EXPUNGE_PROOF_MERKLE_H_
#define EXPUNGE_PROOF_MERKLE_H_

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/digest.h"

namespace expunge {

// The Merkle tree of a log: RFC 6962, section 2.1, with SHA-256. Leaves are counted from 0. The functions are pure;
// sizes go up to 2^63.

Digest LeafHash(std::string_view data);                    // H(0x00 || data)
Digest NodeHash(const Digest& left, const Digest& right);  // H(0x01 || left || right)
Digest EmptyRoot();                                        // H("")

// A perfect subtree: node (level, index) covers the leaves [index << level, (index + 1) << level); level 0 are the leaf
// hashes. The hash of one that is complete never changes, so these are what is stored.
struct MerkleNode {
  uint32_t level = 0;
  uint64_t index = 0;
  auto operator<=>(const MerkleNode&) const = default;
};

// Gives the stored hash of a complete node. Its errors are passed on.
using MerkleReader = std::function<absl::StatusOr<Digest>(const MerkleNode&)>;
// Takes the hash of a node that is complete now.
using MerkleWriter = std::function<void(const MerkleNode&, const Digest&)>;

// The right edge of a tree: all that appending needs. O(log n) hashes. Copyable; not thread-safe.
class MerkleFrontier {
 public:
  MerkleFrontier() = default;  // of the empty tree

  // Reads at most 64 nodes.
  static absl::StatusOr<MerkleFrontier> Read(uint64_t size, const MerkleReader& reader);

  // Emits the new leaf and every node that it completes, from the leaf up: two on average, O(log n) at most.
  void Append(const Digest& leaf_hash, const MerkleWriter& emit);

  uint64_t size() const { return size_; }
  Digest Root() const;

 private:
  uint64_t size_ = 0;
  std::vector<Digest>
      subtrees_;  // the perfect ones that make up the tree, the largest first: one for each bit of size_
};

// The root of the tree's first `size` leaves. O(log n) reads.
absl::StatusOr<Digest> RootAt(uint64_t size, const MerkleReader& reader);

// PATH(index, D[0:size]), from the leaf's sibling to the root's child. O(log n) reads.
// OUT_OF_RANGE, LOG_RANGE, unless index < size.
absl::StatusOr<std::vector<Digest>> InclusionProof(uint64_t index, uint64_t size, const MerkleReader& reader);

// PROOF(first, D[0:second]); empty where `first` is 0, of which the RFC says nothing: every tree goes on from the empty
// one. O(log n) reads. OUT_OF_RANGE, LOG_RANGE, unless first <= second.
absl::StatusOr<std::vector<Digest>> ConsistencyProof(uint64_t first, uint64_t second, const MerkleReader& reader);

// FAILED_PRECONDITION, PROOF_MISMATCH, unless the proof has exactly the right length and leads to the root(s).
absl::Status VerifyInclusion(uint64_t index, uint64_t size, const Digest& leaf_hash, absl::Span<const Digest> proof,
                             const Digest& root);
// Where both sizes are equal, the roots must be and the proof is empty; the root of size 0 must be EmptyRoot().
absl::Status VerifyConsistency(uint64_t first, uint64_t second, const Digest& first_root, const Digest& second_root,
                               absl::Span<const Digest> proof);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_MERKLE_H_
