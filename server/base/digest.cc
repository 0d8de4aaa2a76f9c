#include "base/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstdlib>
#include <cstring>

#include "absl/strings/escaping.h"
#include "base/string_view.h"

namespace expunge {
namespace {

// OpenSSL's digests fail only when memory is exhausted or the library is broken; nothing can go on then.
void CheckOpenSsl(int result) {
  if (result != 1) std::abort();
}

// Fetched once: looking an algorithm up costs more than hashing what we hash.
const EVP_MD* Sha256Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

// HMAC-SHA256 without a key.
const EVP_MAC_CTX* HmacTemplate() {
  static const EVP_MAC_CTX* const context = [] {
    EVP_MAC_CTX* const made = EVP_MAC_CTX_new(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                     OSSL_PARAM_construct_end()};
    CheckOpenSsl(EVP_MAC_CTX_set_params(made, parameters));
    return made;
  }();
  return context;
}

}  // namespace

absl::StatusOr<Digest> DigestFromBytes(std::string_view bytes) {
  Digest digest;
  if (bytes.size() != digest.size()) return absl::InternalError("a digest must have 32 bytes");
  std::memcpy(digest.data(), bytes.data(), digest.size());
  return digest;
}

std::string ToHex(std::string_view bytes) { return absl::BytesToHexString(ToAbsl(bytes)); }

std::string LittleEndian(uint64_t value) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

Digest Sha256(std::string_view bytes) {
  Digest digest;
  CheckOpenSsl(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, Sha256Algorithm(), nullptr));
  return digest;
}

Digest KeyedHash(std::string_view key, std::initializer_list<std::string_view> parts) {
  std::string message;
  for (std::string_view part : parts) {
    message.append(LittleEndian(part.size()));
    message.append(part);
  }
  // A copy for each call: when it is freed, what it knows of the key is wiped.
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(EVP_MAC_CTX_dup(HmacTemplate()),
                                                                          &EVP_MAC_CTX_free);
  CheckOpenSsl(context != nullptr);
  // Never null, which would stand for the key of the call before.
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.empty() ? "" : text.data());
  };
  Digest digest;
  size_t length = 0;
  CheckOpenSsl(EVP_MAC_init(context.get(), bytes(key), key.size(), nullptr));
  CheckOpenSsl(EVP_MAC_update(context.get(), bytes(message), message.size()));
  CheckOpenSsl(EVP_MAC_final(context.get(), digest.data(), &length, digest.size()));
  return digest;
}

struct DigestBuilder::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

DigestBuilder::DigestBuilder(std::string_view domain) : state_(std::make_unique<State>()) {
  CheckOpenSsl(state_->context != nullptr);
  CheckOpenSsl(EVP_DigestInit_ex(state_->context, Sha256Algorithm(), nullptr));
  AddBytes(domain);
}

DigestBuilder::~DigestBuilder() = default;

DigestBuilder& DigestBuilder::AddInt(uint64_t value) { return AddFixed(LittleEndian(value)); }

DigestBuilder& DigestBuilder::AddBytes(std::string_view bytes) { return AddInt(bytes.size()).AddFixed(bytes); }

DigestBuilder& DigestBuilder::AddFixed(std::string_view bytes) {
  CheckOpenSsl(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()));
  return *this;
}

Digest DigestBuilder::Finish() {
  Digest digest;
  CheckOpenSsl(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr));
  return digest;
}

}  // namespace expunge
