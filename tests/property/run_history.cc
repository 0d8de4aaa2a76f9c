#include "tests/property/run_history.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "catalog/sample_codec.h"
#include "engine/engine.h"
#include "sisa/schedule.h"
#include "tests/testing/tainting_trainer.h"
#include "tests/testing/temp_dir.h"
#include "tests/testing/waiting.h"

namespace expunge {
namespace {

// --- in the child

[[noreturn]] void Fail(const std::string& problem) {
  std::fprintf(stderr, "%s\n", problem.c_str());
  std::_Exit(1);
}

void MustBeOk(const absl::Status& status, const std::string& where) {
  if (!status.ok()) Fail(where + ": " + status.ToString());
}

class Life {
 public:
  Life(const History& history, const std::string& dir, const Trainer* trainer)
      : history_(history),
        dir_(dir),
        oracle_(history),
        trainer_(
            trainer, [](const uint8_t* input) { return LifeFromInput(input).packed(); }, dir + "/taints") {
    Open();
  }

  // What earlier processes of this history did.
  void AlreadyDone(size_t operations) {
    for (size_t i = 0; i < operations; ++i) oracle_.Apply(history_.operations[i]);
    CheckIsolation();
  }

  void Execute(size_t index) {
    const Operation& operation = history_.operations[index];
    switch (operation.kind) {
      case Operation::Kind::kIngest:
        Ingest(operation);
        break;
      case Operation::Kind::kTrain: {
        const absl::Status status = engine_->unlearner().Train(*model_);
        if (oracle_.TrainAllowed() != status.ok()) Fail("train: " + status.ToString());
        break;
      }
      case Operation::Kind::kForget:
        Forget(operation, index);
        if (operation.sent_twice) Forget(operation, index);
        break;
      case Operation::Kind::kReplace:
        Replace(operation);
        break;
      case Operation::Kind::kWait:
        if (!WaitUntilIdle(*engine_, *model_)) Fail("never idle");
        break;
    }
    oracle_.Apply(operation);
    CheckIsolation();
  }

  void CheckEnd() {
    if (!WaitUntilIdle(*engine_, *model_)) Fail("something is still owed");
    CheckIsolation();
    CheckMembership();
    for (uint32_t shard = 0; shard < history_.spec.sisa.shards; ++shard) CheckShard(shard);
  }

 private:
  struct Checkpoint {
    ShardId shard;
    uint32_t slice = 0;
    CheckpointKeyId key;
    Digest parameters_digest;
    auto operator<=>(const Checkpoint&) const = default;
  };

  void Open() {
    Engine::Options options = {.data_dir = dir_, .retrain = {.workers = 2}, .reserved_free_bytes = 0};
    options.pepper = Sha256("a pepper for tests");
    auto engine = Engine::Open(options, &trainer_, &SystemClock());
    MustBeOk(engine.status(), "open");
    engine_ = *std::move(engine);
    MustBeOk(engine_->Recover(), "recover");
    auto model = engine_->catalog().Find("m");
    if (!model.ok()) model = engine_->catalog().Create("m", history_.spec);
    MustBeOk(model.status(), "create");
    model_ = *model;
  }

  void Replace(const Operation& operation) {
    Oracle after = oracle_;
    after.Apply(operation);
    const auto* replaced = oracle_.ReplacedBy(operation);
    if (replaced == nullptr) return;
    const auto& [subject, number] = replaced->first;
    const Oracle::Sample& content = after.samples().at(replaced->first);
    const Keyring& keyring = engine_->keyring();
    SubjectUpdate update;
    update.subject = keyring.PseudonymOf(SubjectName(subject));
    update.shard = Place(history_.spec, update.subject, ErasureLikelihood::kUnspecified).shard;
    const SampleKey sample_key = keyring.SampleKeyOf(SubjectName(subject), SampleName(number));
    const auto row = engine_->store().GetSubject({model_->uid(), update.shard}, update.subject);
    const auto key = keyring.GetSubjectKey(model_->uid(), update.subject);
    MustBeOk(row.status(), "subject");
    MustBeOk(key.status(), "subject key");
    if (!*row || !*key) Fail("replace: the sample is not stored");
    update.row = **row;
    std::string sealed =
        SealSample((*key)->key, model_->uid(), update.subject, sample_key, content.input, content.label);
    for (auto& sample : *update.row.mutable_samples()) {
      if (sample.key() != AsBytes(sample_key)) continue;
      sample.set_digest(std::string(AsBytes(SampleDigest((*key)->key, sample_key, content.input, content.label))));
      sample.set_seal_nonce(sealed.substr(0, DataKey::kNonceBytes));
    }
    update.added.push_back({sample_key, std::move(sealed)});
    MustBeOk(engine_->store().UpdateSubjects(model_->uid(), {&update, 1}), "replace");
    model_.reset();
    engine_.reset();
    Open();
  }

