#include "tests/faults/script.h"

namespace expunge {
namespace {

ModelSpec Spec(uint32_t shards, uint32_t slices) {
  ModelSpec spec;
  spec.input = {.shape = {4}, .dtype = DType::kUint8};
  spec.labels = {"no", "yes"};
  spec.training = {.epochs = 1, .batch_size = 4, .seed = 7};
  spec.sisa = {.shards = shards, .slices = slices};
  return spec;
}

}  // namespace

void RunScript(Client& client) {
  client.Open();
  client.Create("a", Spec(2, 2));
  ModelSpec large = Spec(1, 2);  // enough for blob files
  large.architecture = Mlp{{200}};
  client.Create("b", large);
  client.Create("c", Spec(1, 1));
  client.Ingest("a", {1, 2, 3, 4, 5, 6}, 2);
  client.Ingest("b", {1, 2, 3, 4}, 2);
  client.Ingest("c", {1, 5}, 1);
  client.Commit();
  client.Train("a");
  client.Train("b");
  client.Train("c");
  client.WaitIdle();
  client.Forget(1, 1);
  client.WaitIdle();
  client.Ingest("a", {7}, 2);
  client.Ingest("b", {7}, 2);
  client.Commit();
  client.Train("a");
  client.Forget(2, 2);  // while it trains
  client.Forget(2, 2);
  client.Forget(3, 3, {"b"});
  client.Forget(6, 6, {}, {1});  // keeps the other sample
  client.WaitIdle();
  client.Ingest("a", {8}, 1);  // not committed
  client.Close();

  client.Open();
  client.CheckErasures();
  client.Ingest("a", {1, 6}, 2);  // refused, but for what is there
  client.Ingest("a", {1}, 2, /*new_consent=*/true);
  client.Commit();
  client.Forget(4, 9);  // nobody
  client.Reclaim();
  client.Train("a");
  client.Train("b");
  client.Delete("c");
  client.Forget(7, 3, {"a"}, {0});
  client.WaitIdle();
  client.Forget(5, 4);
  client.Forget(8, 6);
  client.Close();  // before they are completed
}

void CheckEverything(Client& client, bool twice) {
  client.SetExpect(Client::Expect::kNone);
  client.Open();
  client.WaitIdle();  // what was begun is finished without being asked for again
  client.CheckErasures();
  client.CheckSamples();
  client.Repeat();
  client.CheckErasures();
  client.CheckTraining();
  client.CheckCompleted();
  client.Close();
  if (!twice) return;
  client.Open();
  client.CheckErasures();
  client.CheckSamples();
  client.WaitIdle();
  client.CheckCompleted();
  client.Close();
}

void CheckDamaged(Client& client) {
  client.SetExpect(Client::Expect::kErrors);
  client.Open();
  client.CheckErasures();
  client.CheckSamples();
  client.Purge();
  client.CheckTraining();
  client.CheckCompleted();
  client.Close();
}

}  // namespace expunge
