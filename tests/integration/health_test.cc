// grpc.health.v1 and reflection over the life of a server. Their messages are not among our protos: spoken by hand.

#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "tests/integration/integration_test.h"
#include "tests/testing/deaf_client.h"

namespace expunge {
namespace {

using testing::HasSubstr;

constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

// A call of one request and any number of replies.
class RawStream {
 public:
  RawStream(const std::string& address, const std::string& method, const std::string& request)
      : stub_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())),
        call_(stub_.PrepareCall(&context_, method, &queue_)) {
    call_->StartCall(this);
    if (!Done()) return;
    call_->WriteLast(ToBuffer(request), {}, this);
    Done();
  }
  ~RawStream() {
    context_.TryCancel();
    grpc::Status ignored;
    call_->Finish(&ignored, this);
    Done();
  }

  // The next reply; empty at the end.
  std::string Read() {
    grpc::ByteBuffer buffer;
    call_->Read(&buffer, this);
    std::vector<grpc::Slice> slices;
    if (!Done() || !buffer.Dump(&slices).ok()) return "";
    std::string bytes;
    for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    return bytes;
  }

 private:
  bool Done() {
    void* tag;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

class HealthProcessTest : public IntegrationTest {
 protected:
  std::string Check(const std::string& service) {
    const std::string request =
        service.empty() ? "" : "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
    return RawStream(server_.address(), "/grpc.health.v1.Health/Check", request).Read();
  }
};

TEST_F(HealthProcessTest, EveryServiceServesFromTheStartToTheEnd) {
  const std::vector<std::string> kServices = {"",
                                              "expunge.v1.PredictionService",
                                              "expunge.v1.ErasureService",
                                              "expunge.v1.AuditService",
                                              "expunge.v1.ModelService",
                                              "inference.GRPCInferenceService"};
  for (const std::string& service : kServices) EXPECT_EQ(Check(service), kServing) << service;
  server_.Kill();
  for (const std::string& service : kServices) EXPECT_EQ(Check(service), "") << service;
  ASSERT_THAT(server_.Start(), IsOk());
  for (const std::string& service : kServices) EXPECT_EQ(Check(service), kServing) << service;
  EXPECT_EQ(Check("expunge.v1.NoSuchService"), "");
}

TEST_F(HealthProcessTest, WhoWatchesIsToldBeforeTheServerEnds) {
  auto watch = std::make_unique<RawStream>(server_.address(), "/grpc.health.v1.Health/Watch", "");
  ASSERT_EQ(watch->Read(), kServing);
  server_.Signal(SIGTERM);
  EXPECT_EQ(watch->Read(), kNotServing);
  watch = nullptr;
  EXPECT_EQ(server_.WaitForEnd(), 0);
}

class DrainTest : public IntegrationTest {
 protected:
  DrainTest() : IntegrationTest({"--drain-timeout", "3600"}) {}  // whoever waits for that fails
};

TEST_F(DrainTest, NeitherAnIdleClientNorAStreamOfHealthDelaysTheEnd) {
  const size_t colon = server_.address().rfind(':');
  const DeafClient idle(server_.address().substr(0, colon), std::stoi(server_.address().substr(colon + 1)));
  ASSERT_TRUE(idle.WaitUntilHeard());
  RawStream watch(server_.address(), "/grpc.health.v1.Health/Watch", "");
  ASSERT_EQ(watch.Read(), kServing);
  EXPECT_EQ(server_.Terminate(), 0);
}

TEST_F(HealthProcessTest, ReflectionListsTheServices) {
  const std::string list_services("\x3a\x00", 2);
  const std::string services =
      RawStream(server_.address(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", list_services)
          .Read();
  for (const char* service : {"expunge.v1.PredictionService", "expunge.v1.ErasureService", "expunge.v1.AuditService",
                              "expunge.v1.ModelService", "inference.GRPCInferenceService", "grpc.health.v1.Health"}) {
    EXPECT_THAT(services, HasSubstr(service));
  }
}

}  // namespace
}  // namespace expunge
