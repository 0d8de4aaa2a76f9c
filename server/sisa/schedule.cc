#include "sisa/schedule.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstdlib>
#include <memory>

namespace expunge {
namespace {

// OpenSSL's ciphers fail only when memory is exhausted or the library is broken; nothing can go on then.
void CheckOpenSsl(bool ok) {
  if (!ok) std::abort();
}

// AES-128 on single blocks under one key.
class BlockCipher {
 public:
  explicit BlockCipher(const uint8_t* key) : context_(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free) {
    CheckOpenSsl(context_ != nullptr);
    CheckOpenSsl(EVP_EncryptInit_ex(context_.get(), EVP_aes_128_ecb(), nullptr, key, nullptr) == 1);
    CheckOpenSsl(EVP_CIPHER_CTX_set_padding(context_.get(), 0) == 1);
  }

  void Encrypt(absl::Span<const SampleKey> blocks, SampleKey* encrypted) {
    const int bytes = static_cast<int>(blocks.size() * sizeof(SampleKey));
    int written = 0;
    CheckOpenSsl(EVP_EncryptUpdate(context_.get(), encrypted->data(), &written, blocks.data()->data(), bytes) == 1);
    CheckOpenSsl(written == bytes);
  }

 private:
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context_;
};

uint64_t LoadBigEndian(const uint8_t* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

// A sample's place in an epoch: its encrypted key as a 128-bit number.
struct Ranked {
  uint64_t high;
  uint64_t low;
  uint32_t index;
  auto operator<=>(const Ranked&) const = default;
};

}  // namespace

std::vector<uint32_t> EpochsPerSlice(uint32_t epochs, uint32_t slices) {
  std::vector<uint32_t> result;
  result.reserve(slices);
  uint64_t given = 0;
  for (uint64_t slice = 1; slice <= slices; ++slice) {
    const uint64_t due = slice * 2 * epochs / (uint64_t{slices} + 1);
    const uint64_t now = due > given ? due - given : 1;
    result.push_back(static_cast<uint32_t>(now));
    given += now;
  }
  return result;
}

Digest InitializationSeed(const ModelSpec& spec, uint32_t shard) {
  return KeyedHash(LittleEndian(spec.training.seed), {"expunge.initialization.v1", LittleEndian(shard)});
}

std::vector<uint32_t> EpochOrder(const ModelSpec& spec, uint32_t shard, uint32_t slice, uint32_t epoch,
                                 absl::Span<const SampleKey> samples) {
  const Digest key = KeyedHash(LittleEndian(spec.training.seed),
                               {"expunge.order.v1", LittleEndian(shard), LittleEndian(slice), LittleEndian(epoch)});
  BlockCipher cipher(key.data());
  std::vector<Ranked> ranked;
  ranked.reserve(samples.size());
  // In pieces that stay in the first-level cache and whose size an int can hold.
  std::array<SampleKey, 512> encrypted;
  for (size_t begin = 0; begin < samples.size(); begin += encrypted.size()) {
    const auto piece = samples.subspan(begin, encrypted.size());
    cipher.Encrypt(piece, encrypted.data());
    for (size_t i = 0; i < piece.size(); ++i) {
      ranked.push_back({.high = LoadBigEndian(encrypted[i].data()),
                        .low = LoadBigEndian(encrypted[i].data() + 8),
                        .index = static_cast<uint32_t>(begin + i)});
    }
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<uint32_t> order(ranked.size());
  std::transform(ranked.begin(), ranked.end(), order.begin(), [](const Ranked& sample) { return sample.index; });
  return order;
}

}  // namespace expunge
