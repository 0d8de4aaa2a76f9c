#include "tests/storage/keyring_fixture.h"

namespace expunge {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class SuppressionTest : public KeyringTest {
 protected:
  SuppressionTest() { Open(); }

  // The subject, or these samples of it.
  void Suppress(std::vector<ModelUid> models, std::vector<SampleKey> samples = {}) {
    const records::Erasure erasure = ErasureOf(++last_sequence_, subject_, {});
    Keyring::ErasureWrite write;
    write.erasure = &erasure;
    write.subject = subject_;
    write.suppress_in = std::move(models);
    write.suppress_samples = std::move(samples);
    ASSERT_THAT(keyring_->RecordErasures({&write, 1}), IsOk());
  }
  void StateConsent(ModelUid uid, std::vector<SampleKey> samples = {}) {
    Keyring::Admission admission;
    admission.subject = subject_;
    admission.consent = true;
    admission.samples = std::move(samples);
    ASSERT_THAT(keyring_->AdmitSubjects(uid, {&admission, 1}), IsOk());
  }
  bool IsSuppressed(ModelUid uid, const Pseudonym& subject) { return keyring_->GetSuppression(uid, subject)->subject; }
  bool IsSuppressed(ModelUid uid, int sample) {
    const bool suppressed = *keyring_->IsSampleSuppressed(uid, subject_, SampleNumber(sample));
    EXPECT_TRUE(!suppressed || keyring_->GetSuppression(uid, subject_)->some_samples);
    return suppressed;
  }
  // For models 1, 2 and 3, also after a reopen.
  template <typename What>
  std::vector<bool> Suppressed(const What& what) {
    std::vector<bool> before, after;
    for (const ModelUid uid : {1, 2, 3}) before.push_back(IsSuppressed(uid, what));
    Reopen();
    for (const ModelUid uid : {1, 2, 3}) after.push_back(IsSuppressed(uid, what));
    EXPECT_EQ(before, after);
    return after;
  }
  std::vector<bool> Suppressed() { return Suppressed(subject_); }

