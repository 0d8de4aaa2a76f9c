// Ingest of 28 x 28 images through the client library and a gRPC stream over loopback, beside the same stream to a
// server that only counts what arrives. In turns.

#include <benchmark/benchmark.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "expunge/v1/model_service.grpc.pb.h"
#include "learning/torch_trainer.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/bench_server.h"

namespace expunge {
namespace {

constexpr int64_t kInputBytes = 784;
constexpr int64_t kImages = 60'000;

class CountingService final : public v1::ModelService::Service {
 public:
  grpc::Status IngestSamples(grpc::ServerContext*, grpc::ServerReader<v1::IngestSamplesRequest>* reader,
                             v1::IngestSamplesResponse* response) override {
    v1::IngestSamplesRequest message;
    while (reader->Read(&message)) {
      response->set_samples_ingested(response->samples_ingested() + message.batch().samples_size());
    }
    return grpc::Status::OK;
  }
};

class CountingServer {
 public:
  CountingServer() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    builder.SetMaxReceiveMessageSize(16 << 20);
    server_ = builder.BuildAndStart();
    client_ = std::make_unique<Client>(Client::Options{.address = absl::StrCat("127.0.0.1:", port)});
  }

  Client& client() { return *client_; }

 private:
  CountingService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Client> client_;
};

// One iteration is one stream, from its first message to the reply, which says that all of it survives power loss.
void BM_Ingest(benchmark::State& state) {
  const std::unique_ptr<Trainer> trainer = CreateTorchTrainer();
  BenchServer server(trainer.get());
  CountingServer bare;
  const std::vector<v1::SampleBatch> batches = RandomBatches(kImages, kInputBytes);
  Series seconds, cpu_seconds, bare_seconds;
  int streams = 0;
  for (auto _ : state) {
    const std::string model = absl::StrCat("m", streams++);
    Create(server.client(), CheapModel(model, kInputBytes, /*shards=*/8));
    const double cpu_begin = ProcessCpuSeconds();
    const double taken = SecondsOf([&] { Ingest(server.client(), model, batches); });
    cpu_seconds.Add(ProcessCpuSeconds() - cpu_begin);
    seconds.Add(taken);
    state.SetIterationTime(taken);
    bare_seconds.Add(SecondsOf([&] { Ingest(bare.client(), model, batches); }));
  }
  state.counters["images_per_second"] = kImages / seconds.Median();
  state.counters["cpu_us_per_image"] = 1e6 * cpu_seconds.Median() / kImages;  // of client and server together
  state.counters["bare_stream_images_per_second"] = kImages / bare_seconds.Median();
  ReportRatio("ingest_vs_bare_stream", bare_seconds.Median() / seconds.Median());
}

BENCHMARK(BM_Ingest)->UseManualTime()->Iterations(9)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace expunge
