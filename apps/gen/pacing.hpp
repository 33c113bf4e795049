// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <gen.h>

#include <cstdint>

namespace ringway::gen {

/// How late frames left against the schedule, in nanoseconds.
struct departures {
  std::uint64_t frames = 0, p50 = 0, p90 = 0, p99 = 0, max = 0;
};

/// What follows a schedule without a pause; seconds 0: nothing.
struct later {
  double rate = 0, seconds = 0;
};

/// "As fast as it goes" for a rate of 0.
gen_schedule make_schedule(double rate, double duration, later then = {});
/// `behind`: ns, the furthest that a frame left behind its schedule.
std::uint64_t burst_of(std::uint64_t behind, double rate);
departures summary(const gen_lateness& l);

}  // namespace ringway::gen
