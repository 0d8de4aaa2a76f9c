#include "proof/merkle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

constexpr char kLeafPrefix = 0;
constexpr char kNodePrefix = 1;

absl::Status OutOfRange(const std::string& message) {
  return Error(absl::StatusCode::kOutOfRange, "LOG_RANGE", message);
}

absl::Status Mismatch(std::string_view message) {
  return Error(absl::StatusCode::kFailedPrecondition, "PROOF_MISMATCH", message);
}

// Of n > 1 leaves, how many are in the left subtree: the largest power of two below n.
uint64_t LeftLeaves(uint64_t n) { return std::bit_floor(n - 1); }

// The hashes of perfect subtrees side by side, joined from the right.
Digest Join(absl::Span<const Digest> subtrees) {
  if (subtrees.empty()) return EmptyRoot();
  Digest joined = subtrees.back();
  for (size_t i = subtrees.size() - 1; i > 0; --i) joined = NodeHash(subtrees[i - 1], joined);
  return joined;
}

// The perfect subtrees of the leaves [begin, begin + count), the largest first.
// Precondition: `begin` is a multiple of the smallest power of two that is not below `count`.
absl::StatusOr<std::vector<Digest>> ReadSubtrees(uint64_t begin, uint64_t count, const MerkleReader& reader) {
  std::vector<Digest> subtrees;
  while (count > 0) {
    const uint32_t level = std::bit_width(count) - 1;
    ASSIGN_OR_RETURN(Digest hash, reader({.level = level, .index = begin >> level}));
    subtrees.push_back(hash);
    begin += uint64_t{1} << level;
    count -= uint64_t{1} << level;
  }
  return subtrees;
}

// MTH(D[begin : begin + count]); the same precondition.
absl::StatusOr<Digest> ReadHash(uint64_t begin, uint64_t count, const MerkleReader& reader) {
  ASSIGN_OR_RETURN(const std::vector<Digest> subtrees, ReadSubtrees(begin, count, reader));
  return Join(subtrees);
}

// Walks from a leaf, or from a subtree that ends where the older tree ends, up to the root.
class Climb {
 public:
  Climb(uint64_t index, uint64_t last) : index_(index), last_(last) {}

  bool at_root() const { return last_ == 0; }
  bool sibling_is_left() const { return index_ % 2 == 1 || index_ == last_; }

  void Up() {
    index_ >>= 1;
    last_ >>= 1;
  }
  // The last node of a level that has no right sibling rises until it is one itself.
  void UpFromRightSibling() {
    while (index_ % 2 == 0 && index_ != 0) Up();
    Up();
  }
  void UpFromLeftSubtrees() {
    while (index_ % 2 == 1) Up();
  }

 private:
  uint64_t index_;
  uint64_t last_;  // the index of the level's last node
};

}  // namespace

Digest LeafHash(std::string_view data) {
  std::string bytes(1, kLeafPrefix);
  bytes.append(data);
  return Sha256(bytes);
}

Digest NodeHash(const Digest& left, const Digest& right) {
  std::array<char, 1 + 2 * sizeof(Digest)> bytes;
  bytes[0] = kNodePrefix;
  std::copy(left.begin(), left.end(), bytes.begin() + 1);
  std::copy(right.begin(), right.end(), bytes.begin() + 1 + left.size());
  return Sha256({bytes.data(), bytes.size()});
}

Digest EmptyRoot() { return Sha256(""); }

absl::StatusOr<MerkleFrontier> MerkleFrontier::Read(uint64_t size, const MerkleReader& reader) {
  MerkleFrontier frontier;
  ASSIGN_OR_RETURN(frontier.subtrees_, ReadSubtrees(0, size, reader));
  frontier.size_ = size;
  return frontier;
}

void MerkleFrontier::Append(const Digest& leaf_hash, const MerkleWriter& emit) {
  Digest hash = leaf_hash;
  MerkleNode node{.level = 0, .index = size_};
  emit(node, hash);
  while (node.index % 2 == 1) {
    hash = NodeHash(subtrees_.back(), hash);
    subtrees_.pop_back();
    node = {.level = node.level + 1, .index = node.index / 2};
    emit(node, hash);
  }
  subtrees_.push_back(hash);
  ++size_;
}

Digest MerkleFrontier::Root() const { return Join(subtrees_); }

absl::StatusOr<Digest> RootAt(uint64_t size, const MerkleReader& reader) { return ReadHash(0, size, reader); }

