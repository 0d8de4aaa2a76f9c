#include "client/dataset.h"

#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/test_files.h"

namespace expunge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DatasetTest : public testing::Test {
 protected:
  DatasetTest() {
    model_.set_name("models/test");
    model_.mutable_input()->set_dtype(v1::UINT8);
    model_.mutable_input()->add_shape(2);
    model_.mutable_input()->add_shape(3);
    for (const char* label : {"a", "b", "c"}) model_.add_labels(label);
  }

  std::string Images(const std::vector<uint32_t>& dimensions) {
    size_t size = 1;
    for (const uint32_t dimension : dimensions) size *= dimension;
    return files_.Write("images", IdxBytes(IdxType::kUint8, dimensions, CountingBytes(size)));
  }
  std::string Labels(const std::string& labels) {
    return files_.Write("labels", Gzip(IdxBytes(IdxType::kUint8, {static_cast<uint32_t>(labels.size())}, labels)));
  }
  absl::Status Check(const std::string& images, const std::string& labels) {
    return CheckDataset(images, labels, model_, [](int64_t, int64_t) {}).status();
  }
  void ExpectMismatch(const absl::Status& status, const std::string& message) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ReasonOf(status), "FILE_MISMATCH");
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }

  const TestFiles files_;
  v1::Model model_;
};

TEST_F(DatasetTest, ReadsBothFilesSideBySide) {
  const auto dataset = IdxDataset::Open(Images({5, 2, 3}), Labels(std::string("\0\1\2\1\0", 5)), model_);
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ((*dataset)->count(), 5);
  EXPECT_EQ((*dataset)->input_bytes(), 6u);
  std::string inputs;
  std::vector<uint8_t> labels;
  ASSERT_TRUE((*dataset)->Skip(1).ok());
  EXPECT_EQ(*(*dataset)->Read(3, &inputs, &labels), 3u);
  EXPECT_EQ(inputs, CountingBytes(30).substr(6, 18));
  EXPECT_THAT(labels, ElementsAre(1, 2, 1));
  EXPECT_EQ(*(*dataset)->Read(3, &inputs, &labels), 1u);
  EXPECT_EQ(*(*dataset)->Read(3, &inputs, &labels), 0u);
}

TEST_F(DatasetTest, CheckReportsProgressAndCounts) {
  int64_t reported = 0;
  const auto samples =
      CheckDataset(Images({5, 2, 3}), Labels(std::string(5, '\1')), model_, [&](int64_t done, int64_t total) {
        EXPECT_EQ(total, 5);
        reported = done;
      });
  EXPECT_EQ(*samples, 5);
  EXPECT_EQ(reported, 5);
}

TEST_F(DatasetTest, RefusesWhatDoesNotFitTheModel) {
  const std::string labels = Labels(std::string(4, '\0'));
  ExpectMismatch(Check(Images({4, 3, 2}), labels),
                 "its items have the shape [3, 2], must be [2, 3] as models/test declares");
  ExpectMismatch(Check(Images({4, 6}), labels), "its items have the shape [6], must be [2, 3]");
  const std::string floats = files_.Write("images", IdxBytes(IdxType::kFloat32, {4, 2, 3}, std::string(96, '\0')));
  ExpectMismatch(Check(floats, labels), "its elements are FLOAT32, must be UINT8");
}

TEST_F(DatasetTest, RefusesFilesThatDoNotBelongTogether) {
  const std::string images = Images({4, 2, 3});
  ExpectMismatch(Check(images, Labels(std::string(3, '\0'))), "holds 3 labels, must be 4");
  ExpectMismatch(Check(images, images), "holds no labels");
  ExpectMismatch(Check(Images({0, 2, 3}), Labels("")), "holds 0 images, must be at least 1");
}

TEST_F(DatasetTest, NamesThePlaceOfALabelThatIsNoClass) {
  ExpectMismatch(Check(Images({4, 2, 3}), Labels(std::string("\0\2\3\1", 4))),
                 "label 3 at byte 10 must be below the model's number of classes, 3");
}

TEST_F(DatasetTest, NamesThePlaceOfAFloatThatIsNotFinite) {
  model_.mutable_input()->set_dtype(v1::FLOAT32);
  std::string elements(2 * 24, '\0');
  elements.replace(24 + 8, 4, std::string("\x7f\xc0\0\0", 4));
  const std::string images = files_.Write("images", IdxBytes(IdxType::kFloat32, {2, 2, 3}, elements));
  ExpectMismatch(Check(images, Labels(std::string(2, '\0'))), "the float at byte 48 must be finite");
}

TEST_F(DatasetTest, DamageAtTheEndIsFoundByTheCheck) {
  std::string labels = Gzip(IdxBytes(IdxType::kUint8, {4}, std::string(4, '\0')));
  labels[labels.size() - 6] = static_cast<char>(labels[labels.size() - 6] ^ 1);
  const absl::Status status = Check(Images({4, 2, 3}), files_.Write("labels", labels));
  EXPECT_EQ(ReasonOf(status), "FILE_CORRUPT");
}

}  // namespace
}  // namespace expunge
