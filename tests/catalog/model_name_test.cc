#include <ostream>
#include <string>

#include "absl/strings/escaping.h"
#include "base/error.h"
#include "catalog/catalog.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace expunge {
namespace {

struct NameCase {
  std::string name;
  bool valid;

  friend void PrintTo(const NameCase& name_case, std::ostream* out) {
    *out << (name_case.valid ? "takes '" : "refuses '") << absl::CHexEscape(name_case.name) << "'";
  }
};

class ModelNameTest : public testing::TestWithParam<NameCase> {};

TEST_P(ModelNameTest, FollowsAip122) {
  const absl::Status status = ValidateModelName(GetParam().name);
  if (GetParam().valid) {
    EXPECT_THAT(status, IsOk());
  } else {
    EXPECT_THAT(status, Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
    EXPECT_EQ(FieldOf(status), "name");
  }
}

INSTANTIATE_TEST_SUITE_P(Names, ModelNameTest,
                         testing::Values(NameCase{"a", true}, NameCase{"fashion-mnist", true}, NameCase{"m2", true},
                                         NameCase{"a--b", true}, NameCase{std::string(63, 'x'), true},
                                         NameCase{std::string(64, 'x'), false}, NameCase{"", false},
                                         NameCase{"2m", false}, NameCase{"-m", false}, NameCase{"m-", false},
                                         NameCase{"-", false}, NameCase{"M", false}, NameCase{"mM", false},
                                         NameCase{"a_b", false}, NameCase{"a.b", false}, NameCase{"a/b", false},
                                         NameCase{"a b", false}, NameCase{"\xc3\xa4", false},
                                         NameCase{std::string("a\0b", 3), false}));

}  // namespace
}  // namespace expunge
