#include "tests/proof/sample_certificate.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "proof/consistency_file.h"
#include "proof/dsse.h"
#include "proof/tlog_proof.h"
#include "tests/proof/test_keys.h"

namespace expunge {
namespace {

constexpr uint64_t kSampleSize = 11;
constexpr uint64_t kKnownSize = 8;

absl::Time At(int64_t micros) { return absl::FromUnixSeconds(1'780'000'000) + absl::Microseconds(micros); }

CertifiedCheckpoint SampleCheckpoint(uint32_t slice, const std::string& name) {
  return {.slice = slice, .sha256 = Sha256(name + " parameters"), .lineage = Sha256(name + " lineage")};
}

}  // namespace

Digest SampleNonce() { return Sha256("nonce"); }

ErasureStatement SampleStatement() {
  return {.erasure = "erasures/0f5cb5a6-92d5-4c5b-8b7f-5f0f0c6a0e11",
          .regulation = "GDPR",
          .received_time = At(0),
          .submitted_time = At(-3'600'000'000),
          .due_time = At(2'678'400'000'000),
          .isolated_time = At(1'250),
          .shredded_time = At(41'300),
          .retrained_time = At(7'800'000),
          .purged_time = At(95'001),
          .completed_time = At(7'900'000),
          .subject_commitment = CommitToSubject(SampleNonce(), kSampleSubject),
          .samples_erased = 12,
          .whole_subject = true,
          .tasks = {{.model = 17,
                     .shard = 3,
                     .first_slice = 2,
                     .slices = 4,
                     .samples_erased = 9,
                     .retired_checkpoints = {SampleCheckpoint(2, "old a"), SampleCheckpoint(3, "old b")},
                     .new_checkpoints = {SampleCheckpoint(2, "new a"), SampleCheckpoint(3, "new b")}},
                    {.model = 18, .shard = 0, .first_slice = 1, .slices = 1, .samples_erased = 3}},
          .numeric_environment = "cpu avx2; torch 1.13.1; blas openblas-serial",
          .physical_erasure = {.method = "keys destroyed, keyring compacted, data directory searched",
                               .checked_time = At(95'000)},
          .log_origin = kSampleOrigin,
          .log_index = kSampleIndex,
          .software_version = "0.1.0"};
}

SampleLog::SampleLog(const ErasureStatement& statement)
    : statement_(FormatStatement(statement)), key_(KeyOfSeed(std::string(32, 'k'))) {}

void SampleLog::GrowTo(uint64_t size) {
  while (frontier_.size() < size) {
    const uint64_t index = frontier_.size();
    Append(index == kSampleIndex ? statement_ : absl::StrCat("entry ", index));
  }
}

void SampleLog::Append(const std::string& leaf) {
  frontier_.Append(LeafHash(leaf), [this](const MerkleNode& node, const Digest& hash) { nodes_[node] = hash; });
}

MerkleReader SampleLog::Reader() const {
  return [this](const MerkleNode& node) { return nodes_.at(node); };
}

LogCheckpoint SampleLog::Checkpoint(uint64_t size) const {
  return {.origin = kSampleOrigin, .tree_size = size, .root = RootAt(size, Reader()).value()};
}

std::string SampleLog::SignedCheckpoint(uint64_t size) const {
  return SignLogCheckpoint(Checkpoint(size), key_).value();
}

std::string SampleLog::Proof(uint64_t index, uint64_t size) const {
  return FormatTlogProof(
      {.index = index, .hashes = InclusionProof(index, size, Reader()).value(), .checkpoint = SignedCheckpoint(size)});
}

std::string SampleLog::Consistency(uint64_t from, uint64_t to) const {
  return FormatConsistencyFile({.from = from,
                                .to = to,
                                .hashes = ConsistencyProof(from, to, Reader()).value(),
                                .checkpoint = SignedCheckpoint(to)});
}

std::string SampleLog::VerifierKeyText() const {
  return FormatVerifierKey(MakeVerifierKey(kSampleOrigin, key_.public_key()));
}

SampleFiles::SampleFiles(const ErasureStatement& statement) {
  SampleLog log(statement);
  log.GrowTo(kSampleSize);
  envelope = SignEnvelope(FormatStatement(statement), kStatementPayloadType, kSampleOrigin, log.key()).value();
  tlog_proof = log.Proof(kSampleIndex, kSampleSize);
  verifier_key = log.VerifierKeyText() + "\n";
  known_checkpoint = log.SignedCheckpoint(kKnownSize);
  consistency = log.Consistency(kKnownSize, kSampleSize);
}

}  // namespace expunge
