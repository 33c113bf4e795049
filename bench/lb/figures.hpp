// SPDX-License-Identifier: BSD-2-Clause
// The parts of lb-figures. Each returns JSON that bench/publish keeps and renders.
#pragma once
#include <nlohmann/json.hpp>

namespace ringway::lb_bench {

struct effort {
  std::uint32_t rounds = 9;          // of what is interleaved
  std::uint32_t packets = 1u << 20;  // of a timed run
  std::uint32_t most_flows = 1u << 20;
};

/// Nanoseconds a packet of the XDP program, the reference program and an empty one.
nlohmann::json programs(const effort& e);
/// Of the AF_XDP worker's function over in-memory rings.
nlohmann::json core(const effort& e);
/// The connection table from a quarter full to more than full: what is evicted, and what moves.
nlohmann::json table(const effort& e);
/// Rings: shares, disruption, times; memory.
nlohmann::json rings(const effort& e);

}  // namespace ringway::lb_bench
