#include "tests/testing/engine_fixture.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace expunge {

ModelSpec SmallSpec(uint32_t shards, uint32_t slices) {
  ModelSpec spec;
  spec.input = {.shape = {4}, .dtype = DType::kUint8};
  spec.labels = {"no", "yes"};
  spec.training = {.epochs = 1, .batch_size = 4, .seed = 7};
  spec.sisa = {.shards = shards, .slices = slices};
  return spec;
}

std::string SubjectName(int subject) { return "subject " + std::to_string(subject); }

EngineTest::EngineTest()
    : taints_(
          &hash_, [](const uint8_t* input) { return uint32_t{input[0]} | uint32_t{input[1]} << 8; }, dir_ / "taints"),
      trainer_(&taints_) {
  ConfigureLog(LogLevel::kError, LogFormat::kText);
  options_ = {.data_dir = dir_ / "data", .reserved_free_bytes = 0};
  options_.pepper = Sha256("a pepper for tests");
}

EngineTest::~EngineTest() = default;

void EngineTest::Open() {
  OpenWithoutRecovery();
  ASSERT_THAT(engine_->Recover(), IsOk());
}

void EngineTest::OpenWithoutRecovery() {
  auto engine = Engine::Open(options_, &trainer_, engine_clock_);
  ASSERT_THAT(engine, IsOk());
  engine_ = *std::move(engine);
}

void EngineTest::Reopen() {
  Close();
  Open();
}

std::shared_ptr<ModelEntry> EngineTest::CreateModel(const std::string& name, const ModelSpec& spec) {
  auto model = engine_->catalog().Create(name, spec);
  EXPECT_THAT(model, IsOk());
  return *model;
}

std::shared_ptr<ModelEntry> EngineTest::FindModel(const std::string& name) {
  auto model = engine_->catalog().Find(name);
  EXPECT_THAT(model, IsOk());
  return *model;
}

absl::StatusOr<IngestCounts> EngineTest::TryIngest(ModelEntry& model, const std::vector<TestSample>& samples,
                                                   bool new_consent) {
  std::vector<std::string> texts;
  texts.reserve(samples.size() * 3);
  std::vector<NewSample> fresh;
  for (const TestSample& sample : samples) {
    texts.push_back(SubjectName(sample.subject));
    texts.push_back("sample " + std::to_string(sample.number));
    texts.push_back({static_cast<char>(sample.subject), static_cast<char>(sample.subject >> 8),
                     static_cast<char>(sample.number), static_cast<char>(sample.content)});
    const std::string* text = &texts.back();
    fresh.push_back({text[-2], text[-1], static_cast<uint32_t>(sample.number) % 2, sample.likelihood, *text});
  }
  auto counts = engine_->ingestor().Ingest(model, fresh, new_consent);
  if (absl::Status committed = engine_->ingestor().Commit(); !committed.ok()) return committed;
  return counts;
}

IngestCounts EngineTest::Ingest(ModelEntry& model, const std::vector<TestSample>& samples, bool new_consent) {
  const auto counts = TryIngest(model, samples, new_consent);
  EXPECT_THAT(counts, IsOk());
  return counts.value_or(IngestCounts());
}

void EngineTest::IngestSubjects(ModelEntry& model, int first, int count) {
  std::vector<TestSample> samples;
  for (int subject = first; subject < first + count; ++subject) {
    samples.push_back({subject, 0});
    samples.push_back({subject, 1});
  }
  ASSERT_EQ(Ingest(model, samples).ingested, samples.size());
}

void EngineTest::TrainAll(ModelEntry& model) {
  ASSERT_THAT(engine_->unlearner().Train(model), IsOk());
  ASSERT_TRUE(WaitUntilIdle(*engine_, model));
}

ForgetRequest EngineTest::RequestFor(int subject) {
  ForgetRequest request;
  const uint32_t number = ++requests_;
  for (int i = 0; i < 4; ++i) request.request_id[i] = static_cast<uint8_t>(number >> (8 * i));
  request.subject_id = SubjectName(subject);
  return request;
}

records::Erasure EngineTest::Forget(int subject) {
  const auto result = engine_->unlearner().Forget(RequestFor(subject));
  EXPECT_THAT(result, IsOk());
  return result.ok() ? result->erasure : records::Erasure();
}

records::Erasure EngineTest::Stored(const records::Erasure& erasure) {
  const auto found = engine_->ledger().Find(erasure.uuid());
  EXPECT_THAT(found, IsOk());
  return found.value_or(records::Erasure());
}

int EngineTest::SubjectIn(const ModelEntry& model, uint32_t shard, uint32_t slice, int nth) const {
  for (int subject = 1000;; ++subject) {
    if (Place(model.spec(), PseudonymOf(subject), ErasureLikelihood::kUnspecified) == Placement{shard, slice} &&
        nth-- == 0) {
      return subject;
    }
  }
}

uint32_t EngineTest::ShardOf(const ModelEntry& model, int subject) const {
  return Place(model.spec(), PseudonymOf(subject), ErasureLikelihood::kUnspecified).shard;
}

std::optional<records::Subject> EngineTest::RowOf(const ModelEntry& model, int subject) {
  const auto row = engine_->store().GetSubject({model.uid(), ShardOf(model, subject)}, PseudonymOf(subject));
  EXPECT_THAT(row, IsOk());
  return row.value_or(std::nullopt);
}

std::optional<Constituent> EngineTest::VoteOf(const ModelEntry& model, uint32_t shard) {
  const std::shared_ptr<const Snapshot> snapshot = model.ensemble().Current();
  for (const Constituent& constituent : snapshot->constituents) {
    if (constituent.shard == shard) return constituent;
  }
  return std::nullopt;
}

bool EngineTest::AnyoneKnows(const ModelEntry& model, int subject) const {
  const std::shared_ptr<const Snapshot> snapshot = model.ensemble().Current();
  return std::any_of(snapshot->constituents.begin(), snapshot->constituents.end(),
                     [&](const Constituent& constituent) { return KnownBy(constituent).contains(subject); });
}

}  // namespace expunge
