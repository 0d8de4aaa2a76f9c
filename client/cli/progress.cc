#include "client/cli/progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/string_view.h"
#include "client/cli/format.h"

namespace expunge::cli {
namespace {

constexpr int kBarColumns = 28;
constexpr absl::Duration kRedrawInterval = absl::Milliseconds(100);
constexpr absl::Duration kLineInterval = absl::Seconds(1);

}  // namespace

Progress::Progress(std::ostream& out, const Terminal& terminal, bool quiet, std::string_view label)
    : out_(out),
      terminal_(terminal),
      quiet_(quiet),
      label_(label),
      drawn_(terminal.tty ? absl::InfinitePast() : absl::Now()) {}

Progress::~Progress() {
  if (line_open_) out_ << std::endl;
}

void Progress::Update(double fraction, std::string_view detail) {
  if (quiet_) return;
  fraction = std::clamp(fraction, 0.0, 1.0);
  const std::string percent = absl::StrFormat("%3d%%", static_cast<int>(100 * fraction));
  const absl::Time now = absl::Now();
  if (!terminal_.tty) {
    const int tenth = static_cast<int>(10 * fraction);
    if (tenth <= last_tenth_ || (now - drawn_ < kLineInterval && tenth < 10)) return;
    last_tenth_ = tenth;
    drawn_ = now;
    out_ << label_ << "  " << percent << "  " << detail << std::endl;
    return;
  }
  if (now - drawn_ < kRedrawInterval && fraction < 1) return;
  std::string line =
      absl::StrCat(label_, "  ", terminal_.unicode ? "▕" : "[", ShowBar(fraction, kBarColumns, terminal_.unicode),
                   terminal_.unicode ? "▏" : "]", " ", percent, "  ", ToAbsl(detail));
  line = FitWidth(line, terminal_.width - 1);
  if (line == last_line_) return;
  out_ << (line_open_ ? "\r\x1b[K" : "") << line << std::flush;
  last_line_ = std::move(line);
  drawn_ = now;
  line_open_ = true;
}

double RateMeter::PerSecond(int64_t done, absl::Time now) const {
  const double seconds = absl::ToDoubleSeconds(now - start_);
  return seconds > 0 ? static_cast<double>(done) / seconds : 0;
}

}  // namespace expunge::cli
