#include "tests/testing/http_get.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace expunge {

Connection::Connection(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connected_ = connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

Connection::~Connection() { close(socket_); }

bool Connection::Send(const std::string& bytes) {
  return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

absl::StatusOr<std::string> Connection::ReadAll() {
  std::string all;
  while (true) {
    pollfd news = {.fd = socket_, .events = POLLIN};
    if (poll(&news, 1, 60'000) != 1) return absl::DeadlineExceededError("the other side is silent");
    char bytes[4096];
    const ssize_t got = recv(socket_, bytes, sizeof(bytes), 0);
    if (got < 0) return absl::UnavailableError("the connection broke");
    if (got == 0) return all;
    all.append(bytes, static_cast<size_t>(got));
  }
}

absl::StatusOr<HttpReply> HttpGet(int port, const std::string& path, const std::string& method) {
  Connection connection(port);
  const std::string request =
      absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  if (!connection.connected() || !connection.Send(request)) return absl::UnavailableError("nobody listens");
  ASSIGN_OR_RETURN(const std::string reply, connection.ReadAll());
  const size_t end = reply.find("\r\n\r\n");
  HttpReply parsed;
  if (end == std::string::npos || !reply.starts_with("HTTP/1.1 ") ||
      !absl::SimpleAtoi(reply.substr(9, 3), &parsed.status)) {
    return absl::InternalError(absl::StrCat("not a reply of HTTP/1.1: ", reply));
  }
  parsed.headers = reply.substr(0, end);
  parsed.body = reply.substr(end + 4);
  return parsed;
}

}  // namespace expunge
