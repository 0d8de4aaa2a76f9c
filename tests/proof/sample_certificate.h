#ifndef EXPUNGE_TESTS_PROOF_SAMPLE_CERTIFICATE_H_
#define EXPUNGE_TESTS_PROOF_SAMPLE_CERTIFICATE_H_

#include <cstdint>
#include <map>
#include <string>

#include "proof/ed25519.h"
#include "proof/log_checkpoint.h"
#include "proof/merkle.h"
#include "proof/statement.h"

namespace expunge {

inline constexpr char kSampleOrigin[] = "expunge.example/log";
inline constexpr char kSampleSubject[] = "customer-4711";
inline constexpr uint64_t kSampleIndex = 5;

Digest SampleNonce();

// Of an erasure in two shards.
ErasureStatement SampleStatement();

// A log with a key, always the same, whose other entries are "entry 0", "entry 1" and so on.
class SampleLog {
 public:
  explicit SampleLog(const ErasureStatement& statement = SampleStatement());

  // Appends entries until there are `size`; entry kSampleIndex is the statement.
  void GrowTo(uint64_t size);
  void Append(const std::string& leaf);

  LogCheckpoint Checkpoint(uint64_t size) const;
  std::string SignedCheckpoint(uint64_t size) const;
  std::string Proof(uint64_t index, uint64_t size) const;     // a tlog-proof
  std::string Consistency(uint64_t from, uint64_t to) const;  // a consistency file
  std::string VerifierKeyText() const;
  const SigningKey& key() const { return key_; }

 private:
  MerkleReader Reader() const;

  const std::string statement_;
  SigningKey key_;
  MerkleFrontier frontier_;
  std::map<MerkleNode, Digest> nodes_;
};

// The files of a certificate that is entry kSampleIndex of a log of 11, with a checkpoint that was kept when it had 8.
struct SampleFiles {
  explicit SampleFiles(const ErasureStatement& statement = SampleStatement());

  std::string envelope;
  std::string tlog_proof;
  std::string verifier_key;
  std::string known_checkpoint;
  std::string consistency;
};

}  // namespace expunge

#endif  // EXPUNGE_TESTS_PROOF_SAMPLE_CERTIFICATE_H_
