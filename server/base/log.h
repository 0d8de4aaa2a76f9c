#ifndef EXPUNGE_BASE_LOG_H_
#define EXPUNGE_BASE_LOG_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace expunge {

// One line of the structured log: what happened, and its fields. Never a subject, a sample id, a pseudonym or data.
// Thread-safe. Goes to stderr as JSON lines or as text.
enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

struct LogField {
  LogField(std::string_view name, const absl::AlphaNum& value) : name(name), value(value.Piece()) {}
  std::string_view name;
  std::string value;
};

// Once, before threads are started. The default is text from kInfo on.
void ConfigureLog(LogLevel lowest, LogFormat format);

// `event` is snake_case and stable, e.g. "retrain_failed".
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace expunge

#endif  // EXPUNGE_BASE_LOG_H_
