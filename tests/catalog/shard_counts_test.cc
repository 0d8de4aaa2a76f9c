// What a ShardStatus says of the stored samples must be what is stored, however it came about.

#include <tuple>
#include <vector>

#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

struct Counts {
  uint64_t subjects = 0;
  std::vector<uint64_t> samples;  // by slice
  bool operator==(const Counts&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Counts& counts) {
    out << counts.subjects << " subjects, samples by slice:";
    for (const uint64_t samples : counts.samples) out << " " << samples;
    return out;
  }
};

class ShardCountsTest : public EngineTest {
 protected:
  ShardCountsTest() {
    Open();
    model_ = CreateModel("m", SmallSpec(3, 4));
  }

  Counts Told(uint32_t shard) {
    const ShardStatus status = model_->Status(shard);
    Counts counts = {.subjects = status.subjects};
    for (const ShardStatus::Slice& slice : status.slices) counts.samples.push_back(slice.samples);
    return counts;
  }

  // Of subjects whose row names the key that the keyring has for them.
  Counts Stored(uint32_t shard) {
    Counts counts = {.samples = std::vector<uint64_t>(model_->spec().sisa.slices)};
    const auto visit = [&](const Pseudonym& subject, const records::Subject& row) -> absl::Status {
      const auto key = engine_->keyring().GetSubjectKeyId(model_->uid(), subject);
      if (!key.ok() || !*key || AsBytes(**key) != row.key_id()) return key.status();
      ++counts.subjects;
      for (const auto& sample : row.samples()) ++counts.samples[sample.slice()];
      return absl::OkStatus();
    };
    EXPECT_THAT(engine_->store().View()->ScanSubjects({model_->uid(), shard}, visit), IsOk());
    return counts;
  }

  void ExpectAgreement(uint64_t subjects) {
    uint64_t found = 0;
    for (uint32_t shard = 0; shard < 3; ++shard) {
      EXPECT_EQ(Told(shard), Stored(shard)) << "shard " << shard;
      found += Told(shard).subjects;
    }
    EXPECT_EQ(found, subjects);
  }

  void ReopenModel() {
    Reopen();
    model_ = FindModel("m");
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(ShardCountsTest, AgreeAfterIngest) {
  ExpectAgreement(0);
  IngestSubjects(*model_, 1, 20);
  ExpectAgreement(20);
  Ingest(*model_, {{1, 0}, {1, 7}, {21, 0}, {21, 0}, TestSample{.subject = 2, .number = 0, .content = 3}});
  ExpectAgreement(21);
}

TEST_F(ShardCountsTest, AgreeAfterForgetAndReturn) {
  IngestSubjects(*model_, 1, 10);
  Ingest(*model_, {{3, 5, ErasureLikelihood::kLow}, {3, 6, ErasureLikelihood::kHigh}});
  for (const int subject : {3, 4, 99}) Forget(subject);
  ExpectAgreement(8);
  Ingest(*model_, {{3, 0}, {4, 0}});
  ExpectAgreement(8);
  Ingest(*model_, {{3, 0}}, /*new_consent=*/true);
  ExpectAgreement(9);
}

TEST_F(ShardCountsTest, AgreeAfterReopenAndWhatFollows) {
  IngestSubjects(*model_, 1, 10);
  Forget(2);
  ReopenModel();
  ExpectAgreement(9);
  IngestSubjects(*model_, 11, 5);
  Forget(3);
  ExpectAgreement(13);
  TrainAll(*model_);
  ExpectAgreement(13);
  Forget(4);
  ASSERT_TRUE(WaitUntilIdle(*engine_, *model_));
  ExpectAgreement(12);
}

TEST_F(ShardCountsTest, AgreeWhenASubjectsKeyWasLost) {
  IngestSubjects(*model_, 1, 3);
  records::Erasure erasure;
  erasure.set_sequence(1);
  erasure.set_uuid(std::string(16, 'u'));
  erasure.set_state(records::Erasure::COMPLETED);
  ASSERT_THAT(engine_->keyring().RecordErasures(
                  {{.erasure = &erasure, .subject = PseudonymOf(2), .forgotten_in = {model_->uid()}}}),
              IsOk());
  ReopenModel();
  ExpectAgreement(2);
  Ingest(*model_, {{2, 0}});
  ExpectAgreement(3);
}

}  // namespace
}  // namespace expunge
