#ifndef EXPUNGE_AUDIT_LOG_SIGNER_H_
#define EXPUNGE_AUDIT_LOG_SIGNER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/notifier.h"
#include "proof/ed25519.h"
#include "proof/log_checkpoint.h"
#include "proof/signed_note.h"
#include "storage/keyring.h"

namespace expunge {

// Signs the log: checkpoints (C2SP signed notes) and certificates. It never signs a checkpoint that contradicts one
// that it signed before: the newest lies in a file of its own, beside the database or on another device, and is there
// before anybody gets it. Thread-safe. `keyring` and `clock` are not owned.
class LogSigner {
 public:
  struct Options {
    std::string key_file;         // an Ed25519 key, PKCS #8 in PEM, mode 0600; made when the log was never signed
    std::string checkpoint_file;  // the newest signed checkpoint
    bool accept_rollback = false;
  };

  // Compares the log with the newest checkpoint. FAILED_PRECONDITION: LOG_ROLLED_BACK (the log lacks entries, or has
  // others, than a checkpoint says that was signed; with `accept_rollback` this becomes an entry, and the log goes on),
  // LOG_CHECKPOINT_MISSING (there is a log that was signed, but not the file; the same), LOG_CHECKPOINT_WRONG (not one
  // of this log and key), LOG_KEY_MISSING, LOG_KEY_MODE, LOG_KEY_WRONG; the errors of durable_file.h and Keyring.
  static absl::StatusOr<std::unique_ptr<LogSigner>> Open(const Options& options, Keyring* keyring, const Clock* clock);
  ~LogSigner();

  // Once, when the server serves: a log that grew is signed within about a second, also when nobody asks.
  void Start();
  void Stop();  // after a last signature

  const VerifierKey& verifier_key() const { return verifier_key_; }

  struct Signed {
    LogCheckpoint checkpoint;
    std::string note;
  };
  // Of the log as it is now. A synced file write when the log has grown since the last one.
  absl::StatusOr<Signed> Sign();
  Signed newest() const;                    // that was signed; writes nothing
  Notifier& changes() { return changes_; }  // told after each signature of a log that grew

  // A DSSE envelope around an in-toto statement: the same statement gives the same bytes.
  absl::StatusOr<std::string> SignStatement(std::string_view statement) const;

 private:
  LogSigner(const Options& options, Keyring* keyring, const Clock* clock, SigningKey key);
  absl::Status ContinueFrom(const LogCheckpoint& newest);
  absl::Status AcceptRollback(const LogCheckpoint& lost);
  absl::Status SignNow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();

  const Options options_;
  Keyring* const keyring_;
  const Clock* const clock_;
  const SigningKey key_;
  const VerifierKey verifier_key_;
  Notifier changes_;
  mutable Mutex mutex_;  // held over the file's write
  Signed newest_ ABSL_GUARDED_BY(mutex_);
  Mutex stop_mutex_;
  CondVar stopped_;
  bool stopping_ ABSL_GUARDED_BY(stop_mutex_) = false;
  std::thread thread_;
};

// Whether the log goes on from the newest checkpoint that was signed: the refusals of LogSigner::Open. Changes nothing.
absl::Status CheckSignedLog(const LogSigner::Options& options, const Keyring& keyring);

}  // namespace expunge

#endif  // EXPUNGE_AUDIT_LOG_SIGNER_H_
