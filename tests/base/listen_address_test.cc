#include "base/listen_address.h"

#include "base/error.h"
#include "gtest/gtest.h"

namespace expunge {
namespace {

TEST(ListenAddressTest, ALoopbackHostAndAPortAreTaken) {
  for (const char* address : {"127.0.0.1:7400", "127.1.2.3:0", "localhost:7400", "[::1]:7400"}) {
    EXPECT_TRUE(ValidateListenAddress("listen", address).ok()) << address;
  }
}

TEST(ListenAddressTest, AnythingElseNamesTheField) {
  for (const char* address : {"0.0.0.0:7400", "[::]:7400", "192.168.1.2:7400", "example.com:7400", "127.evil.com:7400",
                              ":7400", "*:7400", "unix:/tmp/socket", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                              "127.0.0.1:-1", "127.0.0.1:80s", "7400", "127.0.0.1:80,127.0.0.1:81", ""}) {
    EXPECT_EQ(FieldOf(ValidateListenAddress("some-listen", address)), "some-listen") << address;
  }
}

}  // namespace
}  // namespace expunge
