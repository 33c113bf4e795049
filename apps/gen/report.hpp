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

/// What a run was, and what became of its frames.
struct report {
  options asked;
  bool traced = false;
  engine_counters sent;
  double duration =
      0;  ///< seconds from the first frame to the end of the last one's interval, restarts included
  std::vector<sink_report> sinks;

  std::uint64_t received() const noexcept;
  /// Offered and not received; below 0 when something else sent as well. Only with a port and a sink.
  std::optional<std::int64_t> lost() const noexcept;
  /// Frames a second, on average, restarts left out.
  double mean_rate() const noexcept;
};

std::string to_text(const report& r);
std::string to_json(const report& r);

}  // namespace ringway::gen
