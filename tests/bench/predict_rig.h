#ifndef EXPUNGE_TESTS_BENCH_PREDICT_RIG_H_
#define EXPUNGE_TESTS_BENCH_PREDICT_RIG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/load_generator.h"
#include "tests/testing/server_process.h"

namespace expunge {

inline constexpr int64_t kImageBytes = 28 * 28;
inline constexpr int64_t kHidden = 128;
inline constexpr int64_t kClasses = 10;
inline constexpr float kMean = 64;
inline constexpr float kStddev = 64;

// `expunged` with its defaults, and the echo server: each a process of its own, both under the load that one client in
// this process makes. Ends the program on an error, and when a request fails.
class PredictRig {
 public:
  PredictRig();

  Client& client() { return *server_.client(); }

  // Multi-layer perceptrons 784-128-10, trained on `samples` of Fashion-MNIST's training set, ten to a subject
  // (SubjectName). Every second subject is a likely leaver. With many epochs the training outlasts every bench, and is
  // not waited for.
  static constexpr int kOneEpoch = 1;
  static constexpr int kEndlessEpochs = 10'000;
  void AddModel(const std::string& name, int shards, int64_t samples, int epochs = kOneEpoch);
  void DeleteModel(const std::string& name);
  void WaitUntilReady(const std::string& name);

  // Predicts on images of the test set, over four connections. With one image a request, all replies have one size.
  Load PredictLoad(const std::string& model, int64_t images_per_request);
  // The same requests for the echo server, which this starts, with replies of the same size: `predict` has one image a
  // request.
  Load EchoLoad(const Load& predict);

  // Wall time that each training of a worker of the server has spent so far computing, or waiting for a processor.
  std::vector<absl::Duration> WorkersBusy() const;

 private:
  ServerProcess server_;
  std::unique_ptr<ServerProcess> echo_;
};

// Runs a load of which no request may fail.
LoadReport Run(const Load& load);
// As fast as replies come, with 64 requests in flight; or with requests that are due at a rate.
LoadReport RunAtFullSpeed(Load load, absl::Duration duration);
LoadReport RunAtRate(Load load, double rate, absl::Duration duration);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_BENCH_PREDICT_RIG_H_
