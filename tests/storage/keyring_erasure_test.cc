#include <tuple>

#include "tests/storage/keyring_fixture.h"

namespace expunge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

class KeyringErasureTest : public KeyringTest {
 protected:
  KeyringErasureTest() { Open(); }

  // As traces name it: the nonce and the beginning of the ciphertext.
  std::string TraceOfSubjectKey(ModelUid model, const Pseudonym& subject) {
    return StoredBytes(EncodeSubjectDataKeyKey(model, subject)).substr(1 + 8 + 4, 32);
  }
  std::string TraceOfCheckpointKey(ShardId shard, uint32_t slice, const CheckpointKeyId& id) {
    return StoredBytes(EncodeCheckpointDataKeyKey(shard, slice, id), kCheckpointKeys).substr(1 + 4, 32);
  }
  records::ErasureTraces TracesOf(ErasureSequence sequence) {
    const auto traces = keyring_->GetTraces(sequence);
    EXPECT_THAT(traces, IsOk());
    EXPECT_TRUE(traces->has_value());
    return traces->value_or(records::ErasureTraces());
  }
};

TEST_F(KeyringErasureTest, TakesWhatItNamesAndNothingElse) {
  const std::string kept = CreateSubjectKey(1, SubjectNumber(2));
  const std::string kept_elsewhere = CreateSubjectKey(3, SubjectNumber(1));
  CreateSubjectKey(1, SubjectNumber(1));
  CreateSubjectKey(2, SubjectNumber(1));
  std::vector<CheckpointKeyId> ids;
  for (uint32_t slice = 0; slice < 4; ++slice) ids.push_back(CreateCheckpointKey({1, 0}, slice));
  const CheckpointKeyId second_of_slice = CreateCheckpointKey({1, 0}, 3);
  const CheckpointKeyId other_shard = CreateCheckpointKey({1, 1}, 3);

  for (int repeat = 0; repeat < 2; ++repeat) {
    ASSERT_THAT(Forget(SubjectNumber(1), {1, 2}, {{.shard = {1, 0}, .first_slice = 2}}), IsOk());
    EXPECT_EQ(KeyOf(1, SubjectNumber(1)), "");
    EXPECT_EQ(KeyOf(2, SubjectNumber(1)), "");
    EXPECT_EQ(KeyOf(3, SubjectNumber(1)), kept_elsewhere);
    EXPECT_EQ(KeyOf(1, SubjectNumber(2)), kept);
    for (uint32_t slice = 0; slice < 4; ++slice) EXPECT_EQ(HasCheckpointKey({1, 0}, slice, ids[slice]), slice < 2);
    EXPECT_FALSE(HasCheckpointKey({1, 0}, 3, second_of_slice));
    EXPECT_TRUE(HasCheckpointKey({1, 1}, 3, other_shard));
    EXPECT_EQ(keyring_->erasures().Get(last_sequence_)->value().uuid(), UuidNumber(last_sequence_));
    Reopen();
  }
}

TEST_F(KeyringErasureTest, TheRecordHasItsMarks) {
  const records::Erasure erasure = ErasureOf(5, SubjectNumber(1), {{{1, 4}, 2}, {{2, 4}, 4}});
  Keyring::ErasureWrite write;
  write.erasure = &erasure;
  write.subject = SubjectNumber(1);
  ASSERT_THAT(keyring_->RecordErasures({&write, 1}), IsOk());
  Reopen();
  EXPECT_EQ(keyring_->erasures().Get(5)->value().DebugString(), erasure.DebugString());
  EXPECT_EQ(keyring_->erasures().Find(UuidNumber(5))->value().sequence(), 5);
  EXPECT_THAT(*keyring_->erasures().PendingIn({1, 4}), ElementsAre(5));
  EXPECT_THAT(*keyring_->erasures().PendingIn({2, 4}), ElementsAre(5));
  EXPECT_THAT(*keyring_->erasures().PendingIn({1, 5}), IsEmpty());
}

