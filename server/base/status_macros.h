#ifndef EXPUNGE_BASE_STATUS_MACROS_H_
#define EXPUNGE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Abseil 20220623 has no status macros of its own; these are the usual two.

#define RETURN_IF_ERROR(expression)                           \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

#define EXPUNGE_CONCAT_INNER_(a, b) a##b
#define EXPUNGE_CONCAT_(a, b) EXPUNGE_CONCAT_INNER_(a, b)

#define ASSIGN_OR_RETURN(target, expression) \
  ASSIGN_OR_RETURN_IMPL_(EXPUNGE_CONCAT_(status_or_, __LINE__), target, expression)

#define ASSIGN_OR_RETURN_IMPL_(result, target, expression) \
  auto result = (expression);                              \
  if (!result.ok()) return std::move(result).status();     \
  target = *std::move(result)

#endif  // EXPUNGE_BASE_STATUS_MACROS_H_
