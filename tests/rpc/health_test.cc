// grpc.health.v1 and reflection, spoken by hand: their messages are not among our protos.

#include <string>
#include <vector>

#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "gtest/gtest.h"
#include "tests/rpc/wire.h"

namespace expunge {
namespace {

class HealthTest : public WireTest {
 protected:
  // One request and one reply as bytes.
  grpc::Status Call(const std::string& method, const std::string& request, std::string* reply) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    const grpc::Slice slice(request);
    const auto call = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
    call->StartCall();
    grpc::ByteBuffer bytes;
    grpc::Status status;
    call->Finish(&bytes, &status, this);
    void* tag;
    bool ok;
    queue.Next(&tag, &ok);
    std::vector<grpc::Slice> slices;
    bytes.Dump(&slices);
    for (const grpc::Slice& part : slices) reply->append(reinterpret_cast<const char*>(part.begin()), part.size());
    return status;
  }
};

TEST_F(HealthTest, EveryServiceIsServing) {
  for (const std::string service :
       {"", "expunge.v1.PredictionService", "expunge.v1.ErasureService", "expunge.v1.AuditService",
        "expunge.v1.ModelService", "inference.GRPCInferenceService"}) {
    const std::string request =
        service.empty() ? "" : "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
    std::string reply;
    ASSERT_TRUE(Call("/grpc.health.v1.Health/Check", request, &reply).ok()) << service;
    EXPECT_EQ(reply, "\x08\x01") << service;  // status: SERVING
  }
}

TEST_F(HealthTest, ReflectionListsTheServices) {
  std::string reply;
  const std::string list_services("\x3a\x00", 2);
  ASSERT_TRUE(Call("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", list_services, &reply).ok());
  for (const char* service : {"expunge.v1.PredictionService", "expunge.v1.ErasureService", "expunge.v1.AuditService",
                              "expunge.v1.ModelService", "inference.GRPCInferenceService", "grpc.health.v1.Health"}) {
    EXPECT_NE(reply.find(service), std::string::npos) << service;
  }
}

}  // namespace
}  // namespace expunge
