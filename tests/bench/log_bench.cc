// The Merkle log on the disk: appending in synced writes, proofs of a log of ten million entries, what memory it takes;
// and a certificate, made and verified. Absolute bounds, since an auditor waits for these by hand.

#include <benchmark/benchmark.h>

#include <fstream>
#include <memory>
#include <string>

#include "audit/certificates.h"
#include "audit/log_signer.h"
#include "base/clock.h"
#include "proof/verify.h"
#include "storage/keyring.h"
#include "tests/bench/bench_main.h"
#include "tests/testing/temp_dir.h"
#include "unlearning/erasure_leaves.h"
#include "unlearning/erasure_ledger.h"

namespace expunge {
namespace {

constexpr uint64_t kEntries = 10'000'000;
constexpr uint64_t kWrite = 1'000;   // leaves of one synced write
constexpr size_t kLeafBytes = 100;   // of the large log
constexpr size_t kEventBytes = 400;  // of an erasure that was received, about
constexpr int kRounds = 9;
constexpr int kProofs = 1'000;
constexpr int kSlices = 8;

std::unique_ptr<Keyring> OpenKeyring(const TempDir& dir) {
  return ValueOf(Keyring::Open({.path = dir / "keyring", .master_key_file = dir / "master.key"}));
}

void Append(Keyring& keyring, uint64_t count, size_t bytes) {
  CheckOk(keyring.AppendToLog([&](LogBatch& log) {
    for (uint64_t i = 0; i < count; ++i) {
      std::string leaf = std::to_string(log.next_index());
      leaf.resize(bytes, '.');
      log.Append(leaf, absl::UnixEpoch());
    }
    return absl::OkStatus();
  }));
}

double ResidentMib() {
  std::ifstream file("/proc/self/statm");
  double size = 0, resident = 0;
  file >> size >> resident;
  return resident * 4096 / (1 << 20);
}

void BM_LogAppend(benchmark::State& state) {
  const TempDir dir;
  const std::unique_ptr<Keyring> keyring = OpenKeyring(dir);
  constexpr uint64_t kLeaves = 100'000;  // of a round
  Series rate;
  for (auto _ : state) {
    const double seconds = SecondsOf([&] {
      for (uint64_t i = 0; i < kLeaves; i += kWrite) Append(*keyring, kWrite, kEventBytes);
    });
    rate.Add(kLeaves / seconds);
    state.SetIterationTime(seconds);
  }
  ReportRatio("log_appends_per_second", rate.Median());
}

void BM_LogProofs(benchmark::State& state) {
  const TempDir dir;
  const std::unique_ptr<Keyring> keyring = OpenKeyring(dir);
  const MerkleLog& log = keyring->log();
  while (log.size() < kEntries / 10) Append(*keyring, kWrite, kLeafBytes);
  const double resident_before = ResidentMib();
  while (log.size() < kEntries) Append(*keyring, kWrite, kLeafBytes);
  ReportRatio("log_memory_growth_1m_to_10m_mib", ResidentMib() - resident_before);
  Series inclusion, consistency;
  uint64_t random = 1;
  const auto next = [&random] { return (random = random * 6364136223846793005u + 1442695040888963407u) >> 16; };
  for (auto _ : state) {
    double seconds = 0;
    for (int i = 0; i < kProofs; ++i) {
      const uint64_t index = next() % kEntries;
      inclusion.Add(SecondsOf([&] { benchmark::DoNotOptimize(ValueOf(log.InclusionProof(index, kEntries))); }));
      consistency.Add(SecondsOf([&] { benchmark::DoNotOptimize(ValueOf(log.ConsistencyProof(index, kEntries))); }));
      seconds += inclusion.Last();
    }
    state.SetIterationTime(seconds);
  }
  ReportRatio("log_inclusion_proof_10m_seconds", inclusion.Median());
  state.counters["inclusion_p99_us"] = 1e6 * inclusion.Percentile(99);
  state.counters["consistency_median_us"] = 1e6 * consistency.Median();
}

records::Erasure CompletedErasure(uint64_t number) {
  records::Erasure erasure;
  std::string uuid = std::to_string(number);
  uuid.resize(16, '.');
  erasure.set_sequence(number);
  erasure.set_uuid(uuid);
  erasure.set_subject(std::string(32, 's'));
  erasure.set_request_fingerprint(std::string(32, 'f'));
  erasure.set_subject_commitment(std::string(32, 'c'));
  erasure.set_state(records::Erasure::COMPLETED);
  erasure.set_regulation(1);
  erasure.set_samples_erased(10);
  auto& task = *erasure.add_tasks();
  task.set_model(1);
  task.set_slices(kSlices);
  task.set_retrained(true);
  task.set_numeric_environment("a machine");
  for (uint32_t slice = 0; slice < kSlices; ++slice) {
    for (auto* const checkpoint : {task.add_retired(), task.add_restored()}) {
      checkpoint->set_slice(slice);
      checkpoint->set_parameters_digest(std::string(32, 'p'));
      checkpoint->set_lineage(std::string(32, 'l'));
    }
  }
  return erasure;
}

// In a log of a million entries. What is written with the erasure anyway, the leaf, is not counted but for its making.
void BM_Certificate(benchmark::State& state) {
  const TempDir dir;
  const std::unique_ptr<Keyring> keyring = OpenKeyring(dir);
  const auto signer = ValueOf(LogSigner::Open({.key_file = dir / "log.key", .checkpoint_file = dir / "log.checkpoint"},
                                              keyring.get(), &SystemClock()));
  const auto ledger = ValueOf(ErasureLedger::Open(keyring.get(), &SystemClock()));
  while (keyring->log().size() < 1'000'000) Append(*keyring, kWrite, kLeafBytes);
  std::vector<records::Erasure> erasures;
  for (int i = 1; i <= kProofs; ++i) {
    records::Erasure& erasure = erasures.emplace_back(CompletedErasure(i));
    const Keyring::ErasureWrite write = {.erasure = &erasure};
    records::Erasure* const one = &erasure;
    CheckOk(ledger->Record({&write, 1}, {&one, 1}));
  }
  (void)ValueOf(signer->Sign());
  const Certificates certificates(keyring.get(), signer.get());
  const std::string key = FormatVerifierKey(signer->verifier_key());
  Series issue, verify;
  for (auto _ : state) {
    double seconds = 0;
    for (const records::Erasure& erasure : erasures) {
      Certificate certificate;
      issue.Add(SecondsOf([&] {
        benchmark::DoNotOptimize(ValueOf(StatementOf(erasure, keyring->log_origin())));
        certificate = ValueOf(certificates.Get(erasure.uuid()));
      }));
      seconds += issue.Last();
      verify.Add(SecondsOf([&] {
        const Verification verification = VerifyCertificate(
            {.envelope = certificate.envelope, .tlog_proof = certificate.tlog_proof, .verifier_key = key});
        if (!verification.ok()) CheckOk(absl::InternalError(RenderVerification(verification)));
      }));
    }
    state.SetIterationTime(seconds);
  }
  ReportRatio("certificate_issue_seconds", issue.Median());
  ReportRatio("certificate_verify_seconds", verify.Median());
  state.counters["issue_p99_us"] = 1e6 * issue.Percentile(99);
  state.counters["verify_p99_us"] = 1e6 * verify.Percentile(99);
}

BENCHMARK(BM_LogAppend)->UseManualTime()->Iterations(kRounds)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_LogProofs)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Certificate)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace expunge