  void Ingest(const Operation& operation) {
    std::vector<std::string> texts;
    texts.reserve(operation.samples.size() * 3);
    std::vector<NewSample> samples;
    for (const Operation::Sample& sample : operation.samples) {
      texts.push_back(SubjectName(sample.subject));
      texts.push_back(SampleName(sample.number));
      texts.push_back(SampleInput(oracle_.LifeOf(sample.subject, sample.number)));
      const std::string* text = &texts.back();
      samples.push_back({text[-2], text[-1], SampleLabel(sample.subject, sample.number, history_.spec.classes()),
                         sample.likelihood, *text});
    }
    MustBeOk(engine_->ingestor().Ingest(*model_, samples, operation.new_consent).status(), "ingest");
    MustBeOk(engine_->ingestor().Commit(), "commit");
  }

  void Forget(const Operation& operation, size_t index) {
    ForgetRequest request;
    request.request_id = {1, static_cast<uint8_t>(index >> 8), static_cast<uint8_t>(index)};
    request.subject_id = SubjectName(operation.subject);
    for (const uint32_t number : operation.numbers) request.sample_ids.push_back(SampleName(number));
    const auto forgotten = engine_->unlearner().Forget(request);
    MustBeOk(forgotten.status(), "forget");
    if (forgotten->erasure.samples_erased() != oracle_.SamplesErasedBy(operation)) Fail("forget: another count");
  }

  void CheckIsolation() {
    const auto snapshot = model_->ensemble().Current();
    for (const Constituent& constituent : snapshot->constituents) {
      if (KnowsForgotten(constituent.parameters_digest)) Fail("a constituent that votes knows a forgotten sample");
    }
    for (uint32_t shard = 0; shard < history_.spec.sisa.shards; ++shard) {
      for (uint32_t slice = 0; slice < history_.spec.sisa.slices; ++slice)
        RememberCheckpoint({model_->uid(), shard}, slice);
    }
    for (const Checkpoint& checkpoint : checkpoints_) {
      if (!KnowsForgotten(checkpoint.parameters_digest)) continue;
      const auto key = engine_->keyring().GetCheckpointKey(checkpoint.shard, checkpoint.slice, checkpoint.key);
      MustBeOk(key.status(), "checkpoint key");
      if (*key) Fail("a checkpoint that knows a forgotten sample can be opened");
    }
  }

  bool KnowsForgotten(const Digest& parameters_digest) const {
    for (const uint32_t life : trainer_.KnownBy(parameters_digest)) {
      if (oracle_.forgotten().contains(life)) return true;
    }
    return false;
  }

  void RememberCheckpoint(ShardId shard, uint32_t slice) {
    const auto record = engine_->store().GetCheckpoint(shard, slice);
    MustBeOk(record.status(), "checkpoint");
    if (!*record) return;
    Checkpoint checkpoint = {shard, slice, {}, *DigestFromBytes((*record)->parameters_digest())};
    std::copy_n((*record)->key_id().begin(), checkpoint.key.size(), checkpoint.key.begin());
    checkpoints_.insert(checkpoint);
  }

  // SISA from its definition: for each slice, so many epochs over all samples up to it.
  std::vector<Digest> TrainFromScratch(uint32_t shard) {
    const ModelSpec& spec = history_.spec;
    struct Sample {
      uint32_t slice;
      SampleKey key;
      const Oracle::Sample* sample;
    };
    std::vector<Sample> members;
    for (const auto& [key, sample] : oracle_.samples()) {
      const std::string subject = SubjectName(key.first);
      const Placement place = Place(spec, engine_->keyring().PseudonymOf(subject), sample.likelihood);
      if (!sample.trained || place.shard != shard) continue;
      members.push_back({place.slice, engine_->keyring().SampleKeyOf(subject, SampleName(key.second)), &sample});
    }
    if (members.empty()) return {};
    auto state = trainer_.Initialize(spec, InitializationSeed(spec, shard));
    MustBeOk(state.status(), "initialize");
    std::vector<Digest> digests;
    for (uint32_t slice = 0; slice < spec.sisa.slices; ++slice) {
      SampleBlock block;
      std::vector<SampleKey> keys;
      for (const Sample& member : members) {
        if (member.slice > slice) continue;
        block.inputs.insert(block.inputs.end(), member.sample->input.begin(), member.sample->input.end());
        block.labels.push_back(member.sample->label);
        keys.push_back(member.key);
        ++block.count;
      }
      std::vector<std::vector<uint32_t>> epochs;
      const uint32_t count = EpochsPerSlice(spec.training.epochs, spec.sisa.slices)[slice];
      for (uint32_t epoch = 0; epoch < count && block.count > 0; ++epoch)
        epochs.push_back(EpochOrder(spec, shard, slice, epoch, keys));
      MustBeOk(trainer_.Train(
                   spec, block, epochs, [] { return false; }, &*state),
               "train from scratch");
      digests.push_back(ParametersDigest(*state));
    }
    return digests;
  }

