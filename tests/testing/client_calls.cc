#include "tests/testing/client_calls.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/uuid.h"

namespace expunge {
namespace {

std::string NameOf(const std::string& id) { return absl::StrCat("models/", id); }

}  // namespace

absl::Status Create(Client& client, const v1::Model& model) {
  v1::CreateModelRequest request;
  *request.mutable_model() = model;
  return client.CreateModel(request).status();
}

absl::StatusOr<v1::IngestSamplesResponse> Ingest(Client& client, const std::string& id,
                                                 const std::vector<v1::SampleBatch>& batches, bool new_consent) {
  v1::IngestStart start;
  start.set_model(NameOf(id));
  start.set_new_consent(new_consent);
  size_t next = 0;
  return client.IngestSamples(start, [&](v1::SampleBatch* batch) -> absl::StatusOr<bool> {
    if (next == batches.size()) return false;
    *batch = batches[next++];
    return true;
  });
}

absl::StatusOr<v1::Model> GetModel(Client& client, const std::string& id) {
  v1::GetModelRequest request;
  request.set_name(NameOf(id));
  return client.GetModel(request);
}

absl::Status Train(Client& client, const std::string& id) {
  v1::TrainModelRequest request;
  request.set_name(NameOf(id));
  return client.TrainModel(request).status();
}

absl::StatusOr<v1::Model> WatchModelUntil(Client& client, const std::string& id,
                                          const std::function<bool(const v1::Model&)>& done) {
  v1::WatchModelRequest request;
  request.set_name(NameOf(id));
  v1::Model last;
  bool found = false;
  RETURN_IF_ERROR(client.WatchModel(request, [&](const v1::Model& model) {
    last = model;
    found = done(model);
    return !found;
  }));
  if (!found) return absl::AbortedError("the stream of the model ended before what was waited for");
  return last;
}

absl::StatusOr<v1::Model> WaitUntilReady(Client& client, const std::string& id) {
  return WatchModelUntil(client, id, [](const v1::Model& model) { return model.state() == v1::Model::READY; });
}

absl::StatusOr<v1::Model> TrainAndWait(Client& client, const std::string& id) {
  RETURN_IF_ERROR(Train(client, id));
  return WaitUntilReady(client, id);
}

v1::ForgetRequest ForgetOf(const std::string& subject) {
  v1::ForgetRequest request;
  request.set_request_id(RandomUuid());
  request.set_subject_id(subject);
  return request;
}

absl::StatusOr<v1::Erasure> WaitUntilFinal(Client& client, const std::string& name) {
  v1::WatchErasureRequest request;
  request.set_name(name);
  v1::Erasure last;
  RETURN_IF_ERROR(client.WatchErasure(request, [&](const v1::Erasure& erasure) {
    last = erasure;
    return true;
  }));
  return last;
}

absl::Status ReplayAll(Client& client, const std::string& id) {
  v1::ReplayShardRequest request;
  request.set_model(NameOf(id));
  int matches = 0;
  absl::Status mismatch;
  RETURN_IF_ERROR(client.ReplayShard(request, [&](const v1::ReplayProgress& progress) {
    if (progress.verdict() == v1::ReplayProgress::MATCH) ++matches;
    if (progress.verdict() == v1::ReplayProgress::MISMATCH) {
      mismatch.Update(absl::DataLossError(
          absl::StrCat("shard ", progress.shard(), " differs from slice ", progress.first_mismatch(), " on")));
    }
    if (progress.verdict() == v1::ReplayProgress::ENVIRONMENT_DIFFERS) {
      mismatch.Update(absl::FailedPreconditionError(absl::StrCat("trained in ", progress.trained_environment())));
    }
    return true;
  }));
  RETURN_IF_ERROR(mismatch);
  return matches > 0 ? absl::OkStatus() : absl::DataLossError("no shard was replayed");
}

}  // namespace expunge
