#include "proof/merkle.h"

#include <bit>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/proof/flips.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

using Hashes = std::vector<Digest>;

// The nodes that a log would store, and how many of them were read.
class StoredTree {
 public:
  void Append(const Digest& leaf_hash) {
    frontier_.Append(leaf_hash, [this](const MerkleNode& node, const Digest& hash) {
      ASSERT_TRUE(nodes_.emplace(node, hash).second) << "emitted twice";
    });
  }

  MerkleReader reader() const {
    return [this](const MerkleNode& node) -> absl::StatusOr<Digest> {
      ++reads;
      const auto found = nodes_.find(node);
      if (found == nodes_.end()) return absl::NotFoundError(absl::StrCat("node ", node.level, "/", node.index));
      return found->second;
    };
  }

  const MerkleFrontier& frontier() const { return frontier_; }
  size_t nodes() const { return nodes_.size(); }

  mutable size_t reads = 0;

 private:
  MerkleFrontier frontier_;
  std::map<MerkleNode, Digest> nodes_;
};

// The definitions of RFC 6962, section 2.1, word by word, over the list of the leaves. Remembers MTH, or it would be
// slow.
class Reference {
 public:
  explicit Reference(std::vector<std::string> data) : data_(std::move(data)) {}

  Digest Mth(size_t begin, size_t end) {
    const auto known = mth_.find({begin, end});
    if (known != mth_.end()) return known->second;
    return mth_[{begin, end}] = ComputeMth(begin, end);
  }

  Hashes Path(size_t m, size_t begin, size_t end) {
    if (end - begin == 1) return {};
    const size_t k = Split(end - begin);
    if (m < k) return Join(Path(m, begin, begin + k), Mth(begin + k, end));
    return Join(Path(m - k, begin + k, end), Mth(begin, begin + k));
  }

  Hashes Proof(size_t m, size_t n) { return SubProof(m, 0, n, true); }

 private:
  static size_t Split(size_t n) {
    size_t k = 1;
    while (k * 2 < n) k *= 2;
    return k;
  }

  static Hashes Join(Hashes hashes, const Digest& last) {
    hashes.push_back(last);
    return hashes;
  }

  Digest ComputeMth(size_t begin, size_t end) {
    if (begin == end) return Sha256("");
    if (end - begin == 1) return Sha256(std::string(1, '\0') + data_[begin]);
    const size_t k = Split(end - begin);
    return Sha256(
        absl::StrCat("\1", std::string(AsBytes(Mth(begin, begin + k))), std::string(AsBytes(Mth(begin + k, end)))));
  }

  Hashes SubProof(size_t m, size_t begin, size_t end, bool b) {
    if (m == end - begin) return b ? Hashes() : Hashes{Mth(begin, end)};
    const size_t k = Split(end - begin);
    if (m <= k) return Join(SubProof(m, begin, begin + k, b), Mth(begin + k, end));
    return Join(SubProof(m - k, begin + k, end, false), Mth(begin, begin + k));
  }

  const std::vector<std::string> data_;
  std::map<std::pair<size_t, size_t>, Digest> mth_;
};

constexpr size_t kLeaves = 1000;

std::vector<std::string> Data() {
  std::vector<std::string> data;
  for (size_t i = 0; i < kLeaves; ++i) data.push_back(absl::StrCat("entry ", i));
  return data;
}

class MerkleTest : public testing::Test {
 protected:
  MerkleTest() : reference_(Data()) {
    for (const std::string& data : Data()) tree_.Append(LeafHash(data));
  }

  Digest Root(size_t size) { return reference_.Mth(0, size); }
  Digest Leaf(size_t index) { return reference_.Mth(index, index + 1); }

  void ExpectConsistency(size_t first, size_t second) {
    tree_.reads = 0;
    const absl::StatusOr<Hashes> proof = ConsistencyProof(first, second, tree_.reader());
    ASSERT_THAT(proof, IsOk());
    ASSERT_EQ(*proof, first == 0 ? Hashes() : reference_.Proof(first, second)) << first << " to " << second;
    ASSERT_LE(tree_.reads, 2 * std::bit_width(second));
    ASSERT_THAT(VerifyConsistency(first, second, Root(first), Root(second), *proof), IsOk());
  }

  Reference reference_;
  StoredTree tree_;
};

TEST_F(MerkleTest, EveryRootEqualsTheReferences) {
  MerkleFrontier frontier;
  ASSERT_EQ(frontier.Root(), Root(0));
  for (size_t size = 0; size <= kLeaves; ++size) {
    ASSERT_EQ(frontier.size(), size);
    ASSERT_EQ(frontier.Root(), Root(size));
    ASSERT_EQ(RootAt(size, tree_.reader()).value(), Root(size));
    if (size < kLeaves) frontier.Append(Leaf(size), [](const MerkleNode&, const Digest&) {});
  }
}

