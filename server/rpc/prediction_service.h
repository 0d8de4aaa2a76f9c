#ifndef EXPUNGE_RPC_PREDICTION_SERVICE_H_
#define EXPUNGE_RPC_PREDICTION_SERVICE_H_

#include "catalog/catalog.h"
#include "expunge/v1/prediction_service.grpc.pb.h"
#include "rpc/model_predictor.h"

namespace expunge {

class PredictionService final : public v1::PredictionService::CallbackService {
 public:
  // Not owned.
  PredictionService(const Catalog* catalog, ModelPredictor* predictor) : catalog_(catalog), predictor_(predictor) {}

  grpc::ServerUnaryReactor* Predict(grpc::CallbackServerContext* context, const v1::PredictRequest* request,
                                    v1::PredictResponse* response) override;

 private:
  const Catalog* const catalog_;
  ModelPredictor* const predictor_;
};

}  // namespace expunge

#endif  // EXPUNGE_RPC_PREDICTION_SERVICE_H_
