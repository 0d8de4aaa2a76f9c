#ifndef EXPUNGE_PROOF_ED25519_H_
#define EXPUNGE_PROOF_ED25519_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/digest.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace expunge {

// Ed25519 (RFC 8032), the pure variant.
using Ed25519PublicKey = std::array<uint8_t, 32>;
using Ed25519Signature = std::array<uint8_t, 64>;

inline std::string_view AsBytes(const Ed25519Signature& signature) {
  return {reinterpret_cast<const char*>(signature.data()), signature.size()};
}

// Movable, not copyable. Sign may be called by many threads at a time. The secret is wiped from memory when destroyed.
class SigningKey {
 public:
  static SigningKey Generate();

  // An unencrypted PKCS #8 key in PEM (RFC 5958, RFC 7468, RFC 8410): what `openssl genpkey -algorithm ed25519` writes.
  // FAILED_PRECONDITION, SIGNING_KEY_WRONG, for anything else.
  static absl::StatusOr<SigningKey> FromPem(std::string_view pem);

  // The secret, in that form: the caller keeps it from others and wipes it (OPENSSL_cleanse) when done.
  std::string ToPem() const;

  const Ed25519PublicKey& public_key() const { return public_key_; }
  Ed25519Signature Sign(std::string_view message) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  using Key = std::unique_ptr<evp_pkey_st, Free>;

  explicit SigningKey(Key key);

  Key key_;
  Ed25519PublicKey public_key_;
};

// Whether `signature` is 64 bytes made over `message` with the secret of `public_key`.
bool VerifyEd25519(const Ed25519PublicKey& public_key, std::string_view message, std::string_view signature);

}  // namespace expunge

#endif  // EXPUNGE_PROOF_ED25519_H_
