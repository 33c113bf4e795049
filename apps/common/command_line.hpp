// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "option_table.hpp"

namespace ringway::app {

/// Who we are, for --help, --version and reports.
struct identity {
  std::string name;     ///< "ringway-l2fwd"
  std::string purpose;  ///< one line
};

/// What project version this is.
std::string version();

/// Reads the command line, without setting anything. None: --help or --version was asked for and has been
/// answered on stdout. Throws usage_error.
std::optional<std::vector<setting>> parse_command_line(const identity& who, const option_table& table,
                                                       int argc, const char* const* argv);

}  // namespace ringway::app
