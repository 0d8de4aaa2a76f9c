#ifndef EXPUNGE_CLIENT_LOG_MONITOR_H_
#define EXPUNGE_CLIENT_LOG_MONITOR_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/client.h"
#include "proof/log_checkpoint.h"
#include "proof/signed_note.h"

namespace expunge {

// Follows a server's log, as somebody who trusts the log's key but not the server: a checkpoint is believed when the
// key signed it, and when it is shown to go on from the one that was believed before.

// What is remembered from one look to the next.
struct FollowedLog {
  VerifierKey key;
  LogCheckpoint checkpoint;  // the newest that was believed
  std::string note;          // the same as it was signed
};

// A small text file:
//
//   expunge log watch v1
//   <the verifier key>
//
//   <the signed checkpoint>
std::string FormatFollowedLog(const FollowedLog& log);
// FAILED_PRECONDITION, LOG_STATE_DAMAGED: not exactly what FormatFollowedLog gives, or not signed by its key.
absl::StatusOr<FollowedLog> ParseFollowedLog(std::string_view text);

// The key that the server says is its own. Trust it where nothing better can be had, once, and keep it.
absl::StatusOr<VerifierKey> FetchVerifierKey(Client& client);

struct LogLook {
  std::string note;  // what the server answered
  // OK: to be believed. FAILED_PRECONDITION: LOG_ROLLED_BACK (the log has fewer entries than it had), LOG_REWRITTEN (it
  // does not begin with the entries that it had). The errors of OpenLogCheckpoint: not signed by the key, another
  // log's, or no checkpoint at all.
  absl::Status verdict;
  FollowedLog log;  // as it is now, where the verdict is OK
};

// Looks at the log for the first time, or once more when it is `known`, whose key is then `key`. An error says that the
// server did not answer: nothing is known, and it may be asked again.
absl::StatusOr<LogLook> LookAtLog(Client& client, const VerifierKey& key, const std::optional<FollowedLog>& known);

}  // namespace expunge

#endif  // EXPUNGE_CLIENT_LOG_MONITOR_H_
