#ifndef EXPUNGE_CATALOG_SAMPLE_CODEC_H_
#define EXPUNGE_CATALOG_SAMPLE_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/ids.h"
#include "storage/data_key.h"
#include "storage/store.h"

namespace expunge {

// A sample's sealed form, bound to its model, subject and sample key.
std::string SealSample(const DataKey& subject_key, ModelUid model, const Pseudonym& subject, const SampleKey& key,
                       std::string_view input, uint32_t label);

// DATA_LOSS (SEALED_VALUE_CORRUPT) when it is not the sample that was sealed there.
absl::StatusOr<records::Sample> OpenSample(const DataKey& subject_key, ModelUid model, const Pseudonym& subject,
                                           const SampleKey& key, std::string_view sealed);

// The digest that enters lineages; keyed with a secret that dies with the subject's key.
Digest SampleDigest(const DataKey& subject_key, const SampleKey& key, std::string_view input, uint32_t label);

}  // namespace expunge

#endif  // EXPUNGE_CATALOG_SAMPLE_CODEC_H_
