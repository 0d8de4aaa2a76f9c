#include "unlearning/trace_checker.h"

#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"
#include "storage/trace_search.h"

namespace expunge {
namespace {

// RocksDB leaves out of a key what it shares with the key before it: of random pseudonyms the first bytes.
constexpr size_t kSharedBytes = 8;

enum class Kind { kPseudonym, kKey, kCheckpoint, kCiphertext };

std::string_view NameOf(Kind kind) {
  switch (kind) {
    case Kind::kPseudonym:
      return "a pseudonym";
    case Kind::kKey:
      return "a wrapped key";
    case Kind::kCheckpoint:
      return "a checkpoint's name";
    case Kind::kCiphertext:
      return "a ciphertext";
  }
  return "a trace";
}

}  // namespace

struct TraceChecker::Search {
  struct Origin {
    Kind kind;
    ErasureSequence erasure;
    Pseudonym subject;  // with kPseudonym
  };

  void Add(Kind kind, std::string_view bytes, ErasureSequence erasure, const Pseudonym& subject = {}) {
    patterns.emplace_back(bytes);
    origins.push_back({kind, erasure, subject});
  }
  // RocksDB cuts a record where a block of its log ends: half of it is found there still.
  void AddHalves(Kind kind, std::string_view bytes, ErasureSequence erasure, const Pseudonym& subject = {}) {
    Add(kind, bytes.substr(0, bytes.size() / 2), erasure, subject);
    Add(kind, bytes.substr(bytes.size() / 2), erasure, subject);
  }

  std::vector<std::string> patterns;
  std::vector<Origin> origins;  // of each pattern
};

absl::StatusOr<TraceChecker::Search> TraceChecker::Collect(absl::Span<const ErasureSequence> erasures) const {
  Search search;
  for (const ErasureSequence erasure : erasures) {
    ASSIGN_OR_RETURN(const auto traces, keyring_->GetTraces(erasure));
    if (!traces) continue;
    if (!traces->pseudonym().empty()) {
      ASSIGN_OR_RETURN(const Pseudonym subject, DigestFromBytes(traces->pseudonym()));
      search.AddHalves(Kind::kPseudonym, AsBytes(subject).substr(kSharedBytes), erasure, subject);
    }
    for (const std::string& key : traces->wrapped_keys()) search.AddHalves(Kind::kKey, key, erasure);
    for (const std::string& id : traces->checkpoint_key_ids()) search.AddHalves(Kind::kCheckpoint, id, erasure);
    for (const std::string& nonce : traces->seal_nonces()) search.Add(Kind::kCiphertext, nonce, erasure);
  }
  return search;
}

absl::StatusOr<bool> TraceChecker::MayBeThere(const Pseudonym& subject, ErasureSequence erasure) const {
  for (const auto& model : catalog_->List()) {
    ASSIGN_OR_RETURN(const auto key, keyring_->GetSubjectKeyId(model->uid(), subject));
    if (key) return true;
  }
  constexpr size_t kPage = 1000;
  ErasureSequence first = erasure + 1;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<ErasureSequence> newer, keyring_->ListTraces(first, kPage));
    for (const ErasureSequence sequence : newer) {
      ASSIGN_OR_RETURN(const auto traces, keyring_->GetTraces(sequence));
      if (traces && traces->pseudonym() == AsBytes(subject)) return true;
    }
    if (newer.size() < kPage) return false;
    first = newer.back() + 1;
  }
}

absl::Status TraceChecker::Run(const Search& search, const std::string& directory, bool keys_alone,
                               const std::atomic<bool>& stop) const {
  std::vector<std::string> patterns;
  std::vector<size_t> places;  // in `search`
  for (size_t i = 0; i < search.patterns.size(); ++i) {
    if (keys_alone && search.origins[i].kind != Kind::kKey) continue;
    patterns.push_back(search.patterns[i]);
    places.push_back(i);
  }
  if (patterns.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const PatternSet set, PatternSet::Create(std::move(patterns)));
  ASSIGN_OR_RETURN(const TraceReport report,
                   SearchForTraces(set, directory, {.stop = [&stop] { return stop.load(); }}));
  for (const TraceHit& hit : report.hits) {
    const Search::Origin& origin = search.origins[places[hit.pattern]];
    if (origin.kind == Kind::kPseudonym) {
      ASSIGN_OR_RETURN(const bool may, MayBeThere(origin.subject, origin.erasure));
      if (may) continue;
    }
    return Error(absl::StatusCode::kInternal, "TRACES_FOUND",
                 absl::StrCat(ToAbsl(NameOf(origin.kind)), " that must be gone is in ", hit.file, " at offset ",
                              hit.offset, ", with ", report.hit_count - 1, " more places"));
  }
  return absl::OkStatus();
}

absl::Status TraceChecker::CheckPurged(absl::Span<const ErasureSequence> erasures,
                                       const std::atomic<bool>& stop) const {
  ASSIGN_OR_RETURN(const Search search, Collect(erasures));
  RETURN_IF_ERROR(Run(search, data_dir_ + "/keyring", /*keys_alone=*/false, stop));
  return Run(search, data_dir_, /*keys_alone=*/true, stop);
}

absl::Status TraceChecker::CheckReclaimed(absl::Span<const ErasureSequence> erasures,
                                          const std::atomic<bool>& stop) const {
  ASSIGN_OR_RETURN(const Search search, Collect(erasures));
  return Run(search, data_dir_, /*keys_alone=*/false, stop);
}

}  // namespace expunge
