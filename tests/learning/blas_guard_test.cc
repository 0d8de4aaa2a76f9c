// The loaded BLAS, called by several threads at once as the workers do.

#include "learning/blas_guard.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

#include "learning/numerics.h"

namespace expunge {
namespace {

using MatrixProduct = void(const char*, const char*, const int*, const int*, const int*, const float*, const float*,
                           const int*, const float*, const int*, const float*, float*, const int*);

// How many of `products` equal ones came out with other bits than the first.
int WrongProducts(int seed, int products) {
  const int rows = 128, columns = 32, depth = 784;
  const float one = 1, zero = 0;
  auto* const sgemm = reinterpret_cast<MatrixProduct*>(dlsym(RTLD_DEFAULT, "sgemm_"));  // the one that torch calls
  if (sgemm == nullptr) return products;
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> a(rows * depth), b(depth * columns), product(rows * columns), first;
  for (float& value : a) value = normal(random);
  for (float& value : b) value = normal(random);
  int wrong = 0;
  for (int i = 0; i < products; ++i) {
    sgemm("T", "N", &rows, &columns, &depth, &one, a.data(), &depth, b.data(), &depth, &zero, product.data(), &rows);
    if (i == 0) first = product;
    wrong += product != first;
  }
  return wrong;
}

TEST(BlasGuardTest, ProductsOfSeveralThreadsDoNotDisturbEachOther) {
  constexpr int kThreads = 4;
  constexpr int kProducts = 40'000;  // without the guard some go wrong in almost every run
  std::vector<int> wrong(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back([&wrong, t] { wrong[t] = WrongProducts(t, kProducts); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(kThreads, 0));
}

TEST(BlasGuardTest, IsInPlace) {
  EXPECT_TRUE(BlasIsGuarded());
  EXPECT_TRUE(CheckBlas().ok()) << CheckBlas();
}

}  // namespace
}  // namespace expunge
