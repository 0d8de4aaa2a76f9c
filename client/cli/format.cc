#include "client/cli/format.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/digest.h"
#include "base/string_view.h"

namespace expunge::cli {
namespace {

bool StartsCodePoint(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

bool IsNumber(const std::string& cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789.,/%") == std::string::npos;
}

void AppendPadded(std::string_view text, size_t width, bool right, std::string* line) {
  const std::string padding(width - std::min(width, DisplayWidth(text)), ' ');
  absl::StrAppend(line, right ? padding : "", ToAbsl(text), right ? "" : padding);
}

}  // namespace

std::string ShowCount(int64_t count) {
  std::string text = absl::StrCat(count);
  const int first_digit = count < 0 ? 1 : 0;
  for (int position = static_cast<int>(text.size()) - 3; position > first_digit; position -= 3) {
    text.insert(static_cast<size_t>(position), 1, ',');
  }
  return text;
}

std::string ShowRate(double per_second) {
  if (per_second >= 999'950) return absl::StrFormat("%.1fM/s", per_second / 1e6);
  if (per_second >= 999.5) return absl::StrFormat("%.1fk/s", per_second / 1e3);
  return absl::StrFormat("%.0f/s", per_second);
}

std::string ShowDuration(absl::Duration duration) {
  if (duration < absl::ZeroDuration()) return absl::StrCat("-", ShowDuration(-duration));
  if (duration == absl::ZeroDuration()) return "0 s";
  if (duration < absl::Microseconds(999.5)) return absl::StrFormat("%.0f us", absl::ToDoubleMicroseconds(duration));
  if (duration < absl::Milliseconds(999.5)) return absl::StrFormat("%.3g ms", absl::ToDoubleMilliseconds(duration));
  if (duration < absl::Seconds(59.95)) return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(duration));
  const int64_t seconds = absl::ToInt64Seconds(duration + absl::Milliseconds(500));
  if (seconds < 3600) return absl::StrFormat("%d min %02d s", seconds / 60, seconds % 60);
  if (seconds < 24 * 3600) return absl::StrFormat("%d h %02d min", seconds / 3600, seconds / 60 % 60);
  return absl::StrFormat("%d d %d h", seconds / (24 * 3600), seconds / 3600 % 24);
}

std::string ShowTime(absl::Time time) { return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", time, absl::UTCTimeZone()); }

std::string ShowPercent(double fraction) { return absl::StrFormat("%.1f%%", 100 * fraction); }

std::string ShowShape(absl::Span<const int64_t> shape) { return shape.empty() ? "scalar" : absl::StrJoin(shape, "x"); }

std::string Plural(int64_t count, std::string_view noun) {
  return absl::StrCat(ShowCount(count), " ", ToAbsl(noun), count == 1 ? "" : "s");
}

std::string ShowBar(double fraction, int width, bool unicode) {
  fraction = std::clamp(std::isfinite(fraction) ? fraction : 0.0, 0.0, 1.0);
  std::string bar;
  if (!unicode) {
    const int full = static_cast<int>(fraction * width);
    return absl::StrCat(std::string(static_cast<size_t>(full), '#'),
                        std::string(static_cast<size_t>(width - full), '-'));
  }
  static constexpr std::array<std::string_view, 8> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(fraction * width * 8);
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  bar += kEighths[static_cast<size_t>(eighths % 8)];
  const int used = eighths / 8 + (eighths % 8 > 0 ? 1 : 0);
  bar.append(static_cast<size_t>(width - used), ' ');
  return bar;
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = std::min(text.find('m', i), text.size());
    } else if (StartsCodePoint(text[i])) {
      ++width;
    }
  }
  return width;
}

std::string_view FitWidth(std::string_view text, size_t width) {
  size_t columns = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (StartsCodePoint(text[i]) && columns++ == width) return text.substr(0, i);
  }
  return text;
}

std::string ShortHex(std::string_view bytes) { return ToHex(bytes).substr(0, 12); }

std::string ShowImage(absl::Span<const float> pixels, int height, int width, bool color) {
  static constexpr std::string_view kShades = " .:-=+*#%@";
  const auto pixel = [&](int row, int column) {
    return row < height ? std::clamp(pixels[static_cast<size_t>(row * width + column)], 0.0f, 1.0f) : 0.0f;
  };
  std::string picture;
  for (int row = 0; row < height; row += 2) {
    for (int column = 0; column < width; ++column) {
      const float upper = pixel(row, column), lower = pixel(row + 1, column);
      if (color) {
        const auto grey = [](float brightness) { return 232 + static_cast<int>(brightness * 23); };
        absl::StrAppendFormat(&picture, "\x1b[38;5;%dm\x1b[48;5;%dm▀", grey(upper), grey(lower));
      } else {
        picture += kShades[static_cast<size_t>((upper + lower) / 2 * (kShades.size() - 1) + 0.5f)];
      }
    }
    picture += color ? "\x1b[0m\n" : "\n";
  }
  return picture;
}

std::string Table::ToString() const {
  const size_t columns = rows_.front().size();
  std::vector<size_t> widths(columns, 0);
  std::vector<bool> right(columns, rows_.size() > 1);
  for (size_t row = 0; row < rows_.size(); ++row) {
    for (size_t column = 0; column < columns; ++column) {
      const std::string& cell = rows_[row][column];
      widths[column] = std::max(widths[column], DisplayWidth(cell));
      if (row > 0 && !IsNumber(cell)) right[column] = false;
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t column = 0; column < columns; ++column) {
      if (column > 0) line += "  ";
      AppendPadded(row[column], widths[column], right[column], &line);
    }
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

std::string Fields::ToString() const {
  size_t width = 0;
  for (const auto& [name, value] : fields_) width = std::max(width, DisplayWidth(name));
  std::string text;
  for (const auto& [name, value] : fields_) {
    AppendPadded(name, width + 2, false, &text);
    absl::StrAppend(&text, value, "\n");
  }
  return text;
}

}  // namespace expunge::cli
