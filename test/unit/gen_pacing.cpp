// SPDX-License-Identifier: BSD-2-Clause
// The schedule of ringway-gen, in the text that both engines share.
#include <gen_schedule.h>

#include <pacing.hpp>

#include "support/catch.hpp"

namespace {

using namespace ringway::gen;

struct run {
  explicit run(double rate, double duration, later then = {})
      : schedule(make_schedule(rate, duration, then)) {
    look(start);
  }

  /// One turn: whether a frame leaves.
  bool look(std::uint64_t now) {
    __u64 when = 0;
    const int what = rw_gen_due(&schedule, &clock, now, &when);
    if (what == RW_GEN_OVER) over = true;
    if (what == RW_GEN_SKIP && rw_gen_skip(&schedule, &clock, now) == RW_GEN_OVER) over = true;
    intended = when;
    return what == RW_GEN_DUE;
  }

  static constexpr std::uint64_t start = 1'000'000'000'000;
  gen_schedule schedule;
  gen_clock clock{};
  bool over = false;
  std::uint64_t intended = 0;
};

TEST_CASE("exactly rate times duration frames fall due, and none drifts") {
  for (const double rate : {1.0, 3.0, 9001.0, 50'000.0, 333'333.0}) {
    run r(rate, 2);
    std::uint64_t sent = 0, last = 0;
    const auto step = static_cast<std::uint64_t>(1e9 / rate / 3);
    for (std::uint64_t now = run::start; now < run::start + 3'000'000'000 && !r.over; now += step)
      while (r.look(now)) ++sent, last = r.intended;
    CHECK(sent + r.clock.late == static_cast<std::uint64_t>(2 * rate));
    CHECK(r.clock.late == 0);
    CHECK(r.over);
    const double expected = static_cast<double>(run::start) + (2 * rate - 1) / rate * 1e9;
    CHECK(std::abs(static_cast<double>(last) - expected) < 2);
  }
}

TEST_CASE("a stall is not caught up beyond the bound, and what is skipped is counted") {
  for (const double rate : {100'000.0, 1e6, 10e6}) {
    run r(rate, 0);
    std::uint64_t now = run::start;
    while (r.look(now)) continue;
    now += 50'000'000;  // 50 ms without a CPU
    std::uint64_t burst = 0;
    const double caught_up = static_cast<double>(r.schedule.limit_ns) * rate / 1e9;
    r.look(now);
    while (r.look(now)) ++burst;
    CHECK(burst <= 128);
    CHECK(std::abs(static_cast<double>(burst) - caught_up) <= 2);
    CHECK(r.clock.owed + 4 > RW_GEN_OWED_MAX);
    CHECK(std::abs(static_cast<double>(r.clock.late + RW_GEN_OWED_MAX) - (0.05 * rate - caught_up)) <= 20);
    r.clock.owed = 0;
    now += r.schedule.limit_ns;  // just short enough to be caught up as a whole
    for (burst = 0; r.look(now);) ++burst;
    CHECK(burst <= 128);
    CHECK(burst + 2 >= r.schedule.limit_ns * rate / 1e9);
    CHECK(burst_of(r.clock.behind, rate) <= 128);
  }
}

TEST_CASE("what a stall has left over follows at a seventh above the rate, never in a burst") {
  for (const double rate : {333'333.0, 2e6}) {
    run r(rate, 1);
    std::uint64_t sent = 0;
    const std::uint64_t stall = r.schedule.limit_ns + static_cast<std::uint64_t>(200 / rate * 1e9);
    const auto step = static_cast<std::uint64_t>(1e9 / rate / 4);
    const auto until = [&](std::uint64_t from, std::uint64_t to) {
      const std::uint64_t before = sent;
      for (std::uint64_t now = from; now < to && !r.over; now += step)
        for (std::uint64_t burst = 0; r.look(now); ++sent) CHECK(++burst <= 128);
      return static_cast<double>(sent - before);
    };
    until(run::start, run::start + 1'000'000);
    const std::uint64_t back = run::start + 1'000'000 + stall;
    r.look(back);
    until(back, back + 1);
    CHECK(std::abs(static_cast<double>(r.clock.owed) - 200) <= 4);
    const double after = until(back + 1, back + 1 + static_cast<std::uint64_t>(800 / rate * 1e9));
    CHECK(std::abs(after - 800.0 * 8 / 7) <= 3);
    until(back + static_cast<std::uint64_t>(800 / rate * 1e9), run::start + 2'000'000'000);
    CHECK(r.over);
    CHECK(r.clock.late == 0);
    CHECK(sent == static_cast<std::uint64_t>(rate));
  }
}

TEST_CASE("what is owed when a schedule ends is late") {
  run r(1e6, 0.001);
  std::uint64_t sent = r.look(run::start);
  const std::uint64_t now = run::start + 990'000;
  for (int i = 0; i < 200; ++i) sent += r.look(now);
  CHECK(r.clock.owed > 0);
  while (!r.over) sent += r.look(run::start + 2'000'000);
  CHECK(r.clock.owed == 0);
  CHECK(sent + r.clock.late == 1000);
}

TEST_CASE("what follows a schedule begins where it ends, at its own rate, and nothing is lost between them") {
  for (const double rate : {1000.0, 100'000.0}) {
    run r(rate, 1, {rate / 4, 2});
    std::uint64_t first = 0, second = 0, previous = 0, longest = 0;
    for (std::uint64_t now = run::start; now < run::start + 4'000'000'000 && !r.over; now += 2000) {
      while (r.look(now)) {
        ++(r.intended < run::start + 1'000'000'000 ? first : second);
        if (previous != 0) longest = std::max(longest, r.intended - previous);
        previous = r.intended;
      }
    }
    CHECK(r.over);
    CHECK(first == static_cast<std::uint64_t>(rate));
    CHECK(second == static_cast<std::uint64_t>(2 * rate / 4));
    CHECK(longest <= static_cast<std::uint64_t>(4e9 / rate) + 1);
    CHECK(r.clock.late == 0);
  }
}

TEST_CASE("after a restart the schedule goes on, and the gap is nobody's lateness") {
  run r(1000, 0);
  CHECK(r.look(run::start));
  r.clock.resume = 1;
  CHECK_FALSE(r.look(run::start + 30'000'000));
  CHECK(r.clock.late == 0);
  CHECK(r.look(run::start + 30'000'000));
  CHECK(r.intended == run::start + 30'000'000);
}

TEST_CASE("percentiles of lateness are those of what was counted, never above the longest") {
  gen_lateness l{};
  for (std::uint64_t i = 1; i <= 100'000; ++i) rw_gen_count_late(&l, i * 100);  // 100 ns to 10 ms
  const departures d = summary(l);
  CHECK(d.frames == 100'000);
  CHECK(d.max == 10'000'000);
  CHECK(std::abs(static_cast<double>(d.p50) - 5e6) < 1.1e6);  // steps of 1 ms up there
  CHECK(d.p99 <= d.max);
  gen_lateness small{};
  for (std::uint64_t i = 1; i <= 1000; ++i) rw_gen_count_late(&small, i);
  CHECK(std::abs(static_cast<double>(summary(small).p50) - 500) <= 32);
  CHECK(std::abs(static_cast<double>(summary(small).p99) - 990) <= 32);
  gen_lateness huge{};
  rw_gen_count_late(&huge, 1'000'000'000'000);
  CHECK(summary(huge).max == 1'000'000'000'000);
  CHECK(summary(gen_lateness{}).frames == 0);
}

}  // namespace
