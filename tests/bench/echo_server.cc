#include "tests/bench/echo_server.h"

#include <google/protobuf/message_lite.h>
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "expunge/v1/erasure_service.grpc.pb.h"
#include "expunge/v1/prediction_service.grpc.pb.h"

namespace expunge {
namespace {

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const grpc::ByteBuffer& reply,
                                 grpc::ByteBuffer* response) {
  *response = reply;
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

// Methods that get and give bytes as they are on the wire.
class EchoErasures final : public v1::ErasureService::WithRawCallbackMethod_Forget<v1::ErasureService::Service> {
 public:
  explicit EchoErasures(grpc::ByteBuffer reply) : reply_(std::move(reply)) {}

  grpc::ServerUnaryReactor* Forget(grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                   grpc::ByteBuffer* response) override {
    return Answer(context, reply_, response);
  }

 private:
  const grpc::ByteBuffer reply_;
};

class EchoPredictions final
    : public v1::PredictionService::WithRawCallbackMethod_Predict<v1::PredictionService::Service> {
 public:
  explicit EchoPredictions(grpc::ByteBuffer reply) : reply_(std::move(reply)) {}

  grpc::ServerUnaryReactor* Predict(grpc::CallbackServerContext* context, const grpc::ByteBuffer*,
                                    grpc::ByteBuffer* response) override {
    return Answer(context, reply_, response);
  }

 private:
  const grpc::ByteBuffer reply_;
};

grpc::ByteBuffer BufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

struct EchoServer::Impl {
  explicit Impl(const grpc::ByteBuffer& reply) : erasures(reply), predictions(reply) {}

  EchoErasures erasures;
  EchoPredictions predictions;
  std::unique_ptr<grpc::Server> server;
};

EchoServer::EchoServer(const std::string& reply, const std::string& listen)
    : impl_(std::make_unique<Impl>(BufferOf(reply))) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(&impl_->erasures);
  builder.RegisterService(&impl_->predictions);
  impl_->server = builder.BuildAndStart();
  if (impl_->server == nullptr) {
    std::cerr << "the echo server cannot listen on " << listen << std::endl;
    std::_Exit(1);
  }
  client_ = std::make_unique<Client>(Client::Options{.address = absl::StrCat("127.0.0.1:", port_)});
}

EchoServer::EchoServer(const google::protobuf::MessageLite& reply)
    : EchoServer(reply.SerializeAsString(), "127.0.0.1:0") {}

EchoServer::~EchoServer() = default;

}  // namespace expunge
