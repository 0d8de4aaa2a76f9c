#include "learning/optimizer.h"

#include <cmath>
#include <variant>

namespace expunge {
namespace {

// std::pow's last bit depends on the C library and the processor.
double Power(double base, uint64_t exponent) {
  double result = 1.0;
  for (; exponent > 0; exponent >>= 1, base *= base) {
    if (exponent & 1) result *= base;
  }
  return result;
}

}  // namespace

size_t OptimizerStatePerParameter(const Optimizer& optimizer) {
  return std::holds_alternative<Adam>(optimizer) ? 2 : 1;
}

OptimizerStepper::OptimizerStepper(const Optimizer& optimizer, absl::Span<float> state, uint64_t* steps)
    : optimizer_(optimizer), state_(state), steps_(steps) {}

void OptimizerStepper::BeginStep() { ++*steps_; }

void OptimizerStepper::Update(size_t offset, absl::Span<const float> gradients, float* parameters) {
  std::visit([&](const auto& optimizer) { UpdateWith(optimizer, offset, gradients, parameters); }, optimizer_);
}

void OptimizerStepper::UpdateWith(const Sgd& sgd, size_t offset, absl::Span<const float> gradients, float* parameters) {
  const auto learning_rate = static_cast<float>(sgd.learning_rate);
  const auto momentum = static_cast<float>(sgd.momentum);
  const auto weight_decay = static_cast<float>(sgd.weight_decay);
  const size_t size = gradients.size();
  const float* __restrict gradient = gradients.data();
  float* __restrict parameter = parameters;
  float* __restrict buffer = state_.data() + offset;
  for (size_t i = 0; i < size; ++i) {
    const float decayed = gradient[i] + weight_decay * parameter[i];
    buffer[i] = momentum * buffer[i] + decayed;
    parameter[i] -= learning_rate * buffer[i];
  }
}

void OptimizerStepper::UpdateWith(const Adam& adam, size_t offset, absl::Span<const float> gradients,
                                  float* parameters) {
  const auto weight_decay = static_cast<float>(adam.weight_decay);
  const auto beta1 = static_cast<float>(adam.beta1);
  const auto beta2 = static_cast<float>(adam.beta2);
  const auto fresh1 = static_cast<float>(1.0 - adam.beta1);
  const auto fresh2 = static_cast<float>(1.0 - adam.beta2);
  const auto epsilon = static_cast<float>(adam.epsilon);
  const auto step_size = static_cast<float>(adam.learning_rate / (1.0 - Power(adam.beta1, *steps_)));
  const auto second_correction = static_cast<float>(std::sqrt(1.0 - Power(adam.beta2, *steps_)));
  const size_t size = gradients.size();
  const float* __restrict gradient = gradients.data();
  float* __restrict parameter = parameters;
  float* __restrict first = state_.data() + offset;
  float* __restrict second = state_.data() + state_.size() / 2 + offset;
  for (size_t i = 0; i < size; ++i) {
    const float decayed = gradient[i] + weight_decay * parameter[i];
    first[i] = beta1 * first[i] + fresh1 * decayed;
    second[i] = beta2 * second[i] + fresh2 * decayed * decayed;
    parameter[i] -= step_size * first[i] / (std::sqrt(second[i]) / second_correction + epsilon);
  }
}

}  // namespace expunge
