// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <string>

namespace ringway::app {

/// Where a report goes at the end. Found out at once whether it can: a run must not end with its numbers
/// lost.
class report_file {
 public:
  /// "-" is stdout. A regular file appears whole or not at all: it is written under another name in the same
  /// directory and renamed. Anything else (a pipe, /dev/null) is written to as it is. Throws ringway::error.
  explicit report_file(std::string path);

  /// A regular file: each report takes the place of the one before it. On a stream they would pile up.
  bool replaceable() const noexcept { return path_ != "-" && regular_; }

  /// Throws ringway::error.
  void write(const std::string& text) const;

 private:
  std::string beside() const;

  std::string path_, target_;  // as given; links followed
  bool regular_ = false;
};

}  // namespace ringway::app
