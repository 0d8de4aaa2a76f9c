#include "unlearning/trace_checker.h"

#include <algorithm>
#include <map>
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
// What one search looks for at a time: about 50 MiB.
constexpr size_t kMaxPatterns = size_t{1} << 18;

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
    Pseudonym subject;     // with kPseudonym
    bool allowed = false;  // has a right to be there
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

absl::Status TraceChecker::Collect(ErasureSequence erasure, Search* search) const {
  ASSIGN_OR_RETURN(const auto traces, keyring_->GetTraces(erasure));
  if (!traces) return absl::OkStatus();
  if (!traces->pseudonym().empty()) {
    ASSIGN_OR_RETURN(const Pseudonym subject, DigestFromBytes(traces->pseudonym()));
    search->AddHalves(Kind::kPseudonym, AsBytes(subject).substr(kSharedBytes), erasure, subject);
  }
  for (const std::string& key : traces->wrapped_keys()) search->AddHalves(Kind::kKey, key, erasure);
  for (const std::string& id : traces->checkpoint_key_ids()) search->AddHalves(Kind::kCheckpoint, id, erasure);
  for (const std::string& nonce : traces->seal_nonces()) search->Add(Kind::kCiphertext, nonce, erasure);
  return absl::OkStatus();
}

absl::Status TraceChecker::AllowPseudonyms(Search* search) const {
  std::map<Pseudonym, std::vector<Search::Origin*>> waiting;
  ErasureSequence first = 0;
  const auto models = catalog_->List();
  for (Search::Origin& origin : search->origins) {
    if (origin.kind != Kind::kPseudonym || origin.allowed) continue;
    for (const auto& model : models) {
      ASSIGN_OR_RETURN(const auto key, keyring_->GetSubjectKeyId(model->uid(), origin.subject));
      origin.allowed = origin.allowed || key.has_value();
    }
    if (origin.allowed) continue;
    if (waiting.empty() || origin.erasure < first) first = origin.erasure + 1;
    waiting[origin.subject].push_back(&origin);
  }
  constexpr size_t kPage = 1000;
  while (!waiting.empty()) {
    ASSIGN_OR_RETURN(const std::vector<ErasureSequence> newer, keyring_->ListTraces(first, kPage));
    for (const ErasureSequence sequence : newer) {
      const auto traces = keyring_->GetTraces(sequence);
      // One that cannot be read allows nothing.
      if (!traces.ok() || !*traces || (*traces)->pseudonym().empty()) continue;
      ASSIGN_OR_RETURN(const Pseudonym subject, DigestFromBytes((*traces)->pseudonym()));
      const auto place = waiting.find(subject);
      if (place == waiting.end()) continue;
      for (Search::Origin* const origin : place->second)
        origin->allowed = origin->allowed || origin->erasure < sequence;
    }
    if (newer.size() < kPage) break;
    first = newer.back() + 1;
  }
  return absl::OkStatus();
}

absl::Status TraceChecker::Run(const std::string& directory, bool keys_alone, const std::atomic<bool>& stop,
                               Search* search, Remaining* remaining) const {
  // What is left out is neither counted nor kept: a subject that came back may be in every row. Each round leaves out
  // what the one before has found, so that no hit stays unseen, however many there are.
  while (true) {
    std::vector<std::string> patterns;
    std::vector<size_t> places;  // in `search`
    for (size_t i = 0; i < search->patterns.size(); ++i) {
      const Search::Origin& origin = search->origins[i];
      if ((keys_alone && origin.kind != Kind::kKey) || origin.allowed || remaining->contains(origin.erasure)) continue;
      patterns.push_back(search->patterns[i]);
      places.push_back(i);
    }
    if (patterns.empty()) return absl::OkStatus();
    const size_t max_hits = std::max(TraceSearchOptions().max_hits, patterns.size());
    ASSIGN_OR_RETURN(const PatternSet set, PatternSet::Create(std::move(patterns)));
    TraceSearchOptions options = {.max_hits = max_hits, .is_data_dir = directory.empty()};
    options.stop = [&stop] { return stop.load(); };
    ASSIGN_OR_RETURN(const TraceReport report, SearchForTraces(set, data_dir_ + directory, options));
    if (report.links > 0) {
      return Error(absl::StatusCode::kFailedPrecondition, "SEARCH_INCOMPLETE",
                   absl::StrCat(report.first_link,
                                " is a symbolic link, and what is behind it was not searched: remove the link"));
    }
    if (report.hit_count == 0) return absl::OkStatus();
    RETURN_IF_ERROR(AllowPseudonyms(search));  // who came back since
    for (const TraceHit& hit : report.hits) {
      const Search::Origin& origin = search->origins[places[hit.pattern]];
      if (origin.allowed) continue;
      remaining->try_emplace(origin.erasure,
                             Error(absl::StatusCode::kInternal, "TRACES_FOUND",
                                   absl::StrCat(ToAbsl(NameOf(origin.kind)), " that must be gone is in ", hit.file,
                                                " at offset ", hit.offset)));
    }
    if (report.hit_count == report.hits.size()) return absl::OkStatus();
  }
}

absl::StatusOr<TraceChecker::Remaining> TraceChecker::Check(absl::Span<const ErasureSequence> erasures,
                                                            const std::vector<Place>& places,
                                                            const std::atomic<bool>& stop) const {
  Remaining remaining;
  for (size_t next = 0; next < erasures.size();) {
    Search search;
    while (next < erasures.size() && search.patterns.size() < kMaxPatterns) {
      const ErasureSequence erasure = erasures[next++];
      if (const absl::Status collected = Collect(erasure, &search); !collected.ok()) {
        remaining.try_emplace(erasure, collected);
      }
    }
    RETURN_IF_ERROR(AllowPseudonyms(&search));
    for (const Place& place : places) {
      RETURN_IF_ERROR(Run(place.directory, place.keys_alone, stop, &search, &remaining));
    }
  }
  return remaining;
}

absl::StatusOr<TraceChecker::Remaining> TraceChecker::CheckPurged(absl::Span<const ErasureSequence> erasures,
                                                                  const std::atomic<bool>& stop) const {
  return Check(erasures, {{.directory = "/keyring"}, {.directory = "", .keys_alone = true}}, stop);
}

absl::StatusOr<TraceChecker::Remaining> TraceChecker::CheckReclaimed(absl::Span<const ErasureSequence> erasures,
                                                                     const std::atomic<bool>& stop) const {
  return Check(erasures, {{.directory = ""}}, stop);
}

}  // namespace expunge
