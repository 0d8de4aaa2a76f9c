#ifndef EXPUNGE_TESTS_PROOF_TEST_KEYS_H_
#define EXPUNGE_TESTS_PROOF_TEST_KEYS_H_

#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proof/ed25519.h"

namespace expunge {

// The key whose secret is the 32 bytes `seed`, so that what it signs can be written down.
inline SigningKey KeyOfSeed(const std::string& seed) {
  const std::string pkcs8 = absl::HexStringToBytes("302e020100300506032b657004220420") + seed;  // RFC 8410, section 7
  return SigningKey::FromPem(
             absl::StrCat("-----BEGIN PRIVATE KEY-----\n", absl::Base64Escape(pkcs8), "\n-----END PRIVATE KEY-----\n"))
      .value();
}

}  // namespace expunge

#endif  // EXPUNGE_TESTS_PROOF_TEST_KEYS_H_
