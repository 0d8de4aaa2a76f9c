#include "tests/property/history.h"

#include <algorithm>

namespace expunge {
namespace {

constexpr uint32_t kSubjects = 14;

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
    operation.samples.push_back({static_cast<uint32_t>(random() % kSubjects), static_cast<uint32_t>(random() % 6),
                                 static_cast<ErasureLikelihood>(random() % 3)});
  }
  return operation;
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
        history.operations.push_back(
            {.kind = Operation::Kind::kForget, .subject = static_cast<uint32_t>(random() % (kSubjects + 2))});
        break;
      default:
        history.operations.push_back({.kind = Operation::Kind::kWait});
    }
  }
  if (random() % 8 == 0) {  // everybody leaves
    for (uint32_t subject = 0; subject < kSubjects; ++subject) {
      history.operations.push_back({.kind = Operation::Kind::kForget, .subject = subject});
    }
  }
  for (uint64_t count = random() % 3; count > 0; --count) history.kills.push_back(random() % history.operations.size());
  std::sort(history.kills.begin(), history.kills.end());
  return history;
}

void Oracle::Apply(const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::kIngest:
      for (const Operation::Sample& sample : operation.samples) {
        if (suppressed_.contains(sample.subject)) {
          if (!operation.new_consent) continue;
          suppressed_.erase(sample.subject);
        }
        const Owner owner = LifeOf(sample.subject);
        Sample fresh = {owner, sample.number, sample.likelihood};
        fresh.input = SampleInput(owner, sample.number);
        fresh.label = SampleLabel(sample.subject, sample.number, history_->spec.classes());
        samples_.try_emplace({sample.subject, sample.number}, fresh);
      }
      break;
    case Operation::Kind::kTrain:
      if (!TrainAllowed()) break;
      for (auto& [key, sample] : samples_) sample.trained = true;
      break;
    case Operation::Kind::kForget:
      std::erase_if(samples_, [&](const auto& entry) { return entry.first.first == operation.subject; });
      forgotten_.insert(LifeOf(operation.subject).packed());
      suppressed_.insert(operation.subject);
      ++lives_[operation.subject];
      break;
    case Operation::Kind::kWait:
      break;
  }
}

Owner Oracle::LifeOf(uint32_t subject) const {
  const auto life = lives_.find(subject);
  return {subject, life == lives_.end() ? 0 : life->second};
}

bool Oracle::TrainAllowed() const {
  std::set<uint32_t> subjects;
  for (const auto& [key, sample] : samples_) subjects.insert(key.first);
  return !subjects.empty() && subjects.size() >= history_->spec.sisa.slices;
}

std::string SubjectName(uint32_t subject) { return "subject " + std::to_string(subject); }
std::string SampleName(uint32_t number) { return "sample " + std::to_string(number); }

std::string SampleInput(Owner owner, uint32_t number) {
  return {static_cast<char>(owner.subject), static_cast<char>(owner.life), static_cast<char>(number * 40),
          static_cast<char>(owner.subject * 31 + number * 17)};
}

uint32_t SampleLabel(uint32_t subject, uint32_t number, uint32_t classes) { return (subject + number) % classes; }

}  // namespace expunge
