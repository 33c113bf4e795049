// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <ringway/core/decap.h>

#include <ringway/program.hpp>
#include <string>
#include <vector>

#include "../common/option_table.hpp"

namespace ringway::decap_app {

struct options {
  std::vector<std::string> ports;
  std::vector<std::string> addresses;  // tunnel ends, at most one of each family; empty: any
  std::uint32_t gue_port = 6080;       // 0: no GUE
  attach_mode attach = attach_mode::automatic;
  bool replace = false;
  double duration = 0, stats = 0;  // seconds; 0: until a signal, none
  std::string json;                // file, "-" for stdout; empty: none
  bool quiet = false;
  std::uint32_t verbose = 0;
};

void add_options(app::option_table& table, options& o);

/// What the options say together. Throws usage_error.
void check(const options& o);

/// As the program takes it. Throws usage_error for what is no address, or two of a family.
rw_decap program_config(const options& o);

}  // namespace ringway::decap_app
