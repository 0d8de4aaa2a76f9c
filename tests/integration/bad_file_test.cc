// Files that are not what they should be: one clear line, and nothing is sent or half sent.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/integration/integration_test.h"

namespace expunge {
namespace {

using testing::HasSubstr;

constexpr int kCount = 30;

std::string Images() { return IdxBytes(IdxType::kUint8, {kCount, 8, 8}, StripesImages(0, kCount)); }
std::string Labels() { return IdxBytes(IdxType::kUint8, {kCount}, StripesLabels(0, kCount)); }
std::string Without(std::string bytes, size_t last) { return bytes.substr(0, bytes.size() - last); }
std::string Flipped(std::string bytes, size_t from_end) {
  bytes[bytes.size() - from_end] ^= 0x55;
  return bytes;
}

class BadFileTest : public IntegrationTest {};

TEST_F(BadFileTest, NothingOfABadDatasetIsIngested) {
  ASSERT_THAT(Create(client(), StripesModel("m", 2, 2)), IsOk());
  const std::string before = State();
  const std::string wide = IdxBytes(IdxType::kUint8, {kCount, 8, 9}, std::string(kCount * 72, 'x'));
  const std::string floats = IdxBytes(IdxType::kFloat32, {kCount, 8, 8}, std::string(kCount * 256, '\0'));
  const std::string no_class = IdxBytes(IdxType::kUint8, {kCount}, StripesLabels(0, kCount - 1) + '\3');
  const struct {
    std::string what;
    std::string images;
    std::string labels;
    std::string problem;
  } kCases[] = {
      {"truncated", Without(Images(), 1), Labels(), "FILE_TRUNCATED"},
      {"header truncated", Images().substr(0, 9), Labels(), "FILE_TRUNCATED"},
      {"empty", "", Labels(), "FILE_"},
      {"bytes after the end", Images() + "x", Labels(), "FILE_CORRUPT"},
      {"wrong magic", "P5" + Images().substr(2), Labels(), "FILE_CORRUPT"},
      {"an unknown type", std::string("\0\0\x0B\3", 4) + Images().substr(4), Labels(), "FILE_CORRUPT"},
      {"gzip cut short", Without(Gzip(Images()), 20), Labels(), "FILE_TRUNCATED"},
      {"gzip with a wrong checksum", Flipped(Gzip(Images()), 6), Labels(), "FILE_CORRUPT"},
      {"gzip damaged", Flipped(Gzip(Images()), 400), Labels(), "FILE_CORRUPT"},
      {"labels truncated", Images(), Without(Labels(), 1), "FILE_TRUNCATED"},
      {"labels' gzip damaged", Images(), Flipped(Gzip(Labels()), 6), "FILE_CORRUPT"},
      {"fewer labels", Images(), IdxBytes(IdxType::kUint8, {kCount - 1}, StripesLabels(0, kCount - 1)),
       "FILE_MISMATCH"},
      {"more labels", Images(), IdxBytes(IdxType::kUint8, {kCount + 1}, StripesLabels(0, kCount + 1)), "FILE_MISMATCH"},
      {"labels for images", Labels(), Labels(), "FILE_MISMATCH"},
      {"images for labels", Images(), Images(), "FILE_MISMATCH"},
      {"another shape", wide, Labels(), "FILE_MISMATCH"},
      {"another dtype", floats, Labels(), "FILE_MISMATCH"},
      {"the last label is no class", Images(), no_class, "FILE_MISMATCH"},
  };
  for (const auto& [what, images, labels, problem] : kCases) {
    SCOPED_TRACE(what);
    const Outcome outcome =
        Expunge({"--output", "json", "ingest", "m", "--format", "idx", "--samples-per-subject", "3", "--images",
                 files_.Write("images", images), "--labels", files_.Write("labels", labels)});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(IsOneLineOf("expunge", outcome.err));
    EXPECT_THAT(outcome.err, HasSubstr(problem));
  }
  EXPECT_EQ(State(), before);
}

TEST_F(BadFileTest, AFileThatIsMissingIsNamed) {
  ASSERT_THAT(Create(client(), StripesModel("m", 2, 2)), IsOk());
  const std::string labels = files_.Write("labels", Labels());
  const std::string missing = files_.PathOf("missing");
  for (const auto& [images_path, labels_path] : {std::pair(missing, labels), {files_.Write("i", Images()), missing}}) {
    const Outcome outcome = Expunge({"ingest", "m", "--format", "idx", "--samples-per-subject", "3", "--images",
                                     images_path, "--labels", labels_path});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(IsOneLineOf("expunge", outcome.err));
    EXPECT_THAT(outcome.err, HasSubstr(missing));
  }
  const Outcome predicted =
      Expunge({"predict", "m", "--images", files_.Write("i", Images()), "--index", absl::StrCat(kCount)});
  EXPECT_EQ(predicted.status, 1);
  EXPECT_THAT(predicted.err, HasSubstr("below 30"));
}

TEST_F(BadFileTest, ABadModelFileMakesNoModel) {
  const struct {
    std::string content;
    std::string problem;
  } kCases[] = {
      {R"({"name": "models/new", "colour": "red"})", "colour"},
      {R"({"name": "models/new", "sisa": {"shards": 2, "slicess": 2}})", "slicess"},
      {R"({"name": "models/new", )", "not a model"},
      {R"({"name": 7})", "not a model"},
      {"", "not a model"},
      {"[]", "not a model"},
      {std::string("\x89PNG\0\1", 6), "not a model"},
      {R"({"name": "models/new"})", "architecture"},
      {R"({"name": "models/new", "architecture": {"mlp": {"hiddenSizes": [4]}}, "training": {"sgd": {"learningRate": 0.1}}, "sisa": {"shards": 0}})",
       "input.shape"},
  };
  for (const auto& [content, problem] : kCases) {
    SCOPED_TRACE(content);
    const Outcome outcome = Expunge({"model", "create", files_.Write("model.json", content)});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(IsOneLineOf("expunge", outcome.err));
    EXPECT_THAT(outcome.err, HasSubstr(problem));
  }
  const Outcome missing = Expunge({"model", "create", files_.PathOf("missing.json")});
  EXPECT_EQ(missing.status, 1);
  EXPECT_TRUE(IsOneLineOf("expunge", missing.err));
  EXPECT_THAT(missing.err, HasSubstr("missing.json"));
  EXPECT_EQ(client().ListModels({})->models_size(), 0);
}

}  // namespace
}  // namespace expunge