absl::StatusOr<std::vector<Digest>> InclusionProof(uint64_t index, uint64_t size, const MerkleReader& reader) {
  if (index >= size) return OutOfRange(absl::StrCat("a log of ", size, " entries has no entry ", index));
  std::vector<Digest> proof;
  uint64_t begin = 0;
  for (uint64_t count = size; count > 1;) {
    const uint64_t left = LeftLeaves(count);
    const bool is_left = index < begin + left;
    ASSIGN_OR_RETURN(Digest sibling,
                     is_left ? ReadHash(begin + left, count - left, reader) : ReadHash(begin, left, reader));
    proof.push_back(sibling);
    if (!is_left) begin += left;
    count = is_left ? left : count - left;
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

absl::StatusOr<std::vector<Digest>> ConsistencyProof(uint64_t first, uint64_t second, const MerkleReader& reader) {
  if (first > second) return OutOfRange(absl::StrCat("a log of ", second, " entries was never one of ", first));
  std::vector<Digest> proof;
  if (first == 0) return proof;
  uint64_t begin = 0;
  uint64_t count = second;
  while (first != begin + count) {
    const uint64_t left = LeftLeaves(count);
    const bool is_left = first <= begin + left;
    ASSIGN_OR_RETURN(Digest sibling,
                     is_left ? ReadHash(begin + left, count - left, reader) : ReadHash(begin, left, reader));
    proof.push_back(sibling);
    if (!is_left) begin += left;
    count = is_left ? left : count - left;
  }
  // Where the older tree is itself a subtree of the newer one, its root is known to whoever verifies.
  if (begin != 0) {
    ASSIGN_OR_RETURN(Digest last, ReadHash(begin, count, reader));
    proof.push_back(last);
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

// RFC 9162, section 2.1.3.2.
absl::Status VerifyInclusion(uint64_t index, uint64_t size, const Digest& leaf_hash, absl::Span<const Digest> proof,
                             const Digest& root) {
  if (index >= size) return Mismatch("the entry's index is beyond the log's size");
  Climb climb(index, size - 1);
  Digest hash = leaf_hash;
  for (const Digest& sibling : proof) {
    if (climb.at_root()) return Mismatch("the inclusion proof is too long");
    if (climb.sibling_is_left()) {
      hash = NodeHash(sibling, hash);
      climb.UpFromRightSibling();
    } else {
      hash = NodeHash(hash, sibling);
      climb.Up();
    }
  }
  if (!climb.at_root()) return Mismatch("the inclusion proof is too short");
  if (hash != root) return Mismatch("the inclusion proof does not lead to the root");
  return absl::OkStatus();
}

// RFC 9162, section 2.1.4.2.
absl::Status VerifyConsistency(uint64_t first, uint64_t second, const Digest& first_root, const Digest& second_root,
                               absl::Span<const Digest> proof) {
  if (first > second) return Mismatch("the older log is longer than the newer one");
  if (first == 0 && first_root != EmptyRoot()) return Mismatch("the root of an empty log is another");
  if (first == second && first_root != second_root) return Mismatch("two logs of one size have different roots");
  if (first == 0 || first == second) {
    return proof.empty() ? absl::OkStatus() : Mismatch("the consistency proof must be empty");
  }
  std::vector<Digest> path(proof.begin(), proof.end());
  if (std::has_single_bit(first)) path.insert(path.begin(), first_root);
  if (path.empty()) return Mismatch("the consistency proof is too short");

  Climb climb(first - 1, second - 1);
  climb.UpFromLeftSubtrees();
  Digest older = path[0];
  Digest newer = path[0];
  for (const Digest& sibling : absl::MakeSpan(path).subspan(1)) {
    if (climb.at_root()) return Mismatch("the consistency proof is too long");
    if (climb.sibling_is_left()) {
      older = NodeHash(sibling, older);
      newer = NodeHash(sibling, newer);
      climb.UpFromRightSibling();
    } else {
      newer = NodeHash(newer, sibling);
      climb.Up();
    }
  }
  if (!climb.at_root()) return Mismatch("the consistency proof is too short");
  if (older != first_root) return Mismatch("the consistency proof does not lead to the older root");
  if (newer != second_root) return Mismatch("the consistency proof does not lead to the newer root");
  return absl::OkStatus();
}

}  // namespace expunge
