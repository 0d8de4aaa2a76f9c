// A subject that keeps some samples: from the record of the erasure to the death of the old key.

#include "tests/storage/keyring_fixture.h"

namespace expunge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class KeyringRekeyTest : public KeyringTest {
 protected:
  KeyringRekeyTest() { Open(); }

  std::optional<Rekey> RekeyOf(ModelUid model, const Pseudonym& subject) {
    auto rekey = keyring_->GetRekey(model, subject);
    EXPECT_THAT(rekey, IsOk());
    return rekey.ok() ? *std::move(rekey) : std::nullopt;
  }
};

TEST_F(KeyringRekeyTest, TheSubjectHasANewKeyAndTheOldOneIsInTheRekey) {
  const Pseudonym subject = SubjectNumber(1);
  const std::string old_key = CreateSubjectKey(1, subject);
  const KeyId old_id = **keyring_->GetSubjectKeyId(1, subject);
  const std::string elsewhere = CreateSubjectKey(2, subject);
  EXPECT_EQ(RekeyOf(1, subject), std::nullopt);
  const std::string new_key = ForgetSamples({1, 5}, subject, {SampleNumber(3), SampleNumber(4)});
  Reopen();
  EXPECT_EQ(KeyOf(1, subject), new_key);
  EXPECT_NE(new_key, old_key);
  EXPECT_NE(**keyring_->GetSubjectKeyId(1, subject), old_id);
  EXPECT_EQ(KeyOf(2, subject), elsewhere);

  const std::optional<Rekey> rekey = RekeyOf(1, subject);
  ASSERT_TRUE(rekey.has_value());
  EXPECT_EQ(rekey->model, 1);
  EXPECT_EQ(rekey->shard, 5);
  EXPECT_EQ(rekey->subject, subject);
  EXPECT_EQ(rekey->erasure, last_sequence_);
  EXPECT_EQ(rekey->old_key.id, old_id);
  EXPECT_EQ(rekey->old_key.key.bytes(), old_key);
  EXPECT_THAT(rekey->erased, ElementsAre(SampleNumber(3), SampleNumber(4)));
  EXPECT_EQ(RekeyOf(2, subject), std::nullopt);
  EXPECT_EQ(RekeyOf(1, SubjectNumber(2)), std::nullopt);
}

TEST_F(KeyringRekeyTest, AreListedUntilTheyAreFinished) {
  EXPECT_THAT(*keyring_->ListRekeys(), IsEmpty());
  std::vector<std::string> old_keys;
  for (int i = 1; i <= 3; ++i) {
    old_keys.push_back(CreateSubjectKey(1, SubjectNumber(i)));
    ForgetSamples({1, 0}, SubjectNumber(i), {SampleNumber(i)});
  }
  CreateSubjectKey(2, SubjectNumber(1));
  ForgetSamples({2, 0}, SubjectNumber(1), {SampleNumber(1)});
  Reopen();
  EXPECT_THAT(*keyring_->ListRekeys(), SizeIs(4));
  ASSERT_THAT(keyring_->FinishRekey(1, SubjectNumber(1)), IsOk());
  ASSERT_THAT(keyring_->FinishRekey(1, SubjectNumber(3)), IsOk());
  ASSERT_THAT(keyring_->FinishRekey(1, SubjectNumber(3)), IsOk());
  Reopen();
  EXPECT_EQ(RekeyOf(1, SubjectNumber(1)), std::nullopt);
  const auto rekeys = keyring_->ListRekeys();
  ASSERT_THAT(*rekeys, SizeIs(2));
  EXPECT_EQ((*rekeys)[0].model, 1);
  EXPECT_EQ((*rekeys)[0].subject, SubjectNumber(2));
  EXPECT_EQ((*rekeys)[0].shard, 0);
  EXPECT_EQ(RekeyOf(1, SubjectNumber(2))->old_key.key.bytes(), old_keys[1]);
  EXPECT_EQ((*rekeys)[1].model, 2);
  EXPECT_NE(KeyOf(1, SubjectNumber(1)), "");
}

TEST_F(KeyringRekeyTest, TheOldKeyIsInNoFileAfterItsEndAndAPurge) {
  const Pseudonym subject = SubjectNumber(1);
  for (int i = 0; i < 10; ++i) CreateSubjectKey(1, SubjectNumber(i));
  const std::string first_wrapping = StoredBytes(EncodeSubjectDataKeyKey(1, subject)).substr(1 + 8 + 4);
  const std::string old_id(AsBytes(**keyring_->GetSubjectKeyId(1, subject)));
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(FilesWith(Options().path, first_wrapping), Not(IsEmpty())) << "the control finds nothing";

  const std::string new_key = ForgetSamples({1, 0}, subject, {SampleNumber(3)});
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(FilesWith(Options().path, first_wrapping), IsEmpty());
  const std::string row = StoredBytes(EncodeRekeyKey(1, subject));
  const auto traces = keyring_->GetTraces(last_sequence_);
  ASSERT_TRUE(traces.ok() && traces->has_value());
  ASSERT_THAT((*traces)->wrapped_keys(), SizeIs(2));
  const std::string second_wrapping = (*traces)->wrapped_keys(1);
  EXPECT_THAT(row, testing::HasSubstr(second_wrapping));
  EXPECT_EQ((*traces)->wrapped_keys(0), first_wrapping.substr(0, 32));
  EXPECT_EQ((*traces)->pseudonym(), "") << "the subject stays";
  EXPECT_THAT((*traces)->models(), ElementsAre(1));
  EXPECT_THAT(FilesWith(Options().path, second_wrapping), Not(IsEmpty())) << "the control finds nothing";
  EXPECT_THAT(FilesWith(Options().path, old_id), Not(IsEmpty()));

  ASSERT_THAT(keyring_->FinishRekey(1, subject), IsOk());
  EXPECT_THAT(FilesWith(Options().path, second_wrapping), Not(IsEmpty())) << "a purge is what takes it";
  ASSERT_THAT(keyring_->Purge(), IsOk());
  for (const std::string& bytes : {first_wrapping, second_wrapping, old_id}) {
    EXPECT_THAT(FilesWith(Options().path, bytes), IsEmpty());
  }
  EXPECT_EQ(KeyOf(1, subject), new_key);
}

TEST_F(KeyringRekeyTest, OfAMovedOrMalformedRowIsDataLoss) {
  for (int i = 1; i <= 2; ++i) {
    CreateSubjectKey(1, SubjectNumber(i));
    ForgetSamples({1, 0}, SubjectNumber(i), {SampleNumber(1)});
  }
  Close();
  const std::string stored = StoredBytes(EncodeRekeyKey(1, SubjectNumber(1)));
  StoreBytes(EncodeRekeyKey(1, SubjectNumber(2)), stored);
  Open();
  EXPECT_THAT(keyring_->GetRekey(1, SubjectNumber(2)), Fails(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT"));
  EXPECT_THAT(*keyring_->ListRekeys(), SizeIs(2)) << "the list opens no key";
  Close();
  records::PendingRekey record;
  ASSERT_TRUE(record.ParseFromString(stored.substr(1)));
  record.add_samples("not sixteen bytes");
  StoreBytes(EncodeRekeyKey(1, SubjectNumber(2)), "");
  StoreBytes(EncodeRekeyKey(1, SubjectNumber(1)), "\x01" + record.SerializeAsString());
  Open();
  EXPECT_THAT(keyring_->GetRekey(1, SubjectNumber(1)), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  EXPECT_THAT(keyring_->GetRekey(1, SubjectNumber(2)), Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
}

}  // namespace
}  // namespace expunge
