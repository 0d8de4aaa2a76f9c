#ifndef EXPUNGE_RPC_PREDICTION_SERVICE_H_
#define EXPUNGE_RPC_PREDICTION_SERVICE_H_

#include <atomic>

#include "absl/status/status.h"
#include "base/executor.h"
#include "catalog/catalog.h"
#include "expunge/v1/prediction_service.grpc.pb.h"

namespace expunge {

class PredictionService final : public v1::PredictionService::CallbackService {
 public:
  // Not owned. `executor` computes.
  PredictionService(const Catalog* catalog, Executor* executor) : catalog_(catalog), executor_(executor) {}

  grpc::ServerUnaryReactor* Predict(grpc::CallbackServerContext* context, const v1::PredictRequest* request,
                                    v1::PredictResponse* response) override;

 private:
  absl::Status Answer(const grpc::CallbackServerContext& context, const v1::PredictRequest& request,
                      v1::PredictResponse* response) const;

  const Catalog* const catalog_;
  Executor* const executor_;
  std::atomic<int> admitted_ = 0;  // waiting and computing
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_PREDICTION_SERVICE_H_
