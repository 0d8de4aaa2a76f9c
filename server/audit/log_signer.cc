#include "audit/log_signer.h"

#include <openssl/crypto.h>

#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/crash_point.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "proof/dsse.h"
#include "proof/log_event.h"
#include "proof/statement.h"
#include "storage/durable_file.h"

namespace expunge {
namespace {

constexpr FileKind kKeyFile = {"log key", "LOG_KEY"};
constexpr FileKind kCheckpointFile = {"log checkpoint", "LOG_CHECKPOINT"};
constexpr size_t kMaxKeyBytes = 4096;
constexpr absl::Duration kPeriod = absl::Seconds(1);

absl::Status Refuse(std::string_view reason, std::string_view problem) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, problem);
}

constexpr char kHowToAccept[] =
    ". Put the newest data directory back; or start once with --accept-log-rollback, which is recorded in the log for "
    "everybody to see";

absl::StatusOr<SigningKey> LoadKey(const std::string& file) {
  ASSIGN_OR_RETURN(std::string pem, ReadSecretFile(kKeyFile, file, kMaxKeyBytes));
  const auto wipe = absl::MakeCleanup([&pem] { OPENSSL_cleanse(pem.data(), pem.size()); });
  absl::StatusOr<SigningKey> key = SigningKey::FromPem(pem);
  if (key.ok()) return key;
  return Refuse("LOG_KEY_WRONG", absl::StrCat("the log key file ", file, " must hold an Ed25519 key (PKCS #8, PEM)"));
}

// Nothing was signed yet, so there is nothing that another key would contradict.
absl::StatusOr<SigningKey> MakeKey(const std::string& file) {
  RETURN_IF_ERROR(RemoveUnfinishedSecretFiles(kKeyFile, file));
  std::string pem = SigningKey::Generate().ToPem();
  const auto wipe = absl::MakeCleanup([&pem] { OPENSSL_cleanse(pem.data(), pem.size()); });
  const absl::Status made = CreateSecretFile(kKeyFile, file, pem);
  if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
  if (made.ok()) {
    Log(LogLevel::kWarning, "log_key_made",
        {{"file", file},
         {"advice", "whoever has it can sign certificates in your name: keep a copy, and keep it from others"}});
  }
  return LoadKey(file);
}

absl::StatusOr<LogCheckpoint> OpenNewest(const std::string& file, const std::string& note, const VerifierKey& key) {
  absl::StatusOr<LogCheckpoint> checkpoint = OpenLogCheckpoint(note, key);
  if (checkpoint.ok()) return checkpoint;
  return Refuse("LOG_CHECKPOINT_WRONG",
                absl::StrCat("the log checkpoint file ", file,
                             " is not what this log's key signed: ", checkpoint.status().message(),
                             ". Put back the newest copy of the file, or the log key that signed it; without either, "
                             "remove the file and start once with --accept-log-rollback, which is recorded in the log "
                             "for everybody to see"));
}

absl::Status CheckpointMissing(const std::string& file) {
  return Refuse("LOG_CHECKPOINT_MISSING",
                absl::StrCat("the log was signed before, but the newest checkpoint is missing: ", file,
                             ". If it was moved, or --log-checkpoint-file is new, put it there. If not, it shows that "
                             "the log was not rolled back, and nothing else does",
                             kHowToAccept));
}

absl::Status CompareWith(const LogCheckpoint& newest, const MerkleLog& log) {
  if (log.size() < newest.tree_size) {
    return Refuse("LOG_ROLLED_BACK", absl::StrCat("the log has ", log.size(), " entries, but one of ", newest.tree_size,
                                                  " was signed", kHowToAccept));
  }
  ASSIGN_OR_RETURN(const Digest root, log.RootAt(newest.tree_size));
  if (root == newest.root) return absl::OkStatus();
  return Refuse("LOG_ROLLED_BACK", absl::StrCat("the first ", newest.tree_size,
                                                " entries of the log are not those that were signed", kHowToAccept));
}

}  // namespace

LogSigner::LogSigner(const Options& options, Keyring* keyring, const Clock* clock, SigningKey key)
    : options_(options),
      keyring_(keyring),
      clock_(clock),
      key_(std::move(key)),
      verifier_key_(MakeVerifierKey(keyring->log_origin(), key_.public_key())) {}

