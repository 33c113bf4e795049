// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <string>
#include <vector>

#include "option_table.hpp"

namespace ringway::app {

/// Reads a TOML file whose keys are the options' names, without setting anything. Throws usage_error with
/// file, line and key: not readable, not TOML, an unknown key, a value of the wrong kind.
std::vector<setting> read_config(const std::string& path, const option_table& table);

/// The same from memory; `name` stands in messages.
std::vector<setting> parse_config(const std::string& text, const std::string& name,
                                  const option_table& table);

/// What is set now, as a file that read_config() takes.
std::string print_config(const option_table& table);

}  // namespace ringway::app