TEST_F(KeyringErasureTest, TracesAreWhatMustNotBeFoundAnyMore) {
  const Pseudonym subject = SubjectNumber(1);
  CreateSubjectKey(1, subject);
  CreateSubjectKey(2, subject);
  const CheckpointKeyId first = CreateCheckpointKey({1, 0}, 1), second = CreateCheckpointKey({1, 0}, 2);
  CreateCheckpointKey({1, 0}, 0);
  const std::vector<std::string> wrapped = {TraceOfSubjectKey(1, subject), TraceOfSubjectKey(2, subject),
                                            TraceOfCheckpointKey({1, 0}, 1, first),
                                            TraceOfCheckpointKey({1, 0}, 2, second)};
  for (const std::string& bytes : wrapped) ASSERT_EQ(bytes.size(), 32);

  const records::Erasure erasure = ErasureOf(7, subject, {});
  Keyring::ErasureWrite write;
  write.erasure = &erasure;
  write.subject = subject;
  write.forgotten_in = {1, 2};
  write.checkpoints = {{{1, 0}, 1}};
  write.seal_nonces = {"nonce number", "another one."};
  ASSERT_THAT(keyring_->RecordErasures({&write, 1}), IsOk());
  Reopen();
  const records::ErasureTraces traces = TracesOf(7);
  EXPECT_EQ(traces.pseudonym(), AsBytes(subject));
  EXPECT_THAT(traces.wrapped_keys(), testing::UnorderedElementsAreArray(wrapped));
  EXPECT_THAT(traces.checkpoint_key_ids(), UnorderedElementsAre(AsBytes(first), AsBytes(second)));
  EXPECT_THAT(traces.seal_nonces(), ElementsAre("nonce number", "another one."));
  EXPECT_THAT(traces.models(), ElementsAre(1, 2));
}

TEST_F(KeyringErasureTest, TracesOfManySamplesAreBounded) {
  CreateSubjectKey(1, SubjectNumber(1));
  const records::Erasure erasure = ErasureOf(1, SubjectNumber(1), {});
  Keyring::ErasureWrite write;
  write.erasure = &erasure;
  write.subject = SubjectNumber(1);
  write.forgotten_in = {1};
  write.suppress_in = {kEveryModel};
  for (int i = 0; i < 10'000; ++i) write.seal_nonces.push_back("nonce " + std::to_string(100'000 + i));
  ASSERT_THAT(keyring_->RecordErasures({&write, 1}), IsOk());
  EXPECT_GE(TracesOf(1).seal_nonces_size(), 10);
  EXPECT_LE(TracesOf(1).seal_nonces_size(), 100);
  EXPECT_EQ(TracesOf(1).seal_nonces(0), "nonce 100000");
}

TEST_F(KeyringErasureTest, TracesOfASubjectThatStaysHaveEverySample) {
  CreateSubjectKey(1, SubjectNumber(1));
  CreateSubjectKey(2, SubjectNumber(2));
  std::vector<std::string> nonces;
  for (int i = 0; i < 10'000; ++i) nonces.push_back("nonce " + std::to_string(100'000 + i));

  const records::Erasure of_samples = ErasureOf(1, SubjectNumber(1), {});
  const auto old_key = keyring_->GetSubjectKey(1, SubjectNumber(1));
  const SubjectKey new_key = SubjectKey::Random();
  Keyring::ErasureWrite partial;
  partial.erasure = &of_samples;
  partial.subject = SubjectNumber(1);
  partial.partial.push_back({.model = 1, .old_key = &**old_key, .new_key = &new_key, .erased = {SampleNumber(1)}});
  partial.suppress_in = {kEveryModel};
  partial.suppress_samples = {SampleNumber(1)};
  partial.seal_nonces = nonces;

  const records::Erasure of_one_model = ErasureOf(2, SubjectNumber(2), {});
  Keyring::ErasureWrite in_one_model;
  in_one_model.erasure = &of_one_model;
  in_one_model.subject = SubjectNumber(2);
  in_one_model.forgotten_in = {2};
  in_one_model.suppress_in = {2};
  in_one_model.seal_nonces = nonces;

  ASSERT_THAT(keyring_->RecordErasures({partial, in_one_model}), IsOk());
  EXPECT_THAT(TracesOf(1).seal_nonces(), testing::ElementsAreArray(nonces));
  EXPECT_THAT(TracesOf(2).seal_nonces(), testing::ElementsAreArray(nonces));
}

