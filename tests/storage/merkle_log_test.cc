#include "storage/merkle_log.h"

#include "tests/storage/keyring_fixture.h"

namespace expunge {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const absl::Time kTime = absl::FromUnixMicros(1700000000000001);

std::string LeafNumber(uint64_t index) { return "leaf " + std::to_string(index); }

Digest RootOf(uint64_t leaves) {
  MerkleFrontier frontier;
  for (uint64_t i = 0; i < leaves; ++i) frontier.Append(LeafHash(LeafNumber(i)), [](const auto&, const auto&) {});
  return frontier.Root();
}

class MerkleLogTest : public KeyringTest {
 protected:
  MerkleLogTest() { Open(); }

  const MerkleLog& log() { return keyring_->log(); }
  void Append(int count, const std::optional<Keyring::LogMark>& mark = std::nullopt) {
    ASSERT_THAT(keyring_->AppendToLog(
                    [count](LogBatch& batch) {
                      for (int i = 0; i < count; ++i) batch.Append(LeafNumber(batch.next_index()), kTime);
                      return absl::OkStatus();
                    },
                    mark),
                IsOk());
  }
  // Of entry `index`, in `family`.
  void Overwrite(KeyringFamily family, uint64_t index, const std::string& bytes) {
    Close();
    KeyringDatabase(Options().path, /*read_only=*/false).Put(EncodeUint64(index), bytes, family);
    Open();
  }
};

TEST_F(MerkleLogTest, AnEmptyOneHasTheEmptyRoot) {
  EXPECT_EQ(log().size(), 0);
  EXPECT_EQ(log().head().root, EmptyRoot());
  EXPECT_EQ(*log().Get(0), std::nullopt);
  EXPECT_THAT(*log().List(0, 10, 1000), IsEmpty());
  EXPECT_THAT(log().Verify(), IsOk());
}

TEST_F(MerkleLogTest, GoesOnAfterEveryReopening) {
  uint64_t size = 0;
  for (const int count : {1, 1, 2, 3, 5, 8, 13, 100}) {
    Append(count);
    size += count;
    Reopen();
    ASSERT_EQ(log().size(), size);
    ASSERT_EQ(log().head().root, RootOf(size));
  }
  EXPECT_THAT(log().Verify(), IsOk());
  for (uint64_t index = 0; index < size; ++index) {
    const auto entry = log().Get(index);
    ASSERT_TRUE(entry.ok() && entry->has_value()) << entry.status();
    EXPECT_EQ((*entry)->leaf, LeafNumber(index));
    EXPECT_EQ((*entry)->time, kTime);
  }
}

// What it keeps is what the golden file, made without this code, has; and it goes on from that.
TEST_F(MerkleLogTest, ItsRowsEqualTheGoldenFile) {
  const std::map<std::string, std::string> golden = ReadGolden("storage_log_v1.hex");
  Append(3);
  Close();
  std::map<std::string, std::string> rows;
  {
    const KeyringDatabase database(Options().path, /*read_only=*/true);
    for (const auto& [key, value] : database.Rows(kLogEntries)) rows["entry_" + std::to_string(key.back())] = value;
    for (const auto& [key, value] : database.Rows(kLogNodes)) rows["nodes_" + std::to_string(key.back())] = value;
  }
  EXPECT_EQ(rows, golden);
  Open();
  EXPECT_EQ(log().head().root, RootOf(3));
}

TEST_F(MerkleLogTest, EveryProofVerifies) {
  Append(70);
  for (uint64_t size = 1; size <= 70; ++size) {
    const Digest root = *log().RootAt(size);
    ASSERT_EQ(root, RootOf(size));
    for (uint64_t index = 0; index < size; ++index) {
      const auto proof = log().InclusionProof(index, size);
      ASSERT_THAT(proof, IsOk());
      ASSERT_THAT(VerifyInclusion(index, size, LeafHash(LeafNumber(index)), *proof, root), IsOk());
    }
    const auto grown = log().ConsistencyProof(size, 70);
    ASSERT_THAT(grown, IsOk());
    ASSERT_THAT(VerifyConsistency(size, 70, root, log().head().root, *grown), IsOk());
  }
}

TEST_F(MerkleLogTest, WhatItDoesNotHaveIsOutOfItsRange) {
  Append(3);
  const auto out_of_range = Fails(absl::StatusCode::kOutOfRange, "LOG_RANGE");
  EXPECT_THAT(log().RootAt(4), out_of_range);
  EXPECT_THAT(log().InclusionProof(3, 3), out_of_range);
  EXPECT_THAT(log().InclusionProof(0, 4), out_of_range);
  EXPECT_THAT(log().ConsistencyProof(0, 4), out_of_range);
  EXPECT_THAT(log().ConsistencyProof(3, 2), out_of_range);
}

TEST_F(MerkleLogTest, ListsAreBoundedInNumberAndBytes) {
  Append(10);
  EXPECT_THAT(*log().List(4, 3, 1000), SizeIs(3));
  EXPECT_EQ(log().List(4, 3, 1000)->front().index, 4);
  EXPECT_THAT(*log().List(0, 10, 40), SizeIs(2));
  EXPECT_THAT(*log().List(0, 10, 1), SizeIs(1));
  EXPECT_THAT(*log().List(10, 10, 1000), IsEmpty());
}

TEST_F(MerkleLogTest, AMarkIsKeptWithTheLeaf) {
  EXPECT_EQ(*keyring_->GetLogMark(7), 0);
  Append(1, Keyring::LogMark{7, 3});
  Reopen();
  EXPECT_EQ(*keyring_->GetLogMark(7), 3);
  EXPECT_EQ(*keyring_->GetLogMark(8), 0);
  EXPECT_EQ(log().size(), 1);
}

TEST_F(MerkleLogTest, AWriteThatItsLeavesRefuseIsNotMade) {
  const absl::Status refused = absl::InternalError("refused");
  EXPECT_EQ(keyring_->AppendToLog([&](LogBatch& batch) {
    batch.Append("never", kTime);
    return refused;
  }),
            refused);
  EXPECT_EQ(log().size(), 0);
  Append(1);
  EXPECT_EQ(log().head().root, RootOf(1));
}

TEST_F(MerkleLogTest, ALeafAndItsErasureAreOneWrite) {
  records::Erasure erasure = ErasureOf(1, SubjectNumber(1), {});
  Keyring::ErasureWrite write = {.erasure = &erasure};
  ASSERT_THAT(keyring_->RecordErasures({&write, 1},
                                       [&](LogBatch& batch) {
                                         erasure.set_log_index(batch.next_index());
                                         batch.Append("received", kTime);
                                         return absl::OkStatus();
                                       }),
              IsOk());
  erasure.set_samples_erased(5);
  ASSERT_THAT(keyring_->erasures().Update({&erasure, 1}, /*synced=*/true, {},
                                          [&](LogBatch& batch) {
                                            erasure.set_log_index(batch.next_index());
                                            batch.Append("completed", kTime);
                                            return absl::OkStatus();
                                          }),
              IsOk());
  Reopen();
  EXPECT_EQ(log().size(), 2);
  EXPECT_EQ((*keyring_->erasures().Get(1))->log_index(), 1);
  EXPECT_EQ((*keyring_->erasures().Get(1))->samples_erased(), 5);
}

TEST_F(MerkleLogTest, AChangedLeafIsNamed) {
  Append(5);
  Overwrite(kLogEntries, 3, std::string("\1\0\0\0\0\0\0\0\0leaf X", 15));
  EXPECT_EQ(log().size(), 5);
  const absl::Status verified = log().Verify();
  EXPECT_THAT(verified, Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  EXPECT_THAT(std::string(verified.message()), HasSubstr("number 3"));
}

TEST_F(MerkleLogTest, AChangedHashIsNamed) {
  Append(4);
  Overwrite(kLogNodes, 1, std::string(1 + 2 * 32, '\1'));
  const absl::Status verified = log().Verify();
  EXPECT_THAT(verified, Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  EXPECT_THAT(std::string(verified.message()), HasSubstr("number 1"));
}

TEST_F(MerkleLogTest, HasOneNameForGood) {
  EXPECT_THAT(keyring_->log_origin(), HasSubstr("expunge.local/"));
  const std::string name = keyring_->log_origin();
  Reopen();
  EXPECT_EQ(keyring_->log_origin(), name);
  Close();
  Keyring::Options options = Options();
  options.log_origin = "another.example/log";
  EXPECT_THAT(Keyring::Open(options).status(), Fails(absl::StatusCode::kFailedPrecondition, "LOG_ORIGIN_FIXED"));
}

}  // namespace
}  // namespace expunge
