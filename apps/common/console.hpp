// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <memory>
#include <string>

#include "forwarder_options.hpp"

namespace ringway::app {

/// Where the program speaks: `ready` and tables on stdout, unless a JSON report has it for itself; log lines
/// and what was obtained on stderr. Installs itself as the library's log sink.
class console {
 public:
  console(const identity& who, const forwarder_options& o);
  ~console();
  console(const console&) = delete;
  console& operator=(const console&) = delete;

  /// On stderr, unless --quiet.
  void info(const std::string& line);
  void warning(const std::string& line);
  void error(const std::string& line);
  void ready();
  /// On a terminal a live table takes the place of the one before it, if nothing was said since.
  void table(const std::string& text, bool live);

 private:
  void say(const std::string& line);

  std::string name_;
  bool quiet_, to_stderr_;
  std::size_t lines_to_replace_ = 0;
};

}  // namespace ringway::app
