#ifndef EXPUNGE_TESTING_CLIENT_CALLS_H_
#define EXPUNGE_TESTING_CLIENT_CALLS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/client.h"

namespace expunge {

// Calls that tests make again and again. `id` is a model's, without "models/".

absl::Status Create(Client& client, const v1::Model& model);
absl::StatusOr<v1::IngestSamplesResponse> Ingest(Client& client, const std::string& id,
                                                 const std::vector<v1::SampleBatch>& batches, bool new_consent = false);
absl::StatusOr<v1::Model> GetModel(Client& client, const std::string& id);

absl::Status Train(Client& client, const std::string& id);
// Returns the first state of the model for which `done` holds.
absl::StatusOr<v1::Model> WatchModelUntil(Client& client, const std::string& id,
                                          const std::function<bool(const v1::Model&)>& done);
absl::StatusOr<v1::Model> WaitUntilReady(Client& client, const std::string& id);
absl::StatusOr<v1::Model> TrainAndWait(Client& client, const std::string& id);

v1::ForgetRequest ForgetOf(const std::string& subject);  // with a request_id of its own
// Follows an erasure to its final state.
absl::StatusOr<v1::Erasure> WaitUntilFinal(Client& client, const std::string& name);

// OK when every shard that holds samples has the bits of a training from scratch, and there is one.
absl::Status ReplayAll(Client& client, const std::string& id);

}  // namespace expunge

#endif  // EXPUNGE_TESTING_CLIENT_CALLS_H_
