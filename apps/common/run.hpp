// SPDX-License-Identifier: BSD-2-Clause
// From a set-up datapath to the exit code: what every forwarder does while packets go by.
#pragma once
#include <functional>
#include <memory>
#include <ringway/interface.hpp>
#include <string>
#include <vector>

#include "forwarder_options.hpp"
#include "forwarding.hpp"

namespace ringway::app {

/// What a forwarder brings along.
struct application {
  identity who;
  std::string mode;                     ///< as reports name what it does
  std::vector<std::size_t> reflecting;  ///< positions of the ports that send back what they receive
  /// Sets up the chosen datapath; the programs are not on the ports yet.
  std::function<std::unique_ptr<forwarding>(const std::vector<interface>& ports)> open;
  /// false: what is not its own goes to the kernel.
  bool takes_all = true;
  /// SIGHUP: puts the configuration file in force as it is now, and returns what there is to say about it.
  /// What it throws becomes a line on stderr. None: SIGHUP ends the program, as it does any other.
  std::function<std::string()> reload = {};
};

/// Warns, opens, starts, says `ready`, reports, and ends by signal, duration or failure. Throws
/// ringway::error or ringway::usage_error.
void run(const application& what, const option_table& table, const forwarder_options& o);

/// Calls `body` and turns what it throws into one line on stderr and the exit code: 2 for usage_error, 1 for
/// anything else, 0 without.
int exit_code_of(const identity& who, const std::function<void()>& body) noexcept;

}  // namespace ringway::app
