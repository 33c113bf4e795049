// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "options_sink.hpp"
#include "quantity.hpp"

namespace ringway::gen {

/// Limits of what can be asked for. More than frame_max does not fit a page together with what the kernel
/// keeps in it; the exact limit is the kernel's and is found out by trying.
inline constexpr std::uint32_t frame_min = 60, frame_max = 9000;  // bytes without FCS
inline constexpr std::uint32_t flows_max = 1u << 24;
inline constexpr std::uint32_t batch_max = 256;  // the kernel's TEST_XDP_MAX_BATCH

struct options : sink_options {
  std::string port;  ///< empty: only count at the sinks
  std::string rate_text = "10k";
  double rate = 0;  ///< packets per second; 0: as fast as it goes
  std::uint32_t size = frame_min;
  std::uint32_t flows = 1;
  std::uint64_t count = 0;  ///< frames that the device shall accept; 0: no end
  double duration = 0;      ///< seconds; 0: no end
  mac_address dst_mac{};
  std::optional<mac_address> src_mac;
  std::string json;  ///< a file, "-", or empty
  int cpu = -1;
  std::uint32_t batch = 64;
  double stats = 0;  ///< seconds between two lines; 0: none
  bool quiet = false;
  bool tracepoints = true;            ///< false: "sent" by the device's own counters
  std::uint32_t turns = 0xffffffffu;  ///< of one engine run
};

/// The command line. Empty when there is nothing to do (--help, --version). Throws usage_error.
std::optional<options> parse_options(int argc, char** argv);

}  // namespace ringway::gen
