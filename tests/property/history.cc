#include "tests/property/history.h"

#include <algorithm>

namespace expunge {
namespace {

constexpr int kInputStep = 40;  // between two numbers in an input: near ones would train alike

ModelSpec RandomSpec(std::mt19937_64& random) {
  const auto pick = [&](uint32_t low, uint32_t high) {
    return low + static_cast<uint32_t>(random() % (high - low + 1));
  };
  ModelSpec spec;
  spec.input = {.shape = {4}, .dtype = DType::kUint8, .mean = {128.0f}, .stddev = {128.0f}};
  spec.labels = {"a", "b", "c"};
  spec.labels.resize(pick(2, 3));
  if (random() % 2) {
    spec.architecture = SoftmaxRegression{};
  } else {
    spec.architecture = Mlp{{pick(1, 5)}};
  }
  spec.training = {.epochs = pick(1, 8), .batch_size = pick(1, 5), .seed = random() % 1000};
  if (random() % 2) {
    spec.training.optimizer = Sgd{.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.01};
  } else {
    spec.training.optimizer = Adam{.learning_rate = 0.01};
  }
  spec.sisa = {.shards = pick(1, 4), .slices = pick(1, 5), .aggregation = Aggregation::kMeanProbability};
  return spec;
}

Operation RandomIngest(std::mt19937_64& random) {
  Operation operation = {.kind = Operation::Kind::kIngest};
  operation.new_consent = random() % 4 == 0;
  for (uint64_t count = 1 + random() % 16; count > 0; --count) {
    operation.samples.push_back({static_cast<uint32_t>(random() % kSubjects),
                                 static_cast<uint32_t>(random() % kSamplesPerSubject),
                                 static_cast<ErasureLikelihood>(random() % 3)});
  }
  return operation;
}

Operation RandomForget(std::mt19937_64& random, uint32_t subject) {
  Operation operation = {.kind = Operation::Kind::kForget, .subject = subject};
  if (random() % 2) {
    for (uint64_t count = 1 + random() % 3; count > 0; --count) {
      operation.numbers.insert(static_cast<uint32_t>(random() % kSamplesPerSubject));
    }
  }
  operation.sent_twice = random() % 8 == 0;
  return operation;
}

// A subject with all its samples leaves piece by piece, asks for a piece again, leaves wholly and comes back.
void AppendPiecewiseLeaving(std::mt19937_64& random, std::vector<Operation>& operations) {
  const auto subject = static_cast<uint32_t>(random() % kSubjects);
  Operation everything = {.kind = Operation::Kind::kIngest, .new_consent = true};
  for (uint32_t number = 0; number < kSamplesPerSubject; ++number) {
    everything.samples.push_back({subject, number, static_cast<ErasureLikelihood>(random() % 3)});
  }
  Operation without_consent = everything;
  without_consent.new_consent = false;
  const std::vector<Operation> story = {
      everything,
      {.kind = Operation::Kind::kTrain},
      {.kind = Operation::Kind::kForget, .subject = subject, .numbers = {0, 3}},
      {.kind = Operation::Kind::kForget, .subject = subject, .numbers = {3, 4}},
      without_consent,
      {.kind = Operation::Kind::kForget, .subject = subject},
      everything,
      {.kind = Operation::Kind::kTrain},
      {.kind = Operation::Kind::kForget, .subject = subject, .numbers = {0, 1, 2, 3, 4, 5}},
      without_consent,
  };
  for (const Operation& step : story) {
    operations.push_back(step);
    if (random() % 4 == 0) operations.push_back({.kind = Operation::Kind::kWait});
  }
}

}  // namespace

History RandomHistory(uint64_t seed) {
  std::mt19937_64 random(seed);
  History history;
  history.seed = seed;
  history.spec = RandomSpec(random);
  history.operations.push_back(RandomIngest(random));
  for (uint64_t count = 8 + random() % 16; count > 0; --count) {
    switch (random() % 8) {
      case 0:
      case 1:
        history.operations.push_back(RandomIngest(random));
        break;
      case 2:
      case 3:
        history.operations.push_back({.kind = Operation::Kind::kTrain});
        break;
      case 4:
      case 5:
      case 6:
        history.operations.push_back(RandomForget(random, static_cast<uint32_t>(random() % (kSubjects + 2))));
        break;
      default:
        history.operations.push_back({.kind = Operation::Kind::kWait});
    }
  }
  if (random() % 6 == 0) AppendPiecewiseLeaving(random, history.operations);
  if (random() % 8 == 0) {  // everybody leaves
    for (uint32_t subject = 0; subject < kSubjects; ++subject) {
      history.operations.push_back({.kind = Operation::Kind::kForget, .subject = subject});
    }
  }
  if (random() % 4 == 0) {
    const auto place = history.operations.begin() + static_cast<std::ptrdiff_t>(random() % history.operations.size());
    // What is replaced is worth most when it has been trained on.
    history.operations.insert(
        place + 1, {{.kind = Operation::Kind::kWait},
                    {.kind = Operation::Kind::kReplace, .subject = static_cast<uint32_t>(random() % kSubjects)}});
  }
  for (uint64_t count = random() % 3; count > 0; --count) history.kills.push_back(random() % history.operations.size());
  std::sort(history.kills.begin(), history.kills.end());
  return history;
}

void Oracle::Apply(const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::kIngest:
      for (const Operation::Sample& sample : operation.samples) {
        if (!Admits(operation, sample)) continue;
        suppressed_.erase(sample.subject);
        suppressed_samples_.erase({sample.subject, sample.number});
        Sample fresh = {sample.likelihood};
        fresh.input = SampleInput(LifeOf(sample.subject, sample.number));
        fresh.label = SampleLabel(sample.subject, sample.number, history_->spec.classes());
        samples_.try_emplace({sample.subject, sample.number}, fresh);
      }
      break;
    case Operation::Kind::kTrain:
      if (!TrainAllowed()) break;
      for (auto& [key, sample] : samples_) sample.trained = true;
      break;
    case Operation::Kind::kForget:
      for (uint32_t number = 0; number < kSamplesPerSubject; ++number) {
        if (!operation.numbers.empty() && !operation.numbers.contains(number)) continue;
        samples_.erase({operation.subject, number});
        EndLife(operation.subject, number);
        if (!operation.numbers.empty()) suppressed_samples_.insert({operation.subject, number});
      }
      if (operation.numbers.empty()) suppressed_.insert(operation.subject);
      break;
    case Operation::Kind::kReplace:
      if (const auto* replaced = ReplacedBy(operation)) {
        const auto [subject, number] = replaced->first;
        EndLife(subject, number);
        samples_.at(replaced->first).input = SampleInput(LifeOf(subject, number));
      }
      break;
    case Operation::Kind::kWait:
      break;
  }
}

