// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <string>
#include <vector>

#include "option_table.hpp"

namespace ringway::app {

/// Tables in the file, and arrays of tables: no option's; an application may read them by itself.
enum class tables { refused, ignored };

/// Reads a TOML file whose keys are the options' names, without setting anything. Throws usage_error with
/// file, line and key: not readable, not TOML, an unknown key, a value of the wrong kind.
std::vector<setting> read_config(const std::string& path, const option_table& table,
                                 tables others = tables::refused);

/// The same from memory; `name` stands in messages.
std::vector<setting> parse_config(const std::string& text, const std::string& name, const option_table& table,
                                  tables others = tables::refused);

/// A file as it is. Throws usage_error.
std::string read_file(const std::string& path);
/// For a message: control characters, which a file's strings may have, as \\xNN.
std::string one_line(const std::string& text);
/// As a string in TOML.
std::string quoted(const std::string& text);

/// What is set now, as a file that read_config() takes.
std::string print_config(const option_table& table);

}  // namespace ringway::app