absl::StatusOr<std::unique_ptr<LogSigner>> LogSigner::Open(const Options& options, Keyring* keyring,
                                                           const Clock* clock) {
  RETURN_IF_ERROR(RemoveUnfinishedSecretFiles(kCheckpointFile, options.checkpoint_file));
  ASSIGN_OR_RETURN(const auto newest, ReadFileIfThere(kCheckpointFile, options.checkpoint_file, kMaxNoteBytes));
  const bool signed_before = newest.has_value() || keyring->log().size() > 0;
  ASSIGN_OR_RETURN(SigningKey key, signed_before ? LoadKey(options.key_file) : MakeKey(options.key_file));
  std::unique_ptr<LogSigner> signer(new LogSigner(options, keyring, clock, std::move(key)));
  if (newest) {
    ASSIGN_OR_RETURN(const LogCheckpoint checkpoint,
                     OpenNewest(options.checkpoint_file, *newest, signer->verifier_key()));
    RETURN_IF_ERROR(signer->ContinueFrom(checkpoint));
  } else if (signed_before) {
    if (!options.accept_rollback) return CheckpointMissing(options.checkpoint_file);
    RETURN_IF_ERROR(signer->AcceptRollback({.origin = keyring->log_origin()}));
  }
  RETURN_IF_ERROR(signer->Sign().status());
  return signer;
}

absl::Status CheckSignedLog(const LogSigner::Options& options, const Keyring& keyring) {
  ASSIGN_OR_RETURN(const auto newest, ReadFileIfThere(kCheckpointFile, options.checkpoint_file, kMaxNoteBytes));
  if (!newest) return keyring.log().size() == 0 ? absl::OkStatus() : CheckpointMissing(options.checkpoint_file);
  ASSIGN_OR_RETURN(const SigningKey key, LoadKey(options.key_file));
  ASSIGN_OR_RETURN(const LogCheckpoint checkpoint, OpenNewest(options.checkpoint_file, *newest,
                                                              MakeVerifierKey(keyring.log_origin(), key.public_key())));
  return CompareWith(checkpoint, keyring.log());
}

LogSigner::~LogSigner() { Stop(); }

absl::Status LogSigner::ContinueFrom(const LogCheckpoint& newest) {
  const absl::Status compared = CompareWith(newest, keyring_->log());
  if (compared.ok() || !options_.accept_rollback) return compared;
  Log(LogLevel::kWarning, "log_rollback_accepted", {{"problem", compared.ToString()}});
  return AcceptRollback(newest);
}

absl::Status LogSigner::AcceptRollback(const LogCheckpoint& lost) {
  const absl::Time now = clock_->Now();
  return keyring_->AppendToLog([&](LogBatch& log) {
    log.Append(FormatLogEvent(LogRollbackAccepted{.time = now, .lost_size = lost.tree_size, .lost_root = lost.root}),
               now);
    return absl::OkStatus();
  });
}

absl::StatusOr<LogSigner::Signed> LogSigner::Sign() {
  Signed newest;
  {
    const MutexLock lock(&mutex_);
    if (!newest_.note.empty() && newest_.checkpoint.tree_size == keyring_->log().size()) return newest_;
    RETURN_IF_ERROR(SignNow());
    newest = newest_;
  }
  changes_.Notify();
  return newest;
}

LogSigner::Signed LogSigner::newest() const {
  const MutexLock lock(&mutex_);
  return newest_;
}

absl::Status LogSigner::SignNow() {
  const LogHead head = keyring_->log().head();
  Signed next = {.checkpoint = {.origin = keyring_->log_origin(), .tree_size = head.size, .root = head.root}};
  ASSIGN_OR_RETURN(next.note, SignLogCheckpoint(next.checkpoint, key_));
  CrashPoint("log_signing");
  RETURN_IF_ERROR(WriteFileDurably(kCheckpointFile, options_.checkpoint_file, next.note));
  CrashPoint("log_signed");
  newest_ = std::move(next);
  return absl::OkStatus();
}

absl::StatusOr<std::string> LogSigner::SignStatement(std::string_view statement) const {
  return SignEnvelope(statement, kStatementPayloadType, verifier_key_.name, key_);
}

void LogSigner::Start() {
  thread_ = std::thread([this] { Run(); });
}

void LogSigner::Stop() {
  {
    const MutexLock lock(&stop_mutex_);
    stopping_ = true;
    stopped_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
}

void LogSigner::Run() {
  NameThisThread("log-signer");
  for (bool stopping = false; !stopping;) {
    {
      const MutexLock lock(&stop_mutex_);
      const absl::Time until = absl::Now() + kPeriod;
      while (!stopping_ && absl::Now() < until) stopped_.WaitWithTimeout(&stop_mutex_, until - absl::Now());
      stopping = stopping_;
    }
    if (const auto signed_now = Sign(); !signed_now.ok()) {
      Log(LogLevel::kError, "log_not_signed", {{"error", signed_now.status().ToString()}});
    }
  }
}

}  // namespace expunge
