#ifndef EXPUNGE_TESTING_DEAF_CLIENT_H_
#define EXPUNGE_TESTING_DEAF_CLIENT_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace expunge {

// Is connected, calls nothing and never reads, as a client whose process is stopped: it does not see that it is asked
// to hang up. Not thread-safe.
class DeafClient {
 public:
  // `host`: an IPv4 address.
  DeafClient(const std::string& host, int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    // HTTP/2's greeting and its empty settings.
    constexpr std::string_view kHello("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
    connected_ = inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1 &&
                 connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                 write(socket_, kHello.data(), kHello.size()) == static_cast<ssize_t>(kHello.size());
  }
  DeafClient(const DeafClient&) = delete;
  DeafClient& operator=(const DeafClient&) = delete;
  ~DeafClient() { close(socket_); }

  // Returns when the server has answered the greeting. False: there is no connection.
  bool WaitUntilHeard() const {
    pollfd news = {.fd = socket_, .events = POLLIN};
    return connected_ && poll(&news, 1, -1) == 1 && (news.revents & POLLIN) != 0;
  }

 private:
  const int socket_;
  bool connected_ = false;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTING_DEAF_CLIENT_H_
