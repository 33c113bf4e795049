// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine.hpp"
#include "options.hpp"
#include "report_sink.hpp"

namespace ringway::gen {

/// What one port sent.
struct port_report {
  std::string name, accepted_by;
  engine_counters sent;
};

/// Counters at some time since the rate has changed.
struct moment {
  double seconds;
  std::uint64_t offered, received;
};

/// What a run was, and what became of its frames.
struct report {
  options asked;
  std::vector<port_report> ports;
  engine_counters sent;  ///< of all ports: sums, or the worst
  double duration =
      0;  ///< seconds from the first frame to the end of the last one's interval, restarts included
  std::vector<sink_report> sinks;
  std::vector<moment> after;  ///< counters since the rate has changed (--then)

  std::uint64_t received() const noexcept;
  /// Offered and not received; below 0 when something else sent as well. Only with a port and a sink.
  std::optional<std::int64_t> lost() const noexcept;
  /// Frames a second, on average, restarts left out.
  double mean_rate() const noexcept;
  /// Nothing where sizes are mixed and the device did not take all of them.
  std::optional<std::uint64_t> offered_bytes() const noexcept;
};

/// Sums, or the worst of all.
engine_counters add_up(const std::vector<port_report>& ports);

std::string to_text(const report& r);
std::string to_json(const report& r);

}  // namespace ringway::gen
