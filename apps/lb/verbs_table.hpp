// SPDX-License-Identifier: BSD-2-Clause
// Columns for people.
#pragma once
#include <string>
#include <vector>

namespace ringway::lb_app {

class text_table {
 public:
  /// A heading that begins with '>' is of a column of numbers.
  explicit text_table(std::vector<std::string> headings);
  void row(std::vector<std::string> cells);
  bool empty() const noexcept { return rows_.size() < 2; }
  /// With its headings; every line ends in a newline.
  std::string text() const;

 private:
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

/// "3 d 4 h", "12 min 5 s", "7 s"
std::string duration_text(double seconds);
/// "1.5 GiB", "12 KiB"
std::string size_text(double bytes);

}  // namespace ringway::lb_app
