#ifndef EXPUNGE_CLIENT_CLI_ERASURE_FOLLOW_H_
#define EXPUNGE_CLIENT_CLI_ERASURE_FOLLOW_H_

#include "absl/status/status.h"
#include "client/cli/session.h"

namespace expunge::cli {

// Tells every change of the erasure until its final state, through restarts of the server. `erasure` comes with its
// name, or as Forget returned it, and leaves as it was last seen.
absl::Status FollowErasure(Session& session, v1::Erasure* erasure);

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_ERASURE_FOLLOW_H_