  // Also of the samples that no training has seen yet.
  void CheckMembership() {
    for (uint32_t number = 0; number < kSubjects; ++number) {
      const std::string name = SubjectName(number);
      const Pseudonym subject = engine_->keyring().PseudonymOf(name);
      std::set<std::string> expected;
      for (uint32_t sample = 0; sample < kSamplesPerSubject; ++sample) {
        if (!oracle_.samples().contains({number, sample})) continue;
        expected.emplace(AsBytes(engine_->keyring().SampleKeyOf(name, SampleName(sample))));
      }
      const ShardId shard = {model_->uid(), Place(history_.spec, subject, ErasureLikelihood::kUnspecified).shard};
      const auto row = engine_->store().GetSubject(shard, subject);
      MustBeOk(row.status(), "subject");
      std::set<std::string> stored;
      if (*row) {
        for (const auto& sample : (*row)->samples()) stored.insert(sample.key());
      }
      if (stored != expected) Fail(name + ": the membership has other samples than remain");
    }
  }

  void CheckShard(uint32_t shard) {
    const std::string name = "shard " + std::to_string(shard) + ": ";
    const std::vector<Digest> expected = TrainFromScratch(shard);
    const auto snapshot = model_->ensemble().Current();
    const auto constituent = std::find_if(snapshot->constituents.begin(), snapshot->constituents.end(),
                                          [&](const Constituent& candidate) { return candidate.shard == shard; });
    if (expected.empty()) {
      if (constituent != snapshot->constituents.end()) Fail(name + "an empty shard votes");
      return;
    }
    if (constituent == snapshot->constituents.end()) Fail(name + "does not vote");
    if (constituent->parameters_digest != expected.back()) Fail(name + "unlearned differs from retrained");
    for (uint32_t slice = 0; slice < expected.size(); ++slice) {
      const auto checkpoint = engine_->store().GetCheckpoint({model_->uid(), shard}, slice);
      MustBeOk(checkpoint.status(), "checkpoint");
      if (!*checkpoint) Fail(name + "a slice has no checkpoint");
      if ((*checkpoint)->parameters_digest() != AsBytes(expected[slice]))
        Fail(name + "unlearned differs from retrained");
    }
  }

  const History& history_;
  const std::string dir_;
  Oracle oracle_;
  TaintingTrainer trainer_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<ModelEntry> model_;
  std::set<Checkpoint> checkpoints_;  // every one that this process saw
};

// Does the operations from `first` on and writes one byte for each that is done.
[[noreturn]] void RunChild(const History& history, const std::string& dir, size_t first, int acknowledge,
                           const std::function<std::unique_ptr<Trainer>()>& make_trainer) {
  ConfigureLog(LogLevel::kError, LogFormat::kText);
  const std::unique_ptr<Trainer> trainer = make_trainer();
  {
    Life life(history, dir, trainer.get());
    life.AlreadyDone(first);
    for (size_t i = first; i < history.operations.size(); ++i) {
      life.Execute(i);
      if (write(acknowledge, "x", 1) != 1) Fail("the parent is gone");
    }
    life.CheckEnd();
  }
  std::_Exit(0);
}

// --- in the parent

// Reads acknowledgements until `count` are there or the child has closed its end; false then.
bool ReadAcknowledgements(int pipe, size_t& done, size_t count) {
  char byte;
  while (done < count) {
    if (read(pipe, &byte, 1) != 1) return false;
    ++done;
  }
  return true;
}

}  // namespace

std::string RunHistory(const History& history, const std::function<std::unique_ptr<Trainer>()>& make_trainer) {
  const TempDir dir;
  std::mt19937_64 random(history.seed + 1);
  std::vector<size_t> kills = history.kills;
  size_t done = 0;
  while (true) {
    int channel[2];
    if (pipe(channel) != 0) return "pipe failed";
    const pid_t child = fork();
    if (child < 0) return "fork failed";
    if (child == 0) {
      close(channel[0]);
      RunChild(history, dir.path(), done, channel[1], make_trainer);
    }
    close(channel[1]);
    const bool kill_it = !kills.empty();
    if (kill_it) {
      const size_t after = std::max(kills.front(), done);
      kills.erase(kills.begin());
      if (ReadAcknowledgements(channel[0], done, after)) {
        pollfd nothing = {-1, 0, 0};
        poll(&nothing, 1, static_cast<int>(random() % 30));  // the moment within the next operations
        kill(child, SIGKILL);
      }
    }
    ReadAcknowledgements(channel[0], done, history.operations.size() + 1);
    close(channel[0]);
    int status = 0;
    if (waitpid(child, &status, 0) != child) return "waitpid failed";
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && kill_it) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
    return "history " + std::to_string(history.seed) + " failed; see its message above";
  }
}

}  // namespace expunge
