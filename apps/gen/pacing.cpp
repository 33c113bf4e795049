// SPDX-License-Identifier: BSD-2-Clause
#include "pacing.hpp"

#include <algorithm>
#include <cmath>

namespace ringway::gen {
namespace {

// What may be caught up after a stall, besides the frame that is due and two or three that are owed: bursts
// of half of the 256 slots that a veth peer has, so that none of ours looks like a loss of the device under
// test, and no more than 250 us. That is twice as long as a virtual machine is stopped by its host, hundreds
// of times a second. A single overdue frame is no burst.
constexpr double catch_up_frames = 124, catch_up_ns = 250e3;

/// The upper end of a step.
std::uint64_t end_of(std::uint32_t level, std::uint32_t step) {
  const std::uint32_t shift = level == 0 ? RW_GEN_LATE_SHIFT : RW_GEN_LATE_LEVEL_SHIFT * level;
  return std::uint64_t{step + 1} << shift;
}

/// The nanoseconds between two frames: whole ones, and 2^-32. More than exact, never less: so that the frame
/// after the last one is not due before the end.
double split(double rate, __u64& ns, __u64& frac) {
  const long double exact = 1e9L / static_cast<long double>(rate), whole = std::floor(exact);
  ns = static_cast<__u64>(whole);
  if (exact > whole) frac = 1 + static_cast<__u64>((exact - whole) * 4294967296.0L);
  return static_cast<double>(exact);
}

}  // namespace

gen_schedule make_schedule(double rate, double duration, later then) {
  gen_schedule s{};
  if (rate <= 0) return s;
  const double interval = split(rate, s.interval_ns, s.interval_frac);
  if (then.seconds > 0) {
    split(then.rate, s.then_ns, s.then_frac);
    s.then_duration_ns = static_cast<std::uint64_t>(then.seconds * 1e9);
  }
  s.limit_ns =
      static_cast<std::uint64_t>(std::min(catch_up_frames * interval, std::max(catch_up_ns, interval)));
  s.duration_ns = static_cast<std::uint64_t>(duration * 1e9);
  return s;
}

std::uint64_t burst_of(std::uint64_t behind, double rate) {
  return 1 + static_cast<std::uint64_t>(static_cast<double>(behind) * rate / 1e9);
}

departures summary(const gen_lateness& l) {
  departures d;
  for (const auto& level : l.frames)
    for (const std::uint64_t n : level) d.frames += n;
  d.max = l.max;
  std::uint64_t below = 0;
  const auto reach = [&](std::uint64_t& where, double share, std::uint64_t value) {
    if (where == 0 && static_cast<double>(below) >= share * static_cast<double>(d.frames))
      where = std::min(value, d.max);
  };
  for (std::uint32_t level = 0; level < RW_GEN_LATE_LEVELS; ++level) {
    for (std::uint32_t step = 0; step < RW_GEN_LATE_STEPS; ++step) {
      if (l.frames[level][step] == 0) continue;
      below += l.frames[level][step];
      reach(d.p50, 0.5, end_of(level, step));
      reach(d.p90, 0.9, end_of(level, step));
      reach(d.p99, 0.99, end_of(level, step));
    }
  }
  return d;
}

}  // namespace ringway::gen
