#include "client/cli/erasure_follow.h"

#include "client/cli/erasure_text.h"
#include "client/cli/reconnect.h"

namespace expunge::cli {

absl::Status FollowErasure(Session& session, v1::Erasure* erasure) {
  v1::WatchErasureRequest request;
  request.set_name(erasure->name());
  const std::string subject_nonce = erasure->subject_nonce();  // Forget alone gives it
  const bool heard_before = erasure->state() != v1::Erasure::STATE_UNSPECIFIED;
  v1::Erasure told;
  absl::Status status = FollowThroughRestarts(
      heard_before, [&] { session.Warn(kLostConnection); },
      [&](const std::function<void()>& heard) {
        absl::Status ended = session.client().WatchErasure(request, [&](const v1::Erasure& update) {
          heard();
          for (const std::string& line : DescribeChanges(told, update)) session.Tell(line);
          told = update;
          return !IsFinal(update);
        });
        if (ended.ok() && !IsFinal(told)) return absl::UnavailableError("the server ended the stream");
        return ended;
      });
  if (!told.name().empty()) *erasure = told;
  erasure->set_subject_nonce(subject_nonce);
  return status;
}

}  // namespace expunge::cli