TEST_F(MerkleTest, AFrontierThatIsReadGoesOnLikeTheOneThatWrote) {
  for (size_t size = 0; size <= kLeaves; size += 7) {
    MerkleFrontier frontier = MerkleFrontier::Read(size, tree_.reader()).value();
    ASSERT_EQ(frontier.Root(), Root(size));
    for (size_t next = size; next < std::min(size + 10, kLeaves); ++next) {
      frontier.Append(Leaf(next),
                      [this](const MerkleNode& node, const Digest& hash) { ASSERT_EQ(hash, *tree_.reader()(node)); });
      ASSERT_EQ(frontier.Root(), Root(next + 1));
    }
  }
}

TEST_F(MerkleTest, EmitsEachNodeOnceAndLessThanTwoPerLeaf) {
  ASSERT_EQ(tree_.frontier().size(), kLeaves);
  size_t complete = 0;
  for (size_t width = 1; width <= kLeaves; width *= 2) complete += kLeaves / width;
  EXPECT_EQ(tree_.nodes(), complete);
  EXPECT_LT(tree_.nodes(), 2 * kLeaves);
}

TEST_F(MerkleTest, EveryInclusionProofEqualsTheReferencesAndVerifies) {
  for (size_t size = 1; size <= kLeaves; ++size) {
    const Digest root = Root(size);
    for (size_t index = 0; index < size; ++index) {
      tree_.reads = 0;
      const absl::StatusOr<Hashes> proof = InclusionProof(index, size, tree_.reader());
      ASSERT_THAT(proof, IsOk());
      ASSERT_EQ(*proof, reference_.Path(index, 0, size)) << index << " of " << size;
      ASSERT_LE(tree_.reads, 2 * std::bit_width(size));
      ASSERT_THAT(VerifyInclusion(index, size, Leaf(index), *proof, root), IsOk());
    }
  }
}

TEST_F(MerkleTest, EveryConsistencyProofEqualsTheReferencesAndVerifies) {
  for (size_t second = 0; second <= 256; ++second) {
    for (size_t first = 0; first <= second; ++first) ExpectConsistency(first, second);
  }
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    const size_t second = random() % (kLeaves + 1);
    ExpectConsistency(random() % (second + 1), second);
  }
}

TEST_F(MerkleTest, RefusesRangesThatTheLogDoesNotHave) {
  EXPECT_THAT(InclusionProof(5, 5, tree_.reader()), Fails(absl::StatusCode::kOutOfRange, "LOG_RANGE"));
  EXPECT_THAT(InclusionProof(0, 0, tree_.reader()), Fails(absl::StatusCode::kOutOfRange, "LOG_RANGE"));
  EXPECT_THAT(ConsistencyProof(6, 5, tree_.reader()), Fails(absl::StatusCode::kOutOfRange, "LOG_RANGE"));
}

