#include "catalog/ingestor.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catalog/sample_codec.h"
#include "gmock/gmock.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

class IngestorTest : public EngineTest {
 protected:
  IngestorTest() {
    Open();
    model_ = CreateModel("m", SmallSpec(3, 4));
  }

  static void ExpectCounts(const IngestCounts& counts, uint64_t ingested, uint64_t unchanged, uint64_t forgotten,
                           uint64_t conflicting) {
    EXPECT_EQ(counts.ingested, ingested);
    EXPECT_EQ(counts.unchanged, unchanged);
    EXPECT_EQ(counts.forgotten, forgotten);
    EXPECT_EQ(counts.conflicting, conflicting);
  }

  std::vector<uint32_t> SlicesOf(int subject) {
    std::vector<uint32_t> slices;
    const auto row = RowOf(*model_, subject);
    if (!row) return slices;
    for (const auto& sample : row->samples()) slices.push_back(sample.slice());
    return slices;
  }

  // The stored samples of a subject, opened with its key.
  std::multiset<std::pair<std::string, uint32_t>> StoredSamples(const ModelEntry& model, int subject) {
    std::multiset<std::pair<std::string, uint32_t>> samples;
    const auto key = engine_->keyring().GetSubjectKey(model.uid(), PseudonymOf(subject));
    EXPECT_THAT(key, IsOk());
    const auto visit = [&](const Pseudonym& owner, const SampleKey& sample_key,
                           std::string_view sealed) -> absl::Status {
      if (owner != PseudonymOf(subject)) return absl::OkStatus();
      const auto sample = OpenSample((*key)->key, model.uid(), owner, sample_key, sealed);
      if (sample.ok()) samples.emplace(sample->input(), sample->label());
      return sample.status();
    };
    EXPECT_THAT(engine_->store().View()->ScanSamples({model.uid(), ShardOf(model, subject)}, visit), IsOk());
    return samples;
  }

  std::shared_ptr<ModelEntry> model_;
};

TEST_F(IngestorTest, StoresEachSampleSealedUnderItsSubjectsKey) {
  ExpectCounts(Ingest(*model_, {{1, 0}, {1, 1}, {2, 0}}), 3, 0, 0, 0);
  const std::string zero("\1\0\0\0", 4), one("\1\0\1\0", 4);
  EXPECT_THAT(StoredSamples(*model_, 1), testing::UnorderedElementsAre(std::pair(zero, 0u), std::pair(one, 1u)));
  EXPECT_EQ(StoredSamples(*model_, 2).size(), 1);
}

TEST_F(IngestorTest, TheSameSampleAgainIsUnchanged) {
  Ingest(*model_, {{1, 0}, {1, 1}});
  ExpectCounts(Ingest(*model_, {{1, 0}, {1, 1}, {1, 2}}), 1, 2, 0, 0);
  EXPECT_EQ(RowOf(*model_, 1)->samples_size(), 3);
}

TEST_F(IngestorTest, AnotherSampleUnderAKnownIdIsRefusedAndTheFirstStays) {
  Ingest(*model_, {{1, 0}});
  const auto before = StoredSamples(*model_, 1);
  ExpectCounts(Ingest(*model_, {TestSample{.subject = 1, .number = 0, .content = 9}}), 0, 0, 0, 1);
  EXPECT_EQ(StoredSamples(*model_, 1), before);
}

TEST_F(IngestorTest, ASampleTwiceInOneBatchIsTakenOnce) {
  ExpectCounts(Ingest(*model_, {{1, 0}, {2, 0}, {1, 0}}), 2, 1, 0, 0);
  EXPECT_EQ(RowOf(*model_, 1)->samples_size(), 1);
}

TEST_F(IngestorTest, TwoSamplesOfOneIdInOneBatchConflict) {
  ExpectCounts(Ingest(*model_, {{1, 0}, TestSample{.subject = 1, .number = 0, .content = 9}}), 1, 0, 0, 1);
}

TEST_F(IngestorTest, SubjectsMayUseTheSameSampleIds) {
  ExpectCounts(Ingest(*model_, {{1, 0}, {2, 0}}), 2, 0, 0, 0);
  EXPECT_NE(RowOf(*model_, 1)->samples(0).key(), RowOf(*model_, 2)->samples(0).key());
}

TEST_F(IngestorTest, AnEmptyBatchIsNoBatch) {
  ExpectCounts(Ingest(*model_, {}), 0, 0, 0, 0);
  MutexLock lock(&model_->record_mutex);
  EXPECT_EQ(model_->record.ingest_batch(), 0);
}

TEST_F(IngestorTest, EachBatchHasANumberThatItsSamplesRemember) {
  Ingest(*model_, {{1, 0}});
  Ingest(*model_, {{1, 0}});  // brings nothing
  Ingest(*model_, {{1, 1}});
  std::multiset<uint64_t> batches;
  const records::Subject row = *RowOf(*model_, 1);
  for (const auto& sample : row.samples()) batches.insert(sample.ingest_batch());
  EXPECT_THAT(batches, testing::ElementsAre(1, 2));
}

TEST_F(IngestorTest, ARowListsItsSamplesByKey) {
  Ingest(*model_, {{1, 3}, {1, 0}, {1, 5}});
  Ingest(*model_, {{1, 2}, {1, 4}, {1, 1}});
  const records::Subject row = *RowOf(*model_, 1);
  ASSERT_EQ(row.samples_size(), 6);
  for (int i = 1; i < 6; ++i) EXPECT_LT(row.samples(i - 1).key(), row.samples(i).key());
}

