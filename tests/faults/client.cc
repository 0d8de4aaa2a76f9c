#include "tests/faults/client.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/faults/advice.h"
#include "tests/testing/waiting.h"

namespace expunge {
namespace {

using Fact = Ledger::Fact;

std::string Input(Owner owner) {
  return {static_cast<char>(owner.subject), static_cast<char>(owner.life), static_cast<char>(owner.sample),
          static_cast<char>(owner.subject * 31 + owner.sample * 17)};
}

std::string Owed(Engine& engine, const std::vector<std::shared_ptr<ModelEntry>>& entries) {
  const auto counts = engine.ledger().CountsByState();
  std::string owed = absl::StrCat(counts[records::Erasure::PENDING] + counts[records::Erasure::IN_PROGRESS],
                                  " erasures; purger: ", engine.purger().problem().ToString());
  for (const auto& entry : entries) {
    for (uint32_t shard = 0; shard < entry->spec().sisa.shards; ++shard) {
      const ShardStatus status = entry->Status(shard);
      absl::StrAppend(&owed, "; ", entry->name(), "/", shard, ": phase ", static_cast<int>(status.phase), " ",
                      status.problem);
    }
  }
  return owed;
}

bool HasProblem(ModelEntry& entry) {
  for (uint32_t shard = 0; shard < entry.spec().sisa.shards; ++shard) {
    if (!entry.Status(shard).problem.empty()) return true;
  }
  return false;
}

}  // namespace

Client::Client(const std::string& data_dir, FaultyFileSystem* files, rocksdb::Env* env)
    : files_(files),
      trainer_(
          &hash_,
          [](const uint8_t* input) {
            return Owner{input[0], input[1], input[2]}.packed();
          },
          data_dir + ".taints") {
  options_ = {.data_dir = data_dir, .reserved_free_bytes = 0, .env = env};
  options_.pepper = Sha256("a pepper for tests");
}

Client::~Client() = default;

bool Client::Note(const absl::Status& status, const std::string& what) {
  if (status.ok()) return true;
  ++errors_;
  reasons_.insert(ReasonOf(status));
  if (expect_ == Expect::kNone) {
    Complain(what, status.ToString());
  } else if (const std::string complaint = BadError(status); !complaint.empty()) {
    Complain(what, complaint);
  }
  return false;
}

void Client::Complain(const std::string& what, const std::string& complaint) {
  if (!complaint.empty()) problems_.push_back(absl::StrCat(what, ": ", complaint));
}

void Client::Open() {
  auto engine = Engine::Open(options_, &trainer_, &clock_);
  if (!Note(engine.status(), "open")) return;
  engine_ = *std::move(engine);
  if (!Note(engine_->Recover(), "recover")) return Close();
  CheckVotes();
}

std::shared_ptr<ModelEntry> Client::Find(const std::string& model) {
  if (engine_ == nullptr) return nullptr;
  auto entry = engine_->catalog().Find(model);
  if (entry.ok()) return *std::move(entry);
  if (ledger_.models()[model].exists == Fact::kYes) Complain(model, "the model is lost");
  return nullptr;
}

void Client::Create(const std::string& model, const ModelSpec& spec) {
  Ledger::Model& known = ledger_.models()[model];
  known.spec = spec;
  if (engine_ != nullptr) {
    if (known.exists == Fact::kMaybe && Find(model) != nullptr) {
      known.exists = Fact::kYes;
      return;
    }
    if (Note(engine_->catalog().Create(model, spec).status(), "create " + model)) {
      known.exists = Fact::kYes;
      return;
    }
    known.exists = Fact::kMaybe;
  }
  failed_.push_back([=, this] { Create(model, spec); });
}

void Client::Ingest(const std::string& model, const std::set<int>& subjects, int samples, bool new_consent) {
  std::set<int> numbers;
  for (int sample = 0; sample < samples; ++sample) numbers.insert(sample);
  for (const int subject : subjects) {
    TryIngest(model, subject, numbers, new_consent, [=, this] { Ingest(model, {subject}, samples, new_consent); });
  }
}

void Client::TryIngest(const std::string& model, int subject, const std::set<int>& samples, bool new_consent,
                       const Call& again) {
  const std::shared_ptr<ModelEntry> entry = Find(model);
  Ledger::Standing& standing = ledger_.models()[model].subjects[subject];
  // Who is not known to be forgotten cannot come back.
  const bool too_early = new_consent && standing.forgotten == Fact::kMaybe && standing.unsure.empty();
  if (entry == nullptr || too_early) return failed_.push_back(again);
  const bool unclear =
      std::any_of(samples.begin(), samples.end(), [&](int sample) { return standing.maybe_gone.contains(sample); });
  if (unclear && samples.size() > 1) {  // each alone: counts tell which it was
    for (const int sample : samples) TryIngest(model, subject, {sample}, new_consent, again);
    return;
  }
  if (new_consent && standing.forgotten == Fact::kYes) ++standing.life;

  std::vector<std::string> texts;
  texts.reserve(samples.size() * 2);
  std::vector<NewSample> fresh;
  const std::string name = SubjectName(subject);
  for (const int sample : samples) {
    const std::string& id = texts.emplace_back(SampleName(sample));
    const std::string& input = texts.emplace_back(Input({subject, standing.life, sample}));
    fresh.push_back({name, id, static_cast<uint32_t>(sample % 2), ErasureLikelihood::kUnspecified, input});
  }
  const std::string what = absl::StrCat("ingest subject ", subject, " into ", model);
  const auto counts = engine_->ingestor().Ingest(*entry, fresh, new_consent);
  const bool went_well = Note(counts.status(), what);
  Complain(what, ledger_.NoteIngest(standing, samples, new_consent,
                                    went_well ? std::optional<IngestCounts>(*counts) : std::nullopt));
  if (!went_well) failed_.push_back(again);
  CheckVotes();
}

void Client::Commit() {
  if (engine_ == nullptr) return;
  if (Note(engine_->ingestor().Commit(), "commit")) ledger_.NoteCommit();
}

void Client::Train(const std::string& model) {
  if (const std::shared_ptr<ModelEntry> entry = Find(model)) {
    const absl::Status trained = engine_->unlearner().Train(*entry);
    // Because the ingests before it failed.
    if (expect_ == Expect::kNone || !absl::IsFailedPrecondition(trained)) Note(trained, "train " + model);
    CheckVotes();
  }
}

void Client::Forget(int number, int subject, const std::vector<std::string>& models, const std::set<int>& samples) {
  ForgetRequest request;
  request.request_id = {static_cast<uint8_t>(number), 1};
  request.subject_id = SubjectName(subject);
  request.models = models;
  for (const int sample : samples) request.sample_ids.push_back(SampleName(sample));
  TryForget(number, request, subject, samples, [=, this] { Forget(number, subject, models, samples); });
}

void Client::TryForget(int number, const ForgetRequest& request, int subject, const std::set<int>& samples,
                       const Call& again) {
  const bool callable = engine_ != nullptr && std::all_of(request.models.begin(), request.models.end(),
                                                          [this](const auto& model) { return Find(model) != nullptr; });
  if (!callable) return failed_.push_back(again);
  RememberCheckpoints();
  // Where an earlier attempt may have done it, the subject may have its new key already.
  const bool known = ledger_.erasures().contains(number);
  const auto keys = known ? std::map<std::string, std::string>() : SubjectKeyIds(request);
  const std::string what = absl::StrCat("forget subject ", subject);
  const auto result = engine_->unlearner().Forget(request);
  const bool went_well = Note(result.status(), what);
  Complain(what, ledger_.NoteForget(number, request, subject, samples,
                                    went_well ? std::optional<records::Erasure>(result->erasure) : std::nullopt));
  if (!went_well) return failed_.push_back(again);
  for (const auto& task : result->erasure.tasks()) {
    const auto key = keys.find(task.model_name());
    if (key != keys.end()) ledger_.models()[task.model_name()].subjects[subject].dead_keys.insert(key->second);
  }
  CheckVotes();
}

void Client::Delete(const std::string& model) {
  const std::shared_ptr<ModelEntry> entry = Find(model);
  Ledger::Model& known = ledger_.models()[model];
  if (entry != nullptr) {
    known.deletion_asked = true;
    const absl::Status deleted = engine_->unlearner().Delete(*entry);
    known.exists = Note(deleted, "delete " + model) ? Fact::kNo : Fact::kMaybe;
    if (deleted.ok()) known.Clear();
    if (deleted.ok() && Find(model) != nullptr) Complain(model, "the model was deleted and is there");
  } else if (engine_ != nullptr && known.deletion_asked) {
    known.exists = Fact::kNo;  // start-up finished it
    known.Clear();
  }
  if (!known.deletion_asked || known.exists != Fact::kNo) failed_.push_back([=, this] { Delete(model); });
  CheckVotes();
}

void Client::Purge() {
  if (engine_ != nullptr) Note(engine_->keyring().Purge(), "purge");
}

void Client::Reclaim() {
  if (engine_ != nullptr) Note(engine_->reclaimer().ReclaimNow().status(), "reclaim");
}

void Client::WaitIdle() {
  if (engine_ == nullptr) return;
  const std::vector<std::shared_ptr<ModelEntry>> entries = engine_->catalog().List();
  std::vector<Notifier*> notifiers = {&engine_->ledger().changes(), &files_->plan().changes()};
  for (const auto& entry : entries) notifiers.push_back(&entry->changes());
  bool idle = false;
  const bool settled = WaitUntil(notifiers, [&] {
    idle = std::all_of(entries.begin(), entries.end(), [this](const auto& entry) { return IsIdle(*engine_, *entry); });
    const bool hopeless =
        files_->failed() || errors_ > 0 || !engine_->purger().problem().ok() ||
        std::any_of(entries.begin(), entries.end(), [](const auto& entry) { return HasProblem(*entry); });
    return idle || (expect_ == Expect::kErrors && hopeless);
  });
  if (!settled) Complain("wait", "something is owed that does not come: " + Owed(*engine_, entries));
  for (const auto& entry : entries) {
    for (uint32_t shard = 0; shard < entry->spec().sisa.shards; ++shard) {
      const std::string problem = entry->Status(shard).problem;
      if (problem.empty()) continue;
      ++errors_;
      reasons_.insert("a shard's problem");
      Complain("shard", expect_ == Expect::kNone ? problem : BadProblem(problem));
    }
  }
  if (const absl::Status problem = engine_->purger().problem(); !problem.ok()) {
    ++errors_;
    reasons_.insert("a purge's problem");
    Complain("purge", expect_ == Expect::kNone ? problem.ToString() : BadProblem(problem.ToString()));
  }
  CheckVotes();
}

void Client::Remember(const Ledger& ledger) {
  ledger_ = ledger;
  failed_.clear();
  problems_.clear();
}

void Client::Repeat() {
  std::vector<Call> calls;
  calls.swap(failed_);
  for (const Call& call : calls) call();
  Commit();
}

}  // namespace expunge
