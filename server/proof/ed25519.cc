#include "proof/ed25519.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <climits>
#include <cstdlib>
#include <utility>

#include "base/error.h"

namespace expunge {
namespace {

constexpr size_t kMaxPemBytes = 1 << 16;

struct FreeOpenSsl {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, FreeOpenSsl>;

// OpenSSL fails here only when memory is exhausted or the library is broken; nothing can go on then.
void CheckOpenSsl(bool result) {
  if (!result) std::abort();
}

const unsigned char* Bytes(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

// OpenSSL would ask at the terminal.
int NoPassword(char*, int, int, void*) { return -1; }

}  // namespace

void SigningKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

SigningKey::SigningKey(Key key) : key_(std::move(key)) {
  size_t length = public_key_.size();
  CheckOpenSsl(EVP_PKEY_get_raw_public_key(key_.get(), public_key_.data(), &length) == 1);
}

SigningKey SigningKey::Generate() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  CheckOpenSsl(key != nullptr);
  return SigningKey(std::move(key));
}

absl::StatusOr<SigningKey> SigningKey::FromPem(std::string_view pem) {
  const absl::Status wrong = Error(absl::StatusCode::kFailedPrecondition, "SIGNING_KEY_WRONG",
                                   "the signing key must be an unencrypted Ed25519 key in PEM (PKCS #8)");
  if (pem.size() > kMaxPemBytes) return wrong;
  const Owned<BIO> input(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CheckOpenSsl(input != nullptr);
  Key key(PEM_read_bio_PrivateKey(input.get(), nullptr, NoPassword, nullptr));
  ERR_clear_error();  // what is left there would be taken for the error of this thread's next call
  if (key == nullptr || !EVP_PKEY_is_a(key.get(), "ED25519")) return wrong;
  return SigningKey(std::move(key));
}

std::string SigningKey::ToPem() const {
  const Owned<BIO> output(BIO_new(BIO_s_secmem()));
  CheckOpenSsl(output != nullptr);
  CheckOpenSsl(PEM_write_bio_PKCS8PrivateKey(output.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  char* bytes = nullptr;
  const int64_t length = BIO_get_mem_data(output.get(), &bytes);
  CheckOpenSsl(length > 0);
  return std::string(bytes, length);
}

Ed25519Signature SigningKey::Sign(std::string_view message) const {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  CheckOpenSsl(context != nullptr);
  CheckOpenSsl(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
  Ed25519Signature signature;
  size_t length = signature.size();
  CheckOpenSsl(EVP_DigestSign(context.get(), signature.data(), &length, Bytes(message), message.size()) == 1);
  return signature;
}

bool VerifyEd25519(const Ed25519PublicKey& public_key, std::string_view message, std::string_view signature) {
  const Owned<EVP_PKEY> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()));
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  CheckOpenSsl(context != nullptr);
  const bool valid =
      key != nullptr && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(message), message.size()) == 1;
  ERR_clear_error();
  return valid;
}

}  // namespace expunge
