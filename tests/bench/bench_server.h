#ifndef EXPUNGE_TESTS_BENCH_BENCH_SERVER_H_
#define EXPUNGE_TESTS_BENCH_BENCH_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/executor.h"
#include "client/client.h"
#include "engine/engine.h"
#include "model/trainer.h"
#include "rpc/server.h"
#include "tests/testing/temp_dir.h"

namespace expunge {

// A server as `expunged` makes it by default, on an empty directory on disk, with a client connected over loopback.
class BenchServer {
 public:
  // `trainer` is not owned.
  explicit BenchServer(const Trainer* trainer, absl::Duration retrain_delay = absl::ZeroDuration());

  Client& client() { return *client_; }

 private:
  const TempDir directory_;
  std::unique_ptr<Engine> engine_;
  ThreadPool io_;
  ThreadPool forget_;
  Batcher batcher_;
  ThreadPool replay_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
};

// A declaration of ten classes over UINT8 inputs of this many bytes, 8 slices: the cheapest model to train.
v1::Model CheapModel(const std::string& name, int64_t input_bytes, int shards);

// Batches of about 1 MiB, as the command makes them, with samples of random bytes: sample i is one of SubjectName(i /
// samples_per_subject).
std::vector<v1::SampleBatch> RandomBatches(int64_t samples, int64_t input_bytes, int samples_per_subject = 10);
std::string SubjectName(int64_t index);

// The calls that every bench makes; they end the program on an error.
void Create(Client& client, const v1::Model& model);
void Ingest(Client& client, const std::string& model, const std::vector<v1::SampleBatch>& batches);
void TrainAndWait(Client& client, const std::string& model);
// Under GDPR and a new request id.
v1::Erasure Forget(Client& client, const std::string& subject_id);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_BENCH_BENCH_SERVER_H_
