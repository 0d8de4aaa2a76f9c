#include <atomic>
#include <thread>

#include "tests/storage/fixtures.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class StoreViewTest : public testing::Test {
 protected:
  const TempDir directory_;
  ReopenableStore store_{directory_ / "store"};
};

TEST_F(StoreViewTest, ShowsTheMomentItWasTaken) {
  ASSERT_THAT(store_->ApplyIngest(1, ModelNamed("m"), {Update(0, SubjectNumber(1), {1, 2})}), IsOk());
  const std::unique_ptr<StoreView> view = store_->View();

  ASSERT_THAT(store_->ApplyIngest(1, ModelNamed("m"), {Update(0, SubjectNumber(2), {3})}), IsOk());
  ASSERT_THAT(store_->UpdateSubjects(1, {Removal(0, SubjectNumber(1), {1, 2})}), IsOk());

  const auto before = Contents(view.get(), {1, 0});
  ASSERT_THAT(before, SizeIs(1));
  EXPECT_THAT(before.at(SubjectNumber(1)), SizeIs(2));
  const auto after = Contents(store_->View().get(), {1, 0});
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_EQ(after.count(SubjectNumber(2)), 1);
}

TEST_F(StoreViewTest, SubjectsAndSamplesAgreeWhileWritesGoOn) {
  constexpr int kSubjects = 20;
  std::atomic<bool> done = false;
  std::thread writer([this, &done] {
    // Every subject comes and goes with all its samples.
    for (int i = 0; i < 300; ++i) {
      const Pseudonym subject = SubjectNumber(i % kSubjects);
      if (i / kSubjects % 2 == 0) {
        EXPECT_THAT(store_->ApplyIngest(1, ModelNamed("m"), {Update(0, subject, {1, 2, 3})}), IsOk());
      } else {
        EXPECT_THAT(store_->UpdateSubjects(1, {Removal(0, subject, {1, 2, 3})}), IsOk());
      }
    }
    done = true;
  });
  while (!done) {
    const std::unique_ptr<StoreView> view = store_->View();
    const auto first = Contents(view.get(), {1, 0});  // expects that both scans agree
    for (const auto& [subject, samples] : first) EXPECT_THAT(samples, SizeIs(3));
    EXPECT_EQ(Contents(view.get(), {1, 0}), first);
  }
  writer.join();
}

TEST_F(StoreViewTest, AVisitorsErrorEndsTheScan) {
  ASSERT_THAT(
      store_->ApplyIngest(1, ModelNamed("m"), {Update(0, SubjectNumber(1), {1, 2}), Update(0, SubjectNumber(2), {3})}),
      IsOk());
  const std::unique_ptr<StoreView> view = store_->View();
  int visited = 0;
  EXPECT_EQ(view->ScanSubjects({1, 0},
                               [&](const Pseudonym&, const records::Subject&) {
                                 ++visited;
                                 return absl::CancelledError("enough");
                               }),
            absl::CancelledError("enough"));
  EXPECT_EQ(view->ScanSamples({1, 0},
                              [&](const Pseudonym&, const SampleKey&, std::string_view) {
                                ++visited;
                                return absl::CancelledError("enough");
                              }),
            absl::CancelledError("enough"));
  EXPECT_EQ(visited, 2);
}

TEST_F(StoreViewTest, EmptyShardsHaveNothing) {
  const std::unique_ptr<StoreView> view = store_->View();
  EXPECT_THAT(Contents(view.get(), {1, 0}), IsEmpty());
}

}  // namespace
}  // namespace expunge