TEST_F(MerkleTest, PassesOnWhatTheReaderFailsWith) {
  EXPECT_EQ(RootAt(kLeaves + 1, tree_.reader()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MerkleFrontier::Read(kLeaves + 1, tree_.reader()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(InclusionProof(3, kLeaves + 1, tree_.reader()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ConsistencyProof(3, kLeaves + 1, tree_.reader()).status().code(), absl::StatusCode::kNotFound);
}

// The hashes of which a claim consists, in one string.
std::string Pack(const Hashes& hashes) {
  std::string bytes;
  for (const Digest& hash : hashes) bytes.append(AsBytes(hash));
  return bytes;
}

Hashes Unpack(std::string_view bytes) {
  Hashes hashes;
  for (; !bytes.empty(); bytes.remove_prefix(sizeof(Digest))) {
    hashes.push_back(*DigestFromBytes(bytes.substr(0, sizeof(Digest))));
  }
  return hashes;
}

const auto kMismatch = Fails(absl::StatusCode::kFailedPrecondition, "PROOF_MISMATCH");

TEST_F(MerkleTest, InclusionIsRefusedWhenAnyBitIsFlipped) {
  for (const size_t size : {1, 2, 7, 8, 21, 100}) {
    for (const size_t index : {size_t{0}, size / 2, size - 1}) {
      Hashes claim = reference_.Path(index, 0, size);
      claim.push_back(Leaf(index));
      claim.push_back(Root(size));
      ForEachBitFlip(Pack(claim), [&](const std::string& flipped, size_t bit) {
        const Hashes hashes = Unpack(flipped);
        const auto proof = absl::MakeSpan(hashes).subspan(0, hashes.size() - 2);
        ASSERT_THAT(VerifyInclusion(index, size, hashes[hashes.size() - 2], proof, hashes.back()), kMismatch) << bit;
      });
    }
  }
}

TEST_F(MerkleTest, ConsistencyIsRefusedWhenAnyBitIsFlipped) {
  for (const auto& [first, second] :
       std::vector<std::pair<size_t, size_t>>{{1, 2}, {3, 7}, {4, 8}, {6, 8}, {21, 100}}) {
    Hashes claim = reference_.Proof(first, second);
    claim.push_back(Root(first));
    claim.push_back(Root(second));
    ForEachBitFlip(Pack(claim), [&](const std::string& flipped, size_t bit) {
      const Hashes hashes = Unpack(flipped);
      const auto proof = absl::MakeSpan(hashes).subspan(0, hashes.size() - 2);
      ASSERT_THAT(VerifyConsistency(first, second, hashes[hashes.size() - 2], hashes.back(), proof), kMismatch) << bit;
    });
  }
}

TEST_F(MerkleTest, ProofsOfAnotherLengthAreRefused) {
  for (size_t size = 1; size <= 40; ++size) {
    for (size_t index = 0; index < size; ++index) {
      Hashes proof = reference_.Path(index, 0, size);
      proof.push_back(Leaf(0));
      ASSERT_THAT(VerifyInclusion(index, size, Leaf(index), proof, Root(size)), kMismatch);
      proof.pop_back();
      if (proof.empty()) continue;
      proof.pop_back();
      ASSERT_THAT(VerifyInclusion(index, size, Leaf(index), proof, Root(size)), kMismatch);
    }
    for (size_t first = 0; first <= size; ++first) {
      Hashes proof = first == 0 ? Hashes() : reference_.Proof(first, size);
      proof.push_back(Leaf(0));
      ASSERT_THAT(VerifyConsistency(first, size, Root(first), Root(size), proof), kMismatch);
      proof.pop_back();
      if (proof.empty()) continue;
      proof.pop_back();
      ASSERT_THAT(VerifyConsistency(first, size, Root(first), Root(size), proof), kMismatch);
    }
  }
}

TEST_F(MerkleTest, AProofForOneEntryOrSizeIsRefusedForEveryOther) {
  for (size_t size = 1; size <= 40; ++size) {
    for (size_t index = 0; index < size; ++index) {
      const Hashes proof = reference_.Path(index, 0, size);
      for (size_t other = 0; other <= size + 1; ++other) {
        if (other == index) continue;
        ASSERT_THAT(VerifyInclusion(other, size, Leaf(index), proof, Root(size)), kMismatch);
      }
    }
  }
  EXPECT_THAT(VerifyConsistency(8, 7, Root(8), Root(7), {}), kMismatch);
  EXPECT_THAT(VerifyConsistency(7, 7, Root(7), Root(8), {}), kMismatch);
  EXPECT_THAT(VerifyConsistency(0, 7, Root(1), Root(7), {}), kMismatch);
  EXPECT_THAT(VerifyConsistency(0, 0, Root(1), Root(1), {}), kMismatch);
  EXPECT_THAT(VerifyConsistency(0, 0, Root(0), Root(0), {}), IsOk());
}

TEST(MerkleHashTest, ALeafIsNeverANode) {
  const Digest left = LeafHash("left");
  const Digest right = LeafHash("right");
  EXPECT_NE(LeafHash(absl::StrCat(std::string(AsBytes(left)), std::string(AsBytes(right)))), NodeHash(left, right));
}

// The vectors of Certificate Transparency's reference implementation.
struct PublishedTree {
  PublishedTree() {
    for (const char* hex :
         {"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}) {
      leaves.push_back(LeafHash(absl::HexStringToBytes(hex)));
      tree.Append(leaves.back());
    }
  }

  StoredTree tree;
  Hashes leaves;
};

constexpr const char* kPublishedRoots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                           "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                           "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                           "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                           "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                           "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                           "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                           "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                           "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

std::vector<std::string> Hex(const Hashes& hashes) {
  std::vector<std::string> hex;
  for (const Digest& hash : hashes) hex.push_back(ToHex(AsBytes(hash)));
  return hex;
}

TEST(MerkleVectorsTest, RootsAreThePublishedOnes) {
  const PublishedTree published;
  for (size_t size = 0; size <= 8; ++size) {
    EXPECT_EQ(ToHex(AsBytes(RootAt(size, published.tree.reader()).value())), kPublishedRoots[size]);
  }
}

TEST(MerkleVectorsTest, InclusionProofsAreThePublishedOnes) {
  const PublishedTree published;
  const MerkleReader reader = published.tree.reader();
  EXPECT_EQ(Hex(InclusionProof(0, 1, reader).value()), std::vector<std::string>());
  EXPECT_EQ(Hex(InclusionProof(0, 8, reader).value()),
            (std::vector<std::string>{"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                                      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                                      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}));
  EXPECT_EQ(Hex(InclusionProof(5, 8, reader).value()),
            (std::vector<std::string>{"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                                      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                                      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}));
  EXPECT_EQ(Hex(InclusionProof(2, 3, reader).value()),
            (std::vector<std::string>{"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}));
}

TEST(MerkleVectorsTest, ConsistencyProofsAreThePublishedOnes) {
  const PublishedTree published;
  const MerkleReader reader = published.tree.reader();
  EXPECT_EQ(Hex(ConsistencyProof(1, 1, reader).value()), std::vector<std::string>());
  EXPECT_EQ(Hex(ConsistencyProof(1, 8, reader).value()),
            (std::vector<std::string>{"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                                      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                                      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}));
  EXPECT_EQ(Hex(ConsistencyProof(6, 8, reader).value()),
            (std::vector<std::string>{"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                                      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                                      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}));
  EXPECT_EQ(Hex(ConsistencyProof(2, 5, reader).value()),
            (std::vector<std::string>{"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                                      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}));
}

}  // namespace
}  // namespace expunge
