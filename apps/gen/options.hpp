// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "options_sink.hpp"
#include "pacing.hpp"
#include "traffic.hpp"

namespace ringway::gen {

inline constexpr std::uint32_t flows_max = 1u << 24;
inline constexpr std::uint32_t batch_max = 256;  // the kernel's TEST_XDP_MAX_BATCH

enum class engine_kind { xdp, afxdp };
const char* name_of(engine_kind kind) noexcept;

struct options : sink_options {
  std::vector<std::string> ports;  ///< empty: only count at the sinks
  bool bidirectional = false;      ///< the sink sends as well, and the port counts
  engine_kind engine = engine_kind::xdp;
  std::string rate_text = "10k";
  double ceiling = 0;  ///< packets per second that are 100 %
  double rate = 0;     ///< packets per second, of each port; 0: as fast as it goes
  traffic_options frames;
  std::uint64_t count = 0;  ///< frames that the device shall accept; 0: no end
  std::uint64_t burst = 0;  ///< frames that it is offered once, as fast as it goes; 0: no burst
  double duration = 0;      ///< seconds; 0: no end
  later then;               ///< what follows without a pause
  std::string json;         ///< a file, "-", or empty
  std::vector<int> cpus;    ///< one for each port, the last one for all others; empty: anywhere
  std::uint32_t batch = 0;  ///< turns between two deliveries; 0: as suits the rate
  double stats = 0;         ///< seconds between two lines; 0: none
  bool quiet = false;
  bool tracepoints = true;            ///< false: "sent" by the device's own counters
  std::uint32_t turns = 0xffffffffu;  ///< of one engine run
  double restart_after = 120;         ///< seconds of one engine run
  std::uint32_t seed = 1;             ///< of the choice of flows; not 0
};

/// The command line. Empty when there is nothing to do (--help, --version). Throws usage_error.
std::optional<options> parse_options(int argc, char** argv);

}  // namespace ringway::gen
