#ifndef EXPUNGE_TESTS_INTEGRATION_INTEGRATION_TEST_H_
#define EXPUNGE_TESTS_INTEGRATION_INTEGRATION_TEST_H_

#include <string>
#include <vector>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "tests/client/test_files.h"
#include "tests/testing/client_calls.h"
#include "tests/testing/server_process.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/stripes.h"

namespace expunge {

// The programs that were built.
inline constexpr char kServerProgram[] = EXPUNGE_SERVER_PROGRAM;
inline constexpr char kClientProgram[] = EXPUNGE_CLIENT_PROGRAM;

// A running server, and the command beside it.
class IntegrationTest : public testing::Test {
 protected:
  // `options` of the server.
  explicit IntegrationTest(const std::vector<std::string>& options = {});
  void SetUp() override;

  Client& client() { return *server_.client(); }

  // `expunge` with these arguments, at the server.
  Outcome Expunge(const std::vector<std::string>& arguments);

  // The same with --output json; it must succeed.
  template <typename Message>
  Message ExpungeJson(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--output", "json"});
    const Outcome outcome = Expunge(arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    Message message;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(outcome.out, &message).ok()) << outcome.out;
    return message;
  }

  // Creates the model with samples, two of each subject, and trains it.
  void MakeTrained(const v1::Model& model, int subjects);

  // All that the server tells about its models and erasures, without the time of the report.
  std::string State();

  TestFiles files_;
  ServerProcess server_;
};

// Errors are one line of a program's, without what a logger or gRPC has to say.
testing::AssertionResult IsOneLineOf(const std::string& program, const std::string& text);

}  // namespace expunge

#endif  // EXPUNGE_TESTS_INTEGRATION_INTEGRATION_TEST_H_
