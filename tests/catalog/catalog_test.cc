#include "catalog/catalog.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "storage/rocks_store.h"
#include "tests/testing/engine_fixture.h"

namespace expunge {
namespace {

using testing::ElementsAre;

class CatalogTest : public EngineTest {
 protected:
  CatalogTest() { Open(); }

  Catalog& catalog() { return engine_->catalog(); }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& model : catalog().List()) names.push_back(model->name());
    return names;
  }
};

TEST_F(CatalogTest, AModelThatWasCreatedIsFoundByNameAndNumber) {
  const auto created = CreateModel("m", SmallSpec(2, 3));
  EXPECT_EQ(created->name(), "m");
  EXPECT_EQ(created->spec(), SmallSpec(2, 3));
  EXPECT_EQ(created->create_time(), clock_.Now());
  EXPECT_FALSE(created->trained());
  EXPECT_EQ(FindModel("m"), created);
  EXPECT_EQ(catalog().FindByUid(created->uid()), created);
}

TEST_F(CatalogTest, AnUnknownModelIsNotFound) {
  CreateModel("m", SmallSpec(1, 1));
  EXPECT_THAT(catalog().Find("n"), Fails(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  EXPECT_EQ(catalog().FindByUid(999), nullptr);
}

TEST_F(CatalogTest, ListsModelsByName) {
  for (const char* name : {"c", "a", "b"}) CreateModel(name, SmallSpec(1, 1));
  EXPECT_THAT(Names(), ElementsAre("a", "b", "c"));
}

TEST_F(CatalogTest, ANameIsGivenOnce) {
  const auto first = CreateModel("m", SmallSpec(1, 1));
  EXPECT_THAT(catalog().Create("m", SmallSpec(2, 2)), Fails(absl::StatusCode::kAlreadyExists, "MODEL_EXISTS"));
  EXPECT_EQ(FindModel("m"), first);
}

TEST_F(CatalogTest, OfTwoWhoCreateOneNameAtOnceOneSucceeds) {
  constexpr int kThreads = 4;
  for (int round = 0; round < 10; ++round) {
    std::atomic<int> created = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] { created += catalog().Create(absl::StrCat("m", round), SmallSpec(1, 1)).ok(); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(created, 1);
  }
  EXPECT_EQ(Names().size(), 10);
}

TEST_F(CatalogTest, AnInvalidNameOrDeclarationCreatesNothing) {
  EXPECT_THAT(catalog().Create("Bad", SmallSpec(1, 1)), Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  const auto no_shards = catalog().Create("m", SmallSpec(0, 1));
  EXPECT_THAT(no_shards, Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_EQ(FieldOf(no_shards.status()), "sisa.shards");
  Reopen();
  EXPECT_THAT(Names(), ElementsAre());
}

TEST_F(CatalogTest, ModelsSurviveAReopen) {
  const ModelUid uid = CreateModel("m", SmallSpec(2, 3))->uid();
  const absl::Time created = clock_.Now();
  clock_.Advance(absl::Hours(1));
  Reopen();
  const auto model = FindModel("m");
  EXPECT_EQ(model->uid(), uid);
  EXPECT_EQ(model->spec(), SmallSpec(2, 3));
  EXPECT_EQ(model->create_time(), created);
  EXPECT_FALSE(model->trained());
}

TEST_F(CatalogTest, AModelsNumberIsNeverGivenAgain) {
  const auto first = CreateModel("m", SmallSpec(1, 1));
  ASSERT_THAT(engine_->unlearner().Delete(*first), IsOk());
  Reopen();
  EXPECT_GT(CreateModel("m", SmallSpec(1, 1))->uid(), first->uid());
}

TEST_F(CatalogTest, RemoveTakesAModelOutOfAllLookUps) {
  const auto model = CreateModel("m", SmallSpec(1, 1));
  CreateModel("n", SmallSpec(1, 1));
  catalog().Remove(*model);
  EXPECT_THAT(catalog().Find("m"), Fails(absl::StatusCode::kNotFound, "MODEL_NOT_FOUND"));
  EXPECT_EQ(catalog().FindByUid(model->uid()), nullptr);
  EXPECT_THAT(Names(), ElementsAre("n"));
}

TEST_F(CatalogTest, RemovingAModelAgainLeavesALaterOneOfItsName) {
  const auto first = CreateModel("m", SmallSpec(1, 1));
  catalog().Remove(*first);
  const auto second = CreateModel("m", SmallSpec(1, 1));
  catalog().Remove(*first);
  EXPECT_EQ(FindModel("m"), second);
}

TEST_F(CatalogTest, AModelWhoseDeletionWasInterruptedDoesNotHideALaterOneOfItsName) {
  records::Model record;
  record.set_name("m");
  *record.mutable_spec() = ModelSpecToRecord(SmallSpec(1, 1));
  ASSERT_THAT(engine_->store().PutModel(8, record), IsOk());
  record.set_deleting(true);
  ASSERT_THAT(engine_->store().PutModel(7, record), IsOk());
  ASSERT_THAT(engine_->store().PutModel(9, record), IsOk());
  const auto opened = Catalog::Open(&engine_->store(), &engine_->keyring(), &clock_);
  ASSERT_THAT(opened, IsOk());
  const auto found = (*opened)->Find("m");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ((*found)->uid(), 8);
  for (const ModelUid uid : {7, 9}) {
    ASSERT_NE((*opened)->FindByUid(uid), nullptr);
    EXPECT_TRUE((*opened)->FindByUid(uid)->deleting());
  }
  EXPECT_EQ((*opened)->List().size(), 3);
}

TEST_F(CatalogTest, AServerHoldsABoundedNumberOfModels) {
  records::Model record;
  *record.mutable_spec() = ModelSpecToRecord(SmallSpec(1, 1));
  for (size_t i = 1; i < kMaxModels; ++i) {
    record.set_name(absl::StrCat("m", i));
    ASSERT_THAT(engine_->store().PutModel(static_cast<ModelUid>(10'000 + i), record), IsOk());
  }
  const auto full = Catalog::Open(&engine_->store(), &engine_->keyring(), &clock_);
  ASSERT_THAT(full, IsOk());
  EXPECT_THAT((*full)->Create("last", SmallSpec(1, 1)), IsOk());
  EXPECT_THAT((*full)->Create("onemore", SmallSpec(1, 1)),
              Fails(absl::StatusCode::kResourceExhausted, "TOO_MANY_MODELS"));
}

TEST_F(CatalogTest, TheModelsOfAServerHaveABoundedNumberOfSlicesTogether) {
  const ModelSpec largest = SmallSpec(kMaxShards, kMaxSlices);
  const uint64_t largest_slices = uint64_t{kMaxShards} * kMaxSlices;
  uint64_t slices = 0;
  for (; slices + largest_slices < kMaxSlicesInAll; slices += largest_slices) {
    ASSERT_THAT(catalog().Create(absl::StrCat("m", slices), largest), IsOk());
  }
  ASSERT_THAT(catalog().Create("small", SmallSpec(1, 1)), IsOk());
  const absl::Status refused = catalog().Create("over", largest).status();
  EXPECT_THAT(refused, Fails(absl::StatusCode::kResourceExhausted, "TOO_MANY_SLICES"));
  EXPECT_THAT(refused.message(), testing::HasSubstr(absl::StrCat("at most ", kMaxSlicesInAll, " slices")));
  EXPECT_THAT(refused.message(), testing::HasSubstr(absl::StrCat("with this one ", kMaxSlicesInAll + 1)));
  catalog().Remove(**catalog().Find("small"));
  EXPECT_THAT(catalog().Create("over", largest), IsOk()) << "exactly the bound";
  EXPECT_THAT(catalog().Create("small", SmallSpec(1, 1)),
              Fails(absl::StatusCode::kResourceExhausted, "TOO_MANY_SLICES"));
}

}  // namespace
}  // namespace expunge
