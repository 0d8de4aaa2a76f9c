#ifndef EXPUNGE_PROOF_DSSE_H_
#define EXPUNGE_PROOF_DSSE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proof/ed25519.h"
#include "proof/signed_note.h"

namespace expunge {

// DSSE 1.0 (https://github.com/secure-systems-lab/dsse): a payload with one signature by an Ed25519 key. The JSON has
// its members in the order payload, payloadType, signatures[keyid, sig], and no spaces.

// "DSSEv1" SP len(type) SP type SP len(body) SP body: what is signed.
std::string PreAuthenticationEncoding(std::string_view type, std::string_view body);

// What names a key in an envelope: name+hex(key id), a verifier key without the key itself.
std::string EnvelopeKeyId(const VerifierKey& key);

// INVALID_ARGUMENT, KEY_NAME. Precondition: `payload_type` is ASCII.
absl::StatusOr<std::string> SignEnvelope(std::string_view payload, std::string_view payload_type, std::string_view name,
                                         const SigningKey& key);

// The payload, once it is known that `key` signed it. Takes no envelope that differs by a bit from what SignEnvelope
// gives, although DSSE would take some: a copy that was changed anywhere is found out.
// INVALID_ARGUMENT, ENVELOPE_MALFORMED. FAILED_PRECONDITION: ENVELOPE_NOT_CANONICAL, ENVELOPE_TYPE_WRONG,
// ENVELOPE_KEY_UNKNOWN (it names another key), ENVELOPE_SIGNATURE_WRONG.
absl::StatusOr<std::string> OpenEnvelope(std::string_view envelope, std::string_view payload_type,
                                         const VerifierKey& key);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_DSSE_H_
