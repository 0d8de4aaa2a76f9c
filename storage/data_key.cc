#include "storage/data_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace expunge {
namespace {

constexpr size_t kNonceBytes = DataKey::kNonceBytes;
constexpr size_t kTagBytes = 16;

// OpenSSL fails here only when memory is exhausted or the library is broken; nothing can go on then.
void CheckOpenSsl(int result) {
  if (result != 1) std::abort();
}

const unsigned char* Bytes(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* Bytes(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

const EVP_CIPHER* Aes256Gcm() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

// One context for each thread, emptied after each use: a key schedule must not outlive its key.
class ThreadCipher {
 public:
  ThreadCipher() : context_(Context()) {}
  ~ThreadCipher() { EVP_CIPHER_CTX_reset(context_); }
  ThreadCipher(const ThreadCipher&) = delete;
  ThreadCipher& operator=(const ThreadCipher&) = delete;

  EVP_CIPHER_CTX* get() const { return context_; }

 private:
  static EVP_CIPHER_CTX* Context() {
    struct Owner {
      EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
      ~Owner() { EVP_CIPHER_CTX_free(context); }
    };
    thread_local const Owner owner;
    return owner.context;
  }

  EVP_CIPHER_CTX* const context_;
};

// Random nonces, drawn many at a time: a draw costs as much as sealing a sample.
class NonceSource {
 public:
  static void Next(char* nonce) {
    thread_local NonceSource source;
    const uint64_t forks = Forks().load(std::memory_order_relaxed);
    if (source.used_ == sizeof(source.pool_) || source.forks_ != forks) {
      CheckOpenSsl(RAND_bytes(source.pool_, sizeof(source.pool_)));
      source.used_ = 0;
      source.forks_ = forks;
    }
    std::memcpy(nonce, source.pool_ + source.used_, kNonceBytes);
    source.used_ += kNonceBytes;
  }

 private:
  // Parent and child must not go on with the same pool: a nonce used twice with one key breaks GCM.
  static std::atomic<uint64_t>& Forks() {
    static std::atomic<uint64_t> forks{0};
    static const int registered =
        pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
    if (registered != 0) std::abort();
    return forks;
  }

  unsigned char pool_[kNonceBytes * 256];
  size_t used_ = sizeof(pool_);
  uint64_t forks_ = 0;
};

absl::Status CorruptValue() {
  return Error(absl::StatusCode::kDataLoss, "SEALED_VALUE_CORRUPT",
               "a sealed value was changed, moved, or sealed with another key");
}

}  // namespace

DataKey::DataKey(const Digest& key)
    : key_(key), fingerprint_secret_(KeyedHash(AsBytes(key_), {"expunge fingerprint secret v1"})) {}

DataKey::DataKey(DataKey&& other) noexcept : key_(other.key_), fingerprint_secret_(other.fingerprint_secret_) {
  OPENSSL_cleanse(other.key_.data(), other.key_.size());
  OPENSSL_cleanse(other.fingerprint_secret_.data(), other.fingerprint_secret_.size());
}

DataKey& DataKey::operator=(DataKey&& other) noexcept {
  if (this == &other) return *this;
  key_ = other.key_;
  fingerprint_secret_ = other.fingerprint_secret_;
  OPENSSL_cleanse(other.key_.data(), other.key_.size());
  OPENSSL_cleanse(other.fingerprint_secret_.data(), other.fingerprint_secret_.size());
  return *this;
}

DataKey::~DataKey() {
  OPENSSL_cleanse(key_.data(), key_.size());
  OPENSSL_cleanse(fingerprint_secret_.data(), fingerprint_secret_.size());
}

DataKey DataKey::Random() {
  Digest bytes;
  CheckOpenSsl(RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())));
  DataKey key(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

absl::StatusOr<DataKey> DataKey::FromBytes(std::string_view bytes) {
  Digest copy;
  if (bytes.size() != copy.size()) return absl::InternalError("a data key must have 32 bytes");
  std::memcpy(copy.data(), bytes.data(), copy.size());
  DataKey key(copy);
  OPENSSL_cleanse(copy.data(), copy.size());
  return key;
}

std::string DataKey::Seal(std::string_view context, std::string_view plaintext) const {
  std::string sealed(kNonceBytes + plaintext.size() + kTagBytes, '\0');
  char* const ciphertext = sealed.data() + kNonceBytes;
  NonceSource::Next(sealed.data());

  const ThreadCipher cipher;
  int length = 0;
  CheckOpenSsl(EVP_EncryptInit_ex2(cipher.get(), Aes256Gcm(), key_.data(), Bytes(sealed.data()), nullptr));
  CheckOpenSsl(EVP_EncryptUpdate(cipher.get(), nullptr, &length, Bytes(context), static_cast<int>(context.size())));
  CheckOpenSsl(EVP_EncryptUpdate(cipher.get(), Bytes(ciphertext), &length, Bytes(plaintext),
                                 static_cast<int>(plaintext.size())));
  CheckOpenSsl(EVP_EncryptFinal_ex(cipher.get(), Bytes(ciphertext + length), &length));
  CheckOpenSsl(
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, Bytes(ciphertext + plaintext.size())));
  return sealed;
}

absl::StatusOr<std::string> DataKey::Open(std::string_view context, std::string_view sealed) const {
  if (sealed.size() < kNonceBytes + kTagBytes) return CorruptValue();
  const std::string_view ciphertext = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes));
  std::string plaintext(ciphertext.size(), '\0');

  const ThreadCipher cipher;
  int length = 0;
  CheckOpenSsl(EVP_DecryptInit_ex2(cipher.get(), Aes256Gcm(), key_.data(), Bytes(sealed), nullptr));
  CheckOpenSsl(EVP_DecryptUpdate(cipher.get(), nullptr, &length, Bytes(context), static_cast<int>(context.size())));
  CheckOpenSsl(EVP_DecryptUpdate(cipher.get(), Bytes(plaintext.data()), &length, Bytes(ciphertext),
                                 static_cast<int>(ciphertext.size())));
  CheckOpenSsl(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()));
  if (EVP_DecryptFinal_ex(cipher.get(), Bytes(plaintext.data() + length), &length) != 1) {
    OPENSSL_cleanse(plaintext.data(), plaintext.size());
    return CorruptValue();
  }
  return plaintext;
}

Digest DataKey::Fingerprint(std::initializer_list<std::string_view> parts) const {
  return KeyedHash(AsBytes(fingerprint_secret_), parts);
}

}  // namespace expunge