TEST_F(IngestorTest, LikelihoodDecidesTheHalfOfTheSlices) {
  for (int subject = 1; subject <= 30; ++subject) {
    Ingest(*model_, {{subject, 0, ErasureLikelihood::kLow}});
    EXPECT_LT(SlicesOf(subject)[0], 2);
    Ingest(*model_, {{100 + subject, 0, ErasureLikelihood::kHigh}});
    EXPECT_GE(SlicesOf(100 + subject)[0], 2);
  }
}

TEST_F(IngestorTest, ASubjectsSamplesMayLieInSeveralSlicesOfItsShard) {
  Ingest(*model_, {{1, 0, ErasureLikelihood::kLow}, {1, 1, ErasureLikelihood::kHigh}});
  Ingest(*model_, {{1, 2, ErasureLikelihood::kLow}});
  const auto slices = SlicesOf(1);
  ASSERT_EQ(slices.size(), 3);
  EXPECT_EQ(std::set<uint32_t>(slices.begin(), slices.end()).size(), 2);
}

TEST_F(IngestorTest, AForgottenSubjectIsRefused) {
  Ingest(*model_, {{1, 0}});
  Forget(1);
  ExpectCounts(Ingest(*model_, {{1, 0}, {1, 1}, {2, 0}}), 1, 0, 2, 0);
  EXPECT_EQ(RowOf(*model_, 1), std::nullopt);
  Reopen();
  ExpectCounts(Ingest(*FindModel("m"), {{1, 0}}), 0, 0, 1, 0);
}

TEST_F(IngestorTest, NewConsentTakesAForgottenSubjectInAsANewOneForGood) {
  Ingest(*model_, {{1, 0}, {1, 1}});
  const std::string old_digest = RowOf(*model_, 1)->samples(0).digest();
  Forget(1);
  ExpectCounts(Ingest(*model_, {{1, 0}}, /*new_consent=*/true), 1, 0, 0, 0);
  const records::Subject row = *RowOf(*model_, 1);
  ASSERT_EQ(row.samples_size(), 1);
  EXPECT_NE(row.samples(0).digest(), old_digest) << "the new life must have a new secret";
  ExpectCounts(Ingest(*model_, {{1, 1}}), 1, 0, 0, 0);  // the consent need not be stated again
}

TEST_F(IngestorTest, NewConsentInOneModelIsNoneInAnother) {
  const auto other = CreateModel("n", SmallSpec(1, 1));
  Ingest(*model_, {{1, 0}});
  Ingest(*other, {{1, 0}});
  Forget(1);
  ExpectCounts(Ingest(*model_, {{1, 0}}, /*new_consent=*/true), 1, 0, 0, 0);
  ExpectCounts(Ingest(*other, {{1, 0}}), 0, 0, 1, 0);
}

TEST_F(IngestorTest, NewConsentChangesNothingForAKnownSubject) {
  Ingest(*model_, {{1, 0}});
  const std::string digest = RowOf(*model_, 1)->samples(0).digest();
  ExpectCounts(Ingest(*model_, {{1, 0}, {1, 1}}, /*new_consent=*/true), 1, 1, 0, 0);
  std::set<std::string> digests;
  const records::Subject row = *RowOf(*model_, 1);
  for (const auto& sample : row.samples()) digests.insert(sample.digest());
  EXPECT_TRUE(digests.contains(digest));
}

TEST_F(IngestorTest, OneSubjectHasAKeyOfItsOwnInEachModel) {
  const auto other = CreateModel("n", SmallSpec(1, 1));
  Ingest(*model_, {{1, 0}});
  Ingest(*other, {{1, 0}});
  EXPECT_NE(RowOf(*model_, 1)->samples(0).digest(), RowOf(*other, 1)->samples(0).digest());
}

TEST_F(IngestorTest, AnIngestIntoAModelThatIsBeingDeletedIsRefused) {
  ASSERT_THAT(engine_->unlearner().Delete(*model_), IsOk());
  EXPECT_THAT(TryIngest(*model_, {{1, 0}}), Fails(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  const auto key = engine_->keyring().GetSubjectKeyId(model_->uid(), PseudonymOf(1));
  ASSERT_THAT(key, IsOk());
  EXPECT_FALSE(key->has_value()) << "a key would outlive the model";
}

TEST_F(IngestorTest, SamplesSurviveAReopen) {
  Ingest(*model_, {{1, 0}, {1, 1}, {2, 0}});
  const auto before = StoredSamples(*model_, 1);
  Reopen();
  model_ = FindModel("m");
  EXPECT_EQ(StoredSamples(*model_, 1), before);
  ExpectCounts(Ingest(*model_, {{1, 0}, {1, 1}}), 0, 2, 0, 0);
}

TEST_F(IngestorTest, ASubjectWhoseKeyWasLostComesBackAsANewOne) {
  Ingest(*model_, {{1, 0}, {1, 1}});
  records::Erasure erasure;
  erasure.set_sequence(1);
  erasure.set_uuid(std::string(16, 'u'));
  erasure.set_state(records::Erasure::COMPLETED);
  ASSERT_THAT(engine_->keyring().RecordErasures(
                  {{.erasure = &erasure, .subject = PseudonymOf(1), .forgotten_in = {model_->uid()}}}),
              IsOk());
  ExpectCounts(Ingest(*model_, {{1, 0}}), 1, 0, 0, 0);
  EXPECT_EQ(RowOf(*model_, 1)->samples_size(), 1);
}

}  // namespace
}  // namespace expunge
