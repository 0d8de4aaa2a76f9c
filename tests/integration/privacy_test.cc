// Nobody's name is anywhere: not in the data directory, not in the log, not in an error.

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kSubject[] = "Canary-Subject-Ada";
constexpr char kSample[] = "Canary-Sample-Of-Ada";
constexpr char kPixels[] = "Canary-Pixels:as-good-as-the-face-of-Ada-herself,-64-bytes-long!";

class PrivacyTest : public IntegrationTest {
 protected:
  PrivacyTest() : IntegrationTest({"--log-level", "debug"}) {}

  void ExpectNowhere() {
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.data_dir())) {
      if (!entry.is_regular_file()) continue;
      ++files;
      const std::string bytes = ReadWholeFile(entry.path());
      for (const char* canary : kCanaries) {
        EXPECT_EQ(bytes.find(canary), std::string::npos) << entry.path() << " holds " << canary;
        EXPECT_EQ(entry.path().string().find(canary), std::string::npos);
      }
    }
    EXPECT_GT(files, 10);
    EXPECT_THAT(server_.log(), Not(HasSubstr("Canary")));
  }

  static constexpr const char* kCanaries[] = {kSubject, kSample, kPixels};
};

v1::SampleBatch Canaries(int count) {
  static_assert(sizeof(kPixels) - 1 == kStripesBytes);
  v1::SampleBatch batch;
  for (int i = 0; i < count; ++i) {
    v1::SampleDescriptor& sample = *batch.add_samples();
    sample.set_subject_id(absl::StrCat(kSubject, i));
    sample.set_sample_id(absl::StrCat(kSample, i));
    sample.set_label(static_cast<uint32_t>(i % kStripesClasses));
    batch.mutable_inputs()->append(kPixels);
  }
  return batch;
}

TEST_F(PrivacyTest, NoFileAndNoLogLineHoldsAName) {
  ASSERT_THAT(Create(client(), StripesModel("m", 2, 2)), IsOk());
  ASSERT_THAT(Ingest(client(), "m", {Canaries(30)}), IsOk());
  server_.Kill();  // what is in the WAL alone is looked at as well
  ExpectNowhere();

  ASSERT_THAT(server_.Start(), IsOk());
  ASSERT_THAT(TrainAndWait(client(), "m"), IsOk());
  v1::PredictRequest predict = StripesInputs("m", 0, 1);
  predict.mutable_inputs()->set_data(kPixels);
  ASSERT_THAT(client().Predict(predict), IsOk());
  for (const int person : {4, 5}) {
    const auto erasure = client().Forget(ForgetOf(absl::StrCat(kSubject, person)));
    ASSERT_THAT(erasure, IsOk());
    EXPECT_EQ(WaitUntilFinal(client(), erasure->name())->state(), v1::Erasure::COMPLETED);
    EXPECT_THAT(erasure->DebugString(), Not(HasSubstr("Canary")));
  }
  ASSERT_THAT(client().Forget(ForgetOf(absl::StrCat(kSubject, "-the-stranger"))), IsOk());
  v1::AuditRequest audit;
  audit.mutable_filter()->set_subject_id(absl::StrCat(kSubject, 4));
  const auto report = client().Audit(audit);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->erasures_size(), 1);
  EXPECT_THAT(report->DebugString(), Not(HasSubstr("Canary")));
  EXPECT_THAT(ReplayAll(client(), "m"), IsOk());
  ASSERT_EQ(server_.Terminate(), 0);  // flushes
  ExpectNowhere();
}

TEST_F(PrivacyTest, NoErrorHoldsAName) {
  ASSERT_THAT(Create(client(), StripesModel("m", 2, 2)), IsOk());
  std::vector<absl::Status> errors;
  v1::SampleBatch batch = Canaries(3);
  batch.mutable_samples(1)->set_label(99);
  errors.push_back(Ingest(client(), "m", {batch}).status());
  batch = Canaries(3);
  batch.mutable_samples(2)->clear_sample_id();
  errors.push_back(Ingest(client(), "m", {batch}).status());
  errors.push_back(Ingest(client(), "no-such-model", {Canaries(3)}).status());
  v1::ForgetRequest forget = ForgetOf(kSubject);
  ASSERT_THAT(client().Forget(forget), IsOk());
  forget.set_subject_id(absl::StrCat(kSubject, "-and-another"));
  errors.push_back(client().Forget(forget).status());
  forget = ForgetOf(kSubject);
  forget.add_models("models/nothing");
  errors.push_back(client().Forget(forget).status());
  forget = ForgetOf(kSubject);
  forget.set_request_id(kSubject);
  errors.push_back(client().Forget(forget).status());
  forget = ForgetOf(kSubject);
  forget.add_sample_ids(kSample);
  forget.add_sample_ids("");
  errors.push_back(client().Forget(forget).status());
  v1::GetErasureRequest get;
  get.set_name(absl::StrCat("erasures/", kSubject));
  errors.push_back(client().GetErasure(get).status());
  v1::GetModelRequest model;
  model.set_name(kSubject);
  errors.push_back(client().GetModel(model).status());
  for (const absl::Status& error : errors) {
    EXPECT_FALSE(error.ok());
    EXPECT_THAT(error.ToString(), Not(HasSubstr("Canary")));
  }
  const Outcome command = Expunge({"forget", kSubject, "--model", "nothing"});
  EXPECT_EQ(command.status, 1);
  EXPECT_THAT(command.err, Not(HasSubstr("Canary")));
  EXPECT_THAT(server_.log(), Not(HasSubstr("Canary")));
}

}  // namespace
}  // namespace expunge
