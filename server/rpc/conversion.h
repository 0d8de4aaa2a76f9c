#ifndef EXPUNGE_RPC_CONVERSION_H_
#define EXPUNGE_RPC_CONVERSION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "audit/auditor.h"
#include "catalog/catalog.h"
#include "catalog/ingestor.h"
#include "expunge/v1/audit_service.pb.h"
#include "expunge/v1/erasure_service.pb.h"
#include "expunge/v1/model_service.pb.h"
#include "expunge/v1/prediction_service.pb.h"
#include "expunge/v1/resources.pb.h"
#include "model/spec.h"
#include "serving/predictor.h"
#include "unlearning/replayer.h"
#include "unlearning/unlearner.h"

namespace expunge {

// Between the messages of the wire and the types of the domain. What comes in is checked as far as the domain's types
// cannot hold it (INVALID_ARGUMENT, with the field); what goes out is only rewritten.

// --- in
absl::StatusOr<ForgetRequest> ForgetFromWire(const v1::ForgetRequest& request);
absl::StatusOr<ErasureFilter> FilterFromWire(const v1::ErasureFilter& filter);
// The views point into `batch`, which ValidateBatch has accepted.
std::vector<NewSample> SamplesFromWire(const v1::SampleBatch& batch, const ModelSpec& spec);

// --- out
enum class ModelDetail { kSummary, kShards, kSlices };
v1::Model ModelToWire(ModelEntry& model, ModelDetail detail);

// `catalog` tells how far each task's shard is.
v1::Erasure ErasureToWire(const records::Erasure& erasure, const Catalog& catalog);

// Constituents of the snapshot that are trained on all of their slices.
uint32_t CountClean(const Snapshot& snapshot, const ModelSpec& spec);
v1::PredictResponse PredictionToWire(Prediction prediction, const ModelSpec& spec);
v1::AuditReport ReportToWire(const StatusReport& report, absl::Time now, bool with_models);
v1::ReplayProgress ReplayVerdictToWire(const ReplayVerdict& verdict, uint32_t shard, const ModelSpec& spec);

google::protobuf::Timestamp TimeToWire(absl::Time time);

}  // namespace expunge

#endif  // EXPUNGE_RPC_CONVERSION_H_
