// SPDX-License-Identifier: BSD-2-Clause
// What can be asked of a running balancer, on both sides of the control socket.
#pragma once
#include <chrono>
#include <functional>
#include <string>

#include "plane.hpp"

namespace ringway::lb_app {

/// What the verbs need of the running program.
struct verb_context {
  control_plane& plane;
  /// Reads the file again and puts it in force; what it says about it.
  std::function<lb_change(bool discard)> reload;
  /// JSON of ringway::app::report, for `stats`.
  std::function<std::string()> report;
  std::function<rw_lb_local()> counted;                 // reasons and gates, all workers and CPUs
  std::function<std::vector<rw_lb_traffic>()> traffic;  // VIPs, then elements of `reals`
  std::function<std::vector<std::string>()> alarms;     // what is wrong, a line each
  rw_hash_key flow_key{};
  std::string datapath, since;
  std::string shared;  // of the configuration in force: options that all forwarders have
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();  // of uptimes
};

/// The answer to one request line; errors become {"ok": false, ...}.
std::string answer(verb_context& context, const std::string& line);

/// {"ok": false, "error": why}
std::string refusal(const std::string& why);

/// `ringway-lb VERB ...`: asks the running one and prints. False: argv[1] is no verb, the program is to
/// start. Throws usage_error (exit code 2), or another std::exception (1), for one line on stderr.
bool run_verb(int argc, char** argv, int& exit_code);

}  // namespace ringway::lb_app