  const Pseudonym subject_ = SubjectNumber(1);
};

TEST_F(SuppressionTest, HoldsInTheModelsOfTheErasure) {
  Suppress({});
  EXPECT_THAT(Suppressed(), ElementsAre(false, false, false));
  Suppress({1, 3});
  EXPECT_THAT(Suppressed(), ElementsAre(true, false, true));
  EXPECT_FALSE(IsSuppressed(1, SubjectNumber(2)));
}

TEST_F(SuppressionTest, HoldsInEveryModelOfNowAndLater) {
  Suppress({kEveryModel});
  EXPECT_THAT(Suppressed(), ElementsAre(true, true, true));
  EXPECT_TRUE(IsSuppressed(4'000'000'000, subject_));
}

TEST_F(SuppressionTest, ConsentOpensTheModelItWasStatedForAlone) {
  Suppress({kEveryModel});
  StateConsent(2);
  EXPECT_THAT(Suppressed(), ElementsAre(true, false, true));
  Suppress({1});
  EXPECT_THAT(Suppressed(), ElementsAre(true, false, true));
}

TEST_F(SuppressionTest, AnErasureGoesBeforeEarlierConsent) {
  Suppress({kEveryModel});
  StateConsent(1);
  StateConsent(2);
  Suppress({1});
  EXPECT_THAT(Suppressed(), ElementsAre(true, false, true));
  Suppress({kEveryModel});
  EXPECT_THAT(Suppressed(), ElementsAre(true, true, true));
}

TEST_F(SuppressionTest, ConsentOfOneThatWasNeverForgottenChangesNothing) {
  StateConsent(1, {SampleNumber(1)});
  EXPECT_THAT(Suppressed(), ElementsAre(false, false, false));
  EXPECT_THAT(OpenDatabase(/*read_only=*/true)->Rows(kSuppressions), IsEmpty());
  Suppress({kEveryModel});
  EXPECT_THAT(Suppressed(), ElementsAre(true, true, true));
}

TEST_F(SuppressionTest, AnErasureOfSamplesSuppressesTheseAlone) {
  Suppress({1, 3}, {SampleNumber(7), SampleNumber(8)});
  EXPECT_THAT(Suppressed(), ElementsAre(false, false, false));
  EXPECT_THAT(Suppressed(7), ElementsAre(true, false, true));
  EXPECT_THAT(Suppressed(8), ElementsAre(true, false, true));
  EXPECT_THAT(Suppressed(9), ElementsAre(false, false, false));
  EXPECT_TRUE(keyring_->GetSuppression(1, subject_)->some_samples);
  EXPECT_FALSE(keyring_->GetSuppression(2, subject_)->some_samples);
  EXPECT_FALSE(*keyring_->IsSampleSuppressed(1, SubjectNumber(2), SampleNumber(7)));
}

TEST_F(SuppressionTest, SamplesMayBeSuppressedInEveryModel) {
  Suppress({kEveryModel}, {SampleNumber(7)});
  EXPECT_THAT(Suppressed(7), ElementsAre(true, true, true));
  EXPECT_TRUE(IsSuppressed(4'000'000'000, 7));
  EXPECT_THAT(Suppressed(), ElementsAre(false, false, false));
}

TEST_F(SuppressionTest, ConsentOpensTheSamplesItWasStatedForAlone) {
  Suppress({kEveryModel}, {SampleNumber(7), SampleNumber(8)});
  StateConsent(2, {SampleNumber(7), SampleNumber(9)});
  EXPECT_THAT(Suppressed(7), ElementsAre(true, false, true));
  EXPECT_THAT(Suppressed(8), ElementsAre(true, true, true));
  Suppress({2}, {SampleNumber(7)});
  EXPECT_THAT(Suppressed(7), ElementsAre(true, true, true));
}

TEST_F(SuppressionTest, ConsentOfTheSubjectLeavesItsForgottenSamplesOut) {
  Suppress({1}, {SampleNumber(7)});
  Suppress({kEveryModel});
  StateConsent(1, {SampleNumber(8)});
  EXPECT_THAT(Suppressed(), ElementsAre(false, true, true));
  EXPECT_THAT(Suppressed(7), ElementsAre(true, false, false));
  StateConsent(1, {SampleNumber(7)});
  EXPECT_THAT(Suppressed(7), ElementsAre(false, false, false));
}

TEST_F(SuppressionTest, NoRowLeadsToTheSubject) {
  const std::string pseudonym(AsBytes(subject_)), sample("sixteen bytes...");
  Suppress({kEveryModel});
  Suppress({1}, {SampleKeyFromBytes(sample)});
  StateConsent(2, {SampleKeyFromBytes(sample)});
  const std::string forgotten(AsBytes(keyring_->ForgottenName(subject_)));
  ASSERT_THAT(keyring_->Purge(), IsOk());
  EXPECT_THAT(FilesWith(Options().path, forgotten), Not(IsEmpty())) << "the control finds nothing";
  for (size_t begin = 0; begin + 8 <= pseudonym.size(); ++begin) {
    EXPECT_THAT(FilesWith(Options().path, pseudonym.substr(begin, 8)), IsEmpty());
  }
  EXPECT_THAT(FilesWith(Options().path, sample), IsEmpty());
}

TEST_F(SuppressionTest, ARowOfAnUnknownVersionIsNamed) {
  Suppress({kEveryModel});
  const Digest name = keyring_->ForgottenName(subject_);
  Close();
  StoreBytes(EncodeSuppressionKey(name, kEveryModel), "\x02?", kSuppressions);
  Open();
  const absl::Status status = keyring_->GetSuppression(1, subject_).status();
  EXPECT_THAT(status, Fails(absl::StatusCode::kDataLoss, "STORAGE_CORRUPT"));
  EXPECT_EQ(status.message(), "a suppression cannot be read: the record has version 2, this program knows version 1");
}

}  // namespace
}  // namespace expunge
