#ifndef EXPUNGE_LEARNING_NORMALIZER_H_
#define EXPUNGE_LEARNING_NORMALIZER_H_

#include <cstdint>
#include <vector>

#include "model/spec.h"

namespace expunge {

// Turns samples in their source dtype into what the network sees: (x - mean) / stddev with the declared constants.
// Thread-safe. One sample at a time, so that a shard never exists in floats as a whole.
class Normalizer {
 public:
  explicit Normalizer(const InputSpec& input);

  int64_t elements() const { return elements_; }
  size_t sample_bytes() const { return sample_bytes_; }
  DType dtype() const { return dtype_; }
  float mean(int64_t element) const { return mean_[element / group_elements_]; }
  float stddev(int64_t element) const { return stddev_[element / group_elements_]; }

  // Reads sample_bytes() from `sample`, at any alignment; writes elements() floats.
  void Normalize(const uint8_t* sample, float* normalized) const;

 private:
  template <typename Source>
  void NormalizeAs(const uint8_t* sample, float* normalized) const;

  DType dtype_;
  int64_t elements_;
  size_t sample_bytes_;
  std::vector<float> mean_;    // one per group
  std::vector<float> stddev_;  // one per group
  int64_t group_elements_;     // consecutive elements that share a mean and a standard deviation
};

}  // namespace expunge

#endif  // EXPUNGE_LEARNING_NORMALIZER_H_
