#include "unlearning/regulation.h"

#include "absl/time/civil_time.h"

namespace expunge {
namespace {

absl::Time OneMonthLater(absl::Time time) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::CivilSecond from = absl::ToCivilSecond(time, utc);
  const absl::CivilMonth next_month = absl::CivilMonth(from) + 1;
  const absl::CivilDay last_day = absl::CivilDay(next_month + 1) - 1;
  const int day = from.day() < last_day.day() ? from.day() : last_day.day();
  const absl::CivilSecond to(next_month.year(), next_month.month(), day, from.hour(), from.minute(), from.second());
  return absl::FromCivil(to, utc) + (time - absl::FromCivil(from, utc));
}

}  // namespace

absl::Time DueTime(Regulation regulation, absl::Time received) {
  switch (regulation) {
    case Regulation::kGdpr:
      return OneMonthLater(received);
    case Regulation::kCcpa:
      return received + 45 * absl::Hours(24);
    case Regulation::kOther:
      break;
  }
  return received + 30 * absl::Hours(24);
}

}  // namespace expunge
