#include "client/client.h"

#include <grpcpp/grpcpp.h>

#include "base/error.h"
#include "client/rpc_status.h"
#include "expunge/v1/erasure_service.grpc.pb.h"
#include "expunge/v1/model_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace expunge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Notes what it is sent. Fails after `fail_after` batches, as a full disk would.
class ScriptedModels : public v1::ModelService::Service {
 public:
  grpc::Status IngestSamples(grpc::ServerContext*, grpc::ServerReader<v1::IngestSamplesRequest>* reader,
                             v1::IngestSamplesResponse* response) override {
    v1::IngestSamplesRequest request;
    while (reader->Read(&request)) {
      if (request.has_start()) {
        model = request.start().model();
        continue;
      }
      if (static_cast<int>(batch_sizes.size()) == fail_after) return DiskFull();
      batch_sizes.push_back(request.batch().samples_size());
      response->set_samples_ingested(response->samples_ingested() + request.batch().samples_size());
    }
    return grpc::Status::OK;
  }

  std::string model;
  std::vector<int> batch_sizes;
  int fail_after = -1;

 private:
  grpc::Status DiskFull() const {
    google::rpc::ErrorInfo info;
    info.set_reason("DISK_FULL");
    (*info.mutable_metadata())["batchesCommitted"] = std::to_string(batch_sizes.size());
    google::rpc::Status details;
    details.add_details()->PackFrom(info);
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "the disk is full", details.SerializeAsString()};
  }
};

// Sends three states, and waits for the client's cancel when `endless`.
class ScriptedErasures : public v1::ErasureService::Service {
 public:
  grpc::Status WatchErasure(grpc::ServerContext*, const v1::WatchErasureRequest* request,
                            grpc::ServerWriter<v1::Erasure>* writer) override {
    v1::Erasure erasure;
    erasure.set_name(request->name());
    uint64_t sequence = 0;
    do {
      erasure.set_sequence(++sequence);
    } while (writer->Write(erasure) && (endless || sequence < 3));
    return grpc::Status::OK;
  }

  bool endless = false;
};

class ClientTest : public testing::Test {
 protected:
  void SetUp() override {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&models_);
    builder.RegisterService(&erasures_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    client_ = std::make_unique<Client>(Client::Options{.address = "127.0.0.1:" + std::to_string(port)});
  }

  void TearDown() override {
    client_.reset();
    server_->Shutdown();
  }

  // Batches of 1, 2, ..., `count` samples; `calls_` counts how many were asked for.
  Client::NextBatch Batches(int count) {
    return [this, count](v1::SampleBatch* batch) -> absl::StatusOr<bool> {
      EXPECT_EQ(batch->samples_size(), 0);
      if (calls_ == count) return false;
      ++calls_;
      for (int i = 0; i < calls_; ++i) batch->add_samples();
      return true;
    };
  }

  ScriptedModels models_;
  ScriptedErasures erasures_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Client> client_;
  v1::IngestStart start_;
  int calls_ = 0;
};

TEST_F(ClientTest, IngestSendsTheStartAndEveryBatchInOrder) {
  start_.set_model("models/test");
  const auto response = client_->IngestSamples(start_, Batches(20));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->samples_ingested(), 20 * 21 / 2);
  EXPECT_EQ(models_.model, "models/test");
  ASSERT_EQ(models_.batch_sizes.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(models_.batch_sizes[static_cast<size_t>(i)], i + 1);
}

TEST_F(ClientTest, IngestEndsWithTheServersError) {
  models_.fail_after = 3;
  const auto response = client_->IngestSamples(start_, Batches(1'000'000));
  EXPECT_EQ(response.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(response.status()), "DISK_FULL");
  EXPECT_EQ(MetadataOf(response.status(), "batchesCommitted"), "3");
  EXPECT_LT(calls_, 1'000'000);
}

TEST_F(ClientTest, IngestEndsWithTheSourcesError) {
  int calls = 0;
  const auto response = client_->IngestSamples(start_, [&calls](v1::SampleBatch* batch) -> absl::StatusOr<bool> {
    if (++calls == 3) return Error(absl::StatusCode::kDataLoss, "FILE_CORRUPT", "the file changed");
    batch->add_samples();
    return true;
  });
  EXPECT_EQ(ReasonOf(response.status()), "FILE_CORRUPT");
  EXPECT_EQ(calls, 3);
}

TEST_F(ClientTest, AWatchVisitsEveryMessageUntilTheServerEnds) {
  v1::WatchErasureRequest request;
  request.set_name("erasures/x");
  std::vector<uint64_t> seen;
  EXPECT_TRUE(client_
                  ->WatchErasure(request,
                                 [&](const v1::Erasure& erasure) {
                                   seen.push_back(erasure.sequence());
                                   return true;
                                 })
                  .ok());
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
}

TEST_F(ClientTest, AWatchEndsWhenTheVisitorHasSeenEnough) {
  erasures_.endless = true;
  int visits = 0;
  EXPECT_TRUE(client_->WatchErasure({}, [&](const v1::Erasure&) { return ++visits < 2; }).ok());
  EXPECT_EQ(visits, 2);
}

TEST_F(ClientTest, WhatTheServerDoesNotServeIsUnimplemented) {
  EXPECT_EQ(client_->GetLogCheckpoint({}).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(client_->DeleteModel({}).code(), absl::StatusCode::kUnimplemented);
}

TEST_F(ClientTest, ALostServerIsUnavailable) {
  server_->Shutdown();
  const absl::Status status = client_->GetErasure({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("is expunged running there?"));
}

}  // namespace
}  // namespace expunge