void Oracle::EndLife(uint32_t subject, uint32_t number) {
  forgotten_.insert(LifeOf(subject, number).packed());
  ++lives_[{subject, number}];
}

bool Oracle::Admits(const Operation& ingest, const Operation::Sample& sample) const {
  if (ingest.new_consent) return true;
  return !suppressed_.contains(sample.subject) && !suppressed_samples_.contains({sample.subject, sample.number});
}

SampleLife Oracle::LifeOf(uint32_t subject, uint32_t number) const {
  const auto life = lives_.find({subject, number});
  return {subject, number, life == lives_.end() ? 0 : life->second};
}

size_t Oracle::SamplesErasedBy(const Operation& forget) const {
  return std::count_if(samples_.begin(), samples_.end(), [&](const auto& entry) {
    return entry.first.first == forget.subject &&
           (forget.numbers.empty() || forget.numbers.contains(entry.first.second));
  });
}

const std::pair<const std::pair<uint32_t, uint32_t>, Oracle::Sample>* Oracle::ReplacedBy(
    const Operation& replace) const {
  const auto found = samples_.lower_bound({replace.subject, 0});
  return found == samples_.end() ? nullptr : &*found;
}

bool Oracle::TrainAllowed() const {
  std::set<uint32_t> subjects;
  for (const auto& [key, sample] : samples_) subjects.insert(key.first);
  return !subjects.empty() && subjects.size() >= history_->spec.sisa.slices;
}

std::string SubjectName(uint32_t subject) { return "subject " + std::to_string(subject); }
std::string SampleName(uint32_t number) { return "sample " + std::to_string(number); }

std::string SampleInput(const SampleLife& life) {
  return {static_cast<char>(life.subject), static_cast<char>(life.life), static_cast<char>(life.number * kInputStep),
          static_cast<char>(life.subject * 31 + life.number * 17)};
}

SampleLife LifeFromInput(const uint8_t* input) {
  return {.subject = input[0], .number = input[2] / uint32_t{kInputStep}, .life = input[1]};
}

uint32_t SampleLabel(uint32_t subject, uint32_t number, uint32_t classes) { return (subject + number) % classes; }

}  // namespace expunge
