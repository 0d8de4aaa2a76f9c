#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

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
  CheckOpenSsl(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr));
  return digest;
}

Digest KeyedHash(std::string_view key, std::initializer_list<std::string_view> parts) {
  std::string message;
  for (std::string_view part : parts) {
    message.append(LittleEndian(part.size()));
    message.append(part);
  }
  Digest digest;
  const unsigned char* result =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(), nullptr);
  CheckOpenSsl(result != nullptr);
  return digest;
}

struct DigestBuilder::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

DigestBuilder::DigestBuilder(std::string_view domain) : state_(std::make_unique<State>()) {
  CheckOpenSsl(state_->context != nullptr);
  CheckOpenSsl(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr));
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
