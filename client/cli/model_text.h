#ifndef EXPUNGE_CLIENT_CLI_MODEL_TEXT_H_
#define EXPUNGE_CLIENT_CLI_MODEL_TEXT_H_

#include <string>

#include "absl/types/span.h"
#include "expunge/v1/resources.pb.h"

namespace expunge::cli {

// Models as people read them. Pure functions.

// One line each, under a header.
std::string ModelTable(absl::Span<const v1::Model* const> models);

// The declaration, the figures, and the shards if the message has them.
std::string ModelText(const v1::Model& model, bool unicode);

// The shards, one line each: a mark per slice (trained or not), counts, who votes.
std::string ShardTable(const v1::Model& model, bool unicode);

// How far the training is, from 0 to 1, by its cost: slice r trains on all slices before it too, so its share grows
// with r.
double TrainedFraction(const v1::Model& model);

// "41 of 64 slices  [8 6 5 5 5 4 4 4]": slices in all and by shard; "0:8/8 1:6/8 …" by shard with `numbered`.
std::string SliceCounts(const v1::Model& model, bool numbered);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_MODEL_TEXT_H_
