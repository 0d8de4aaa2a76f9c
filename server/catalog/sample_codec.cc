#include "catalog/sample_codec.h"

#include "base/error.h"
#include "base/status_macros.h"

namespace expunge {
namespace {

std::string LittleEndian(uint32_t value) {
  std::string bytes(4, '\0');
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

std::string Context(ModelUid model, const Pseudonym& subject, const SampleKey& key) {
  std::string context = "sample" + LittleEndian(model);
  return context.append(AsBytes(subject)).append(AsBytes(key));
}

}  // namespace

std::string SealSample(const DataKey& subject_key, ModelUid model, const Pseudonym& subject, const SampleKey& key,
                       std::string_view input, uint32_t label) {
  records::Sample sample;
  sample.set_input(input.data(), input.size());
  sample.set_label(label);
  return subject_key.Seal(Context(model, subject, key), sample.SerializeAsString());
}

absl::StatusOr<records::Sample> OpenSample(const DataKey& subject_key, ModelUid model, const Pseudonym& subject,
                                           const SampleKey& key, std::string_view sealed) {
  ASSIGN_OR_RETURN(const std::string plaintext, subject_key.Open(Context(model, subject, key), sealed));
  records::Sample sample;
  if (!sample.ParseFromString(plaintext)) {
    return Error(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT", "a sealed sample does not hold a sample");
  }
  return sample;
}

Digest SampleDigest(const DataKey& subject_key, const SampleKey& key, std::string_view input, uint32_t label) {
  return subject_key.Fingerprint({AsBytes(key), LittleEndian(label), input});
}

}  // namespace expunge
