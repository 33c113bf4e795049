// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <string>
#include <vector>

#include "tc_attach.hpp"

namespace CLI {
class App;
}

namespace ringway::gen {

/// What is asked of the places where frames arrive.
struct sink_options {
  std::vector<std::string> sinks;
  tc_mode sink_attach = tc_mode::automatic;
};

/// Adds these options to a command line.
void describe_sinks(CLI::App& app, sink_options& o);

/// Throws usage_error for what is wrong in itself. `port`: something is sent as well.
void examine_sinks(const sink_options& o, bool port);

}  // namespace ringway::gen
