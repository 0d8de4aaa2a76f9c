#ifndef EXPUNGE_TESTS_LEARNING_RANDOM_FLOATS_H_
#define EXPUNGE_TESTS_LEARNING_RANDOM_FLOATS_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace expunge {

// From -1 to 1; the same for the same seed.
inline std::vector<float> RandomFloats(size_t size, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> values(-1, 1);
  std::vector<float> result(size);
  for (float& value : result) value = values(generator);
  return result;
}

}  // namespace expunge

#endif  // EXPUNGE_TESTS_LEARNING_RANDOM_FLOATS_H_
