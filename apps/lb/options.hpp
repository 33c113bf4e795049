// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <map>
#include <string>
#include <vector>

#include "../common/forwarder_options.hpp"
#include "../common/option_table.hpp"
#include "model.hpp"

namespace ringway::lb_app {

struct options {
  app::forwarder_options common;
  configuration tables;  // of the same file
};

void add_options(app::option_table& table, options& o);

/// Reads the tables of the file, and, when nothing but a check is asked for, judges them as a start would,
/// as far as that goes without looking at the machine. Throws usage_error.
void read_tables(options& o);

/// What the file says of the shared options, by name: what only a restart can change.
using shared_part = std::map<std::string, std::vector<std::string>>;
shared_part read_shared(const std::string& path, const app::option_table& table);
/// Throws usage_error with the names of those that differ.
void refuse_changed(const shared_part& before, const shared_part& now);

}  // namespace ringway::lb_app
