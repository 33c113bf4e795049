// SPDX-License-Identifier: BSD-2-Clause
#include "verbs_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace ringway::lb_app {

text_table::text_table(std::vector<std::string> headings) {
  for (std::string& h : headings) {
    right_.push_back(h.starts_with('>'));
    if (right_.back()) h.erase(0, 1);
  }
  rows_.push_back(std::move(headings));
}

void text_table::row(std::vector<std::string> cells) {
  cells.resize(right_.size());
  rows_.push_back(std::move(cells));
}

std::string text_table::text() const {
  std::vector<std::size_t> widths(right_.size());
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string all;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i != 0) line += "  ";
      line += right_[i] ? fmt::format("{:>{}}", row[i], widths[i]) : fmt::format("{:<{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    all += line + "\n";
  }
  return all;
}

std::string duration_text(double seconds) {
  const auto s = static_cast<std::uint64_t>(seconds);
  if (s >= 86400) return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
  if (s >= 3600) return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
  if (s >= 60) return fmt::format("{} min {} s", s / 60, s % 60);
  return fmt::format("{} s", s);
}

std::string size_text(double bytes) {
  static constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB"};
  std::size_t u = 0;
  for (; bytes >= 1024 && u + 1 < std::size(units); ++u) bytes /= 1024;
  return u == 0 || bytes >= 100 ? fmt::format("{:.0f} {}", bytes, units[u])
                                : fmt::format("{:.1f} {}", bytes, units[u]);
}

}  // namespace ringway::lb_app
