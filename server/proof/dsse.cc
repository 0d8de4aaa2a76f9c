#include "proof/dsse.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "proof/json.h"
#include "proof/text_codec.h"

namespace expunge {
namespace {

absl::Status Malformed(std::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, "ENVELOPE_MALFORMED", message);
}

absl::Status Refused(std::string_view reason, std::string_view message) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message);
}

// As in the JSON.
struct Envelope {
  std::string payload;
  std::string payload_type;
  std::string key_id;
  std::string signature;
};

std::string FormatEnvelope(const Envelope& envelope) {
  return WriteJson({{"payload", envelope.payload},
                    {"payloadType", envelope.payload_type},
                    {"signatures", JsonWriter::array({{{"keyid", envelope.key_id}, {"sig", envelope.signature}}})}});
}

absl::StatusOr<Envelope> ParseEnvelope(std::string_view text) {
  const std::optional<nlohmann::json> json = ReadJson(text);
  if (!json) return Malformed("the envelope must be JSON");
  bool ok = true;
  JsonObject object(*json, &ok);
  Envelope envelope{.payload = object.Text("payload"), .payload_type = object.Text("payloadType")};
  std::vector<JsonObject> signatures = object.Objects("signatures");
  if (!ok || signatures.size() != 1) return Malformed("an envelope has a payload, its type and one signature");
  envelope.key_id = signatures[0].Text("keyid");
  envelope.signature = signatures[0].Text("sig");
  if (!ok) return Malformed("the envelope's signature must have a keyid and a sig");
  return envelope;
}

}  // namespace

std::string PreAuthenticationEncoding(std::string_view type, std::string_view body) {
  return absl::StrCat("DSSEv1 ", type.size(), " ", ToAbsl(type), " ", body.size(), " ", ToAbsl(body));
}

std::string EnvelopeKeyId(const VerifierKey& key) {
  return absl::StrCat(key.name, "+", ToHex({reinterpret_cast<const char*>(key.key_id.data()), key.key_id.size()}));
}

absl::StatusOr<std::string> SignEnvelope(std::string_view payload, std::string_view payload_type, std::string_view name,
                                         const SigningKey& key) {
  RETURN_IF_ERROR(ValidateKeyName(name));
  const Ed25519Signature signature = key.Sign(PreAuthenticationEncoding(payload_type, payload));
  return FormatEnvelope({.payload = EncodeBase64(payload),
                         .payload_type = std::string(payload_type),
                         .key_id = EnvelopeKeyId(MakeVerifierKey(name, key.public_key())),
                         .signature = EncodeBase64(AsBytes(signature))});
}

absl::StatusOr<std::string> OpenEnvelope(std::string_view envelope, std::string_view payload_type,
                                         const VerifierKey& key) {
  ASSIGN_OR_RETURN(const Envelope parsed, ParseEnvelope(envelope));
  std::optional<std::string> payload = DecodeBase64(parsed.payload);
  const std::optional<std::string> signature = DecodeBase64(parsed.signature);
  if (!payload || !signature) return Malformed("the envelope's payload and signature must be base64");
  if (FormatEnvelope(parsed) != envelope) {
    return Refused("ENVELOPE_NOT_CANONICAL", "the envelope was changed, or written by another program");
  }
  if (parsed.payload_type != payload_type) {
    return Refused("ENVELOPE_TYPE_WRONG", absl::StrCat("the envelope's payloadType must be ", ToAbsl(payload_type)));
  }
  if (parsed.key_id != EnvelopeKeyId(key)) {
    return Refused("ENVELOPE_KEY_UNKNOWN", absl::StrCat("the envelope is not signed by ", EnvelopeKeyId(key)));
  }
  if (!VerifyEd25519(key.public_key, PreAuthenticationEncoding(payload_type, *payload), *signature)) {
    return Refused("ENVELOPE_SIGNATURE_WRONG",
                   "the envelope's signature is wrong: it was changed, or signed by somebody else");
  }
  return *std::move(payload);
}

}  // namespace expunge
