#ifndef EXPUNGE_TESTING_HTTP_GET_H_
#define EXPUNGE_TESTING_HTTP_GET_H_

#include <string>

#include "absl/status/statusor.h"

namespace expunge {

// A connection to a port of 127.0.0.1, closed at the end of the scope. Not thread-safe.
class Connection {
 public:
  explicit Connection(int port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool connected() const { return connected_; }
  bool Send(const std::string& bytes);
  // What comes until the other side closes. DEADLINE_EXCEEDED when it does not for a minute.
  absl::StatusOr<std::string> ReadAll();

 private:
  int socket_ = -1;
  bool connected_ = false;
};

struct HttpReply {
  int status = 0;
  std::string headers;  // with the line of the status
  std::string body;
};

// One request of HTTP/1.1. UNAVAILABLE: nobody listens.
absl::StatusOr<HttpReply> HttpGet(int port, const std::string& path, const std::string& method = "GET");

}  // namespace expunge

#endif  // EXPUNGE_TESTING_HTTP_GET_H_
