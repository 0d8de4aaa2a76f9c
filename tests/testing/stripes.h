#ifndef EXPUNGE_TESTING_STRIPES_H_
#define EXPUNGE_TESTING_STRIPES_H_

#include <cstdint>
#include <string>

#include "expunge/v1/model_service.pb.h"
#include "expunge/v1/prediction_service.pb.h"

namespace expunge {

// Data that any model learns in no time: grey images of 8x8 in three classes, each with other rows bright, and noise.
// Sample i is always the same.

inline constexpr int kStripesSide = 8;
inline constexpr int kStripesBytes = kStripesSide * kStripesSide;
inline constexpr int kStripesClasses = 3;

std::string StripesImage(int index);  // kStripesBytes bytes
inline uint32_t StripesLabel(int index) { return static_cast<uint32_t>(index % kStripesClasses); }

// Samples [first, first + count) as `count` images or labels on end.
std::string StripesImages(int first, int count);
std::string StripesLabels(int first, int count);

// A softmax regression over them that trains in milliseconds.
v1::Model StripesModel(const std::string& id, uint32_t shards, uint32_t slices);
// An MLP that takes about this many multiplications as much for each slice; `epochs` scales it.
v1::Model SlowStripesModel(const std::string& id, uint32_t shards, uint32_t slices, uint32_t epochs);

// "person-000007": as `expunge ingest` names them.
std::string PersonName(int index);

// Samples of whole subjects [first_subject, first_subject + subjects), `each` samples a subject: subject s has samples
// s * each to s * each + each - 1.
v1::SampleBatch StripesBatch(int first_subject, int subjects, int each);

v1::PredictRequest StripesInputs(const std::string& id, int first, int count);

}  // namespace expunge

#endif  // EXPUNGE_TESTING_STRIPES_H_
