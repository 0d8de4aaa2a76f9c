#include "storage/keyring_match.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/string_view.h"

namespace expunge {
namespace {

absl::Status Outdated(std::string_view problem) {
  return Error(absl::StatusCode::kFailedPrecondition, "KEYRING_OUTDATED",
               absl::StrCat("the keyring ", ToAbsl(problem),
                            ": it is an old copy, with the keys of those who were forgotten since. Put the newest "
                            "keyring back"));
}

}  // namespace

absl::Status CheckKeyringMatches(Store& store, const Keyring& keyring, std::string_view store_name) {
  ASSIGN_OR_RETURN(const records::KeyringMark present, keyring.Mark());
  const std::string name(store_name);
  const std::optional<records::KeyringMark> seen = store.GetKeyringMark();
  if (!seen || seen->deployment() != present.deployment()) {
    return Error(absl::StatusCode::kFailedPrecondition, "KEYRING_FOREIGN",
                 absl::StrCat("the keyring and ", name,
                              " are of two deployments: together nothing could be read, and all of it would be "
                              "removed. Put the keyring and the master key of this deployment back"));
  }
  if (seen->newest_erasure() > present.newest_erasure()) {
    return Outdated(absl::StrCat("lacks the erasures ", present.newest_erasure() + 1, " to ", seen->newest_erasure(),
                                 ", which ", name, " knows of"));
  }
  if (seen->generation() > present.generation()) {
    return Outdated(
        absl::StrCat("is of generation ", present.generation(), ", and ", name, " was used with ", seen->generation()));
  }
  ASSIGN_OR_RETURN(const auto models, store.ListModels());
  if (!models.empty() && models.back().first > keyring.LastModelUid()) {
    return Outdated(absl::StrCat("has numbered ", keyring.LastModelUid(), " models, and ", name, " has model ",
                                 models.back().first));
  }
  return absl::OkStatus();
}

}  // namespace expunge
