#ifndef EXPUNGE_TESTS_BENCH_ECHO_SERVER_H_
#define EXPUNGE_TESTS_BENCH_ECHO_SERVER_H_

#include <memory>
#include <string>

#include "client/client.h"

namespace google::protobuf {
class MessageLite;
}  // namespace google::protobuf

namespace expunge {

// The yardstick for what a call costs in gRPC alone: a server over loopback that answers every Forget and every Predict
// at once, on gRPC's own thread (callback API), with the same prepared bytes, and does not look at the request. The
// client is the one that our server gets, so the requests and their replies cost it the same.
class EchoServer {
 public:
  explicit EchoServer(const google::protobuf::MessageLite& reply);
  // Ends the program when it cannot listen on this HOST:PORT.
  EchoServer(const std::string& reply, const std::string& listen);
  ~EchoServer();

  Client& client() { return *client_; }
  int port() const { return port_; }

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
  int port_ = 0;
  std::unique_ptr<Client> client_;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_BENCH_ECHO_SERVER_H_
