#include "tests/integration/integration_test.h"

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace expunge {
namespace {

// One thread of each kind is enough for a test, and several servers may run at once.
std::vector<std::string> WithFewThreads(const std::vector<std::string>& options) {
  std::vector<std::string> all = {"--workers", "1", "--predict-threads", "1"};
  all.insert(all.end(), options.begin(), options.end());  // the last one of each decides
  return all;
}

}  // namespace

IntegrationTest::IntegrationTest(const std::vector<std::string>& options)
    : server_(kServerProgram, WithFewThreads(options)) {}

void IntegrationTest::SetUp() { ASSERT_THAT(server_.Start(), IsOk()); }

Outcome IntegrationTest::Expunge(const std::vector<std::string>& arguments) {
  Command command;
  command.arguments = {kClientProgram, "--address", server_.address()};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  return RunProgram(command);
}

void IntegrationTest::MakeTrained(const v1::Model& model, int subjects) {
  ASSERT_THAT(Create(client(), model), IsOk());
  const std::string id = model.name().substr(sizeof("models/") - 1);
  ASSERT_THAT(Ingest(client(), id, {StripesBatch(0, subjects, 2)}), IsOk());
  ASSERT_THAT(TrainAndWait(client(), id), IsOk());
}

std::string IntegrationTest::State() {
  auto report = client().Audit({});
  if (!report.ok()) return report.status().ToString();
  report->clear_report_time();
  return report->DebugString();
}

testing::AssertionResult IsOneLineOf(const std::string& program, const std::string& text) {
  if (absl::StartsWith(text, absl::StrCat(program, ": ")) && absl::EndsWith(text, "\n") &&
      absl::c_count(text, '\n') == 1) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "not one line of " << program << ":\n" << text;
}

}  // namespace expunge
