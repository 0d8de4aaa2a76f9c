#include "tests/storage/fixtures.h"
#include "tests/testing/temp_dir.h"

namespace expunge {
namespace {

class SuppressionTest : public testing::Test {
 protected:
  void Forget(std::initializer_list<ModelUid> suppress_in) {
    ASSERT_THAT(store_->RecordErasure(ErasureOf(++last_sequence_, subject_, {}), {}, suppress_in), IsOk());
  }
  void StateConsent(ModelUid uid) {
    SubjectUpdate update = Update(0, subject_, {1});
    update.lift_suppression = true;
    ASSERT_THAT(store_->ApplyIngest(uid, ModelNamed("m"), {update}), IsOk());
  }
  // For models 1, 2 and 3, also after a reopen.
  std::vector<bool> Suppressed() {
    std::vector<bool> before, after;
    for (const ModelUid uid : {1, 2, 3}) before.push_back(*store_->IsSuppressed(uid, subject_));
    store_.Reopen();
    for (const ModelUid uid : {1, 2, 3}) after.push_back(*store_->IsSuppressed(uid, subject_));
    EXPECT_EQ(before, after);
    return after;
  }

  const TempDir directory_;
  ReopenableStore store_{directory_ / "store"};
  const Pseudonym subject_ = SubjectNumber(1);
  ErasureSequence last_sequence_ = 0;
};

using testing::ElementsAre;

TEST_F(SuppressionTest, HoldsInTheModelsOfTheErasure) {
  Forget({});
  EXPECT_THAT(Suppressed(), ElementsAre(false, false, false));
  Forget({1, 3});
  EXPECT_THAT(Suppressed(), ElementsAre(true, false, true));
  EXPECT_FALSE(*store_->IsSuppressed(1, SubjectNumber(2)));
}

TEST_F(SuppressionTest, HoldsInEveryModelOfNowAndLater) {
  Forget({kEveryModel});
  EXPECT_THAT(Suppressed(), ElementsAre(true, true, true));
  EXPECT_TRUE(*store_->IsSuppressed(4'000'000'000, subject_));
}

TEST_F(SuppressionTest, ConsentOpensTheModelItWasStatedForAlone) {
  Forget({kEveryModel});
  StateConsent(2);
  EXPECT_THAT(Suppressed(), ElementsAre(true, false, true));
  Forget({1});
  EXPECT_THAT(Suppressed(), ElementsAre(true, false, true));
}

TEST_F(SuppressionTest, AnErasureGoesBeforeEarlierConsent) {
  Forget({kEveryModel});
  StateConsent(1);
  StateConsent(2);
  Forget({1});
  EXPECT_THAT(Suppressed(), ElementsAre(true, false, true));
  Forget({kEveryModel});
  EXPECT_THAT(Suppressed(), ElementsAre(true, true, true));
}

TEST_F(SuppressionTest, ConsentOfOneThatWasNeverForgottenChangesNothing) {
  StateConsent(1);
  EXPECT_THAT(Suppressed(), ElementsAre(false, false, false));
  Forget({kEveryModel});
  EXPECT_THAT(Suppressed(), ElementsAre(true, true, true));
}

}  // namespace
}  // namespace expunge
