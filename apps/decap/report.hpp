// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <string>
#include <vector>

#include "decapsulator.hpp"

namespace ringway::decap_app {

struct port_line {
  std::string name;
  attach_mode attach;
  decap_counts counts;
};

struct report {
  std::string app, version;
  std::vector<port_line> ports;
  std::string error;  // what ended the run before its time; empty: nothing
  bool running = false;
};

/// "schema": 1, pretty, with a newline at its end.
std::string to_json(const report& r);
/// A line a port under a line of headings.
std::string to_table(const report& r);

}  // namespace ringway::decap_app