TEST_F(KeyringErasureTest, TracesAreStoredSealed) {
  const Pseudonym subject = SubjectNumber(1);
  CreateSubjectKey(1, subject);
  const CheckpointKeyId id = CreateCheckpointKey({1, 0}, 0);
  const std::string subject_key = TraceOfSubjectKey(1, subject);
  const std::string checkpoint_key = TraceOfCheckpointKey({1, 0}, 0, id);
  const std::vector<std::string> places = {std::string(AsBytes(subject)).substr(8), std::string(AsBytes(id)),
                                           subject_key, checkpoint_key};
  ASSERT_THAT(keyring_->Purge(), IsOk());
  for (const std::string& bytes : places) {
    EXPECT_THAT(FilesWith(Options().path, bytes), Not(IsEmpty())) << "the control finds nothing";
  }

  const records::Erasure erasure = ErasureOf(1, subject, {});
  Keyring::ErasureWrite write;
  write.erasure = &erasure;
  write.subject = subject;
  write.forgotten_in = {1};
  write.checkpoints = {{{1, 0}, 0}};
  write.seal_nonces = {"recognizable"};
  ASSERT_THAT(keyring_->RecordErasures({&write, 1}), IsOk());
  ASSERT_THAT(keyring_->Purge(), IsOk());  // what is left is what the traces hold
  EXPECT_EQ(TracesOf(1).seal_nonces(0), "recognizable");
  EXPECT_THAT(TracesOf(1).wrapped_keys(), UnorderedElementsAre(subject_key, checkpoint_key));
  for (const std::string& bytes : places) EXPECT_THAT(FilesWith(Options().path, bytes), IsEmpty());
  EXPECT_THAT(FilesWith(Options().path, "recognizable"), IsEmpty());
}

TEST_F(KeyringErasureTest, TracesThatWereChangedOrMovedAreDataLoss) {
  for (int i = 1; i <= 2; ++i) {
    CreateSubjectKey(1, SubjectNumber(i));
    ASSERT_THAT(Forget(SubjectNumber(i), {1}), IsOk());
  }
  Close();
  const std::string first = StoredBytes(EncodeTracesKey(1), kTraces);
  std::string changed = first;
  changed.back() ^= 1;
  StoreBytes(EncodeTracesKey(1), changed, kTraces);
  StoreBytes(EncodeTracesKey(2), first, kTraces);
  StoreBytes(EncodeTracesKey(3), "\x02", kTraces);
  Open();
  EXPECT_THAT(keyring_->GetTraces(1), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  EXPECT_THAT(keyring_->GetTraces(2), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  EXPECT_THAT(keyring_->GetTraces(3), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
}

TEST_F(KeyringErasureTest, AnErasureThatTookNothingHasNoTraces) {
  ASSERT_THAT(Forget(SubjectNumber(1), {}), IsOk());
  ASSERT_THAT(Forget(SubjectNumber(1), {}, {{{1, 0}, 0}}), IsOk());
  const auto traces = keyring_->GetTraces(1);
  ASSERT_THAT(traces, IsOk());
  EXPECT_FALSE(traces->has_value());
  EXPECT_THAT(*keyring_->ListTraces(0, 100), IsEmpty());
}

TEST_F(KeyringErasureTest, TracesAreListedAscendingUntilTheyAreReclaimed) {
  for (int i = 1; i <= 300; ++i) {
    CreateSubjectKey(1, SubjectNumber(i));
    if (i % 100 == 50) ++last_sequence_;  // gaps are possible
    ASSERT_THAT(Forget(SubjectNumber(i), {1}), IsOk());
  }
  EXPECT_EQ(keyring_->ListTraces(0, 1000)->size(), 300);
  EXPECT_THAT(*keyring_->ListTraces(0, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(*keyring_->ListTraces(49, 3), ElementsAre(49, 51, 52));
  EXPECT_THAT(*keyring_->ListTraces(255, 3), ElementsAre(255, 256, 257));
  EXPECT_THAT(*keyring_->ListTraces(1, 0), IsEmpty());
  EXPECT_THAT(*keyring_->ListTraces(304, 3), IsEmpty());

  records::Erasure reclaimed = **keyring_->erasures().Get(2);
  reclaimed.set_reclaimed_time_micros(9);
  ASSERT_THAT(keyring_->erasures().Update({&reclaimed, 1}, /*synced=*/false, {1, 2}), IsOk());
  Reopen();
  EXPECT_THAT(*keyring_->ListTraces(0, 2), ElementsAre(3, 4));
  EXPECT_FALSE(keyring_->GetTraces(2)->has_value());
  EXPECT_EQ(keyring_->erasures().Get(2)->value().reclaimed_time_micros(), 9);
  EXPECT_TRUE(keyring_->GetTraces(3)->has_value());
}

}  // namespace
}  // namespace expunge
