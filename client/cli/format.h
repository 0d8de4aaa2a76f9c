#ifndef EXPUNGE_CLIENT_CLI_FORMAT_H_
#define EXPUNGE_CLIENT_CLI_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"

namespace expunge::cli {

// Values as people read them. Pure functions; text is UTF-8.

std::string ShowCount(int64_t count);               // "60,000"
std::string ShowRate(double per_second);            // "850/s", "61.2k/s", "1.3M/s"
std::string ShowDuration(absl::Duration duration);  // "350 us", "12 ms", "1.4 s", "2 min 05 s", "3 h 12 min", "4 d 2 h"
std::string ShowTime(absl::Time time);              // "2026-11-23 10:01:43Z"
std::string ShowPercent(double fraction);           // "87.3%"
std::string ShowShape(absl::Span<const int64_t> shape);  // "28x28"; "scalar" for no dimensions

// "1 sample", "60,000 samples".
std::string Plural(int64_t count, std::string_view noun);

// `fraction` of `width` columns filled; eighths of a column with Unicode, whole ones in ASCII.
std::string ShowBar(double fraction, int width, bool unicode);

// Columns that `text` takes on a terminal: its code points, escape sequences not counted.
size_t DisplayWidth(std::string_view text);

// The beginning of `text` that fits into `width` columns. `text` has no escape sequences.
std::string_view FitWidth(std::string_view text, size_t width);

// Bytes from hexadecimal or binary digests: the first 12 hexadecimal digits.
std::string ShortHex(std::string_view bytes);

// A grey picture of height x width brightnesses (0: dark, 1: bright), two rows of pixels a line: half blocks in 24
// greys with `color`, else ten shades of ASCII.
std::string ShowImage(absl::Span<const float> pixels, int height, int width, bool color);

// Rows under a header, columns aligned: to the right where every cell under the header is a number, else to the left.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void AddRow(std::vector<std::string> row) { rows_.push_back(std::move(row)); }  // as many cells as the header has
  std::string ToString() const;  // every line ends with a newline, none with a space

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "name   value" lines, the values aligned: what one thing looks like.
class Fields {
 public:
  void Add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }
  std::string ToString() const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace expunge::cli

#endif  // EXPUNGE_CLIENT_CLI_FORMAT_H_
