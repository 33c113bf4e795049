// SPDX-License-Identifier: BSD-2-Clause
// The user's side of forwarding: rx, function, tx, recycling, with rings in plain memory. Timed is
// worker::turn() alone: the clock is read twice a turn, and what that costs is in the figure ("clock" shows
// it). The kernel's part, which a real kernel would do for itself, is shown beside it.
#include <algorithm>
#include <ringway/nf/l2.hpp>
#include <ringway/tsc.hpp>

#include "per_item.hpp"
#include "support/loop_kernel.hpp"

using namespace ringway;

namespace {

double seconds(std::uint64_t t) {
  static const auto rate = static_cast<double>(ticks_per_second());
  return static_cast<double>(t) / rate;
}

/// Ports forward to each other, a single one to itself. Rings of `ring` slots hold 2 * ring frames in
/// circulation: how hot they are.
template <rw_l2_mode Mode, std::uint32_t Capacity, std::uint32_t Ports>
void loop(benchmark::State& state) {
  const auto ring = static_cast<std::uint32_t>(state.range(0));
  test::loop_bed<nf::l2_mode<Mode>, Capacity> bed(Ports, ring, test::l2_function<Mode>(Ports));
  std::uint64_t user = 0, kernel = 0, packets = 0, fastest = ~std::uint64_t{0};
  for (auto _ : state) {
    const std::uint64_t t0 = ticks();
    for (std::uint32_t p = 0; p < Ports; ++p) bed.kernel(p).receive(Capacity, 64);
    const std::uint64_t t1 = ticks();
    packets += bed.user().turn();
    const std::uint64_t t2 = ticks();
    for (std::uint32_t p = 0; p < Ports; ++p) bed.kernel(p).send();
    user += t2 - t1;
    fastest = std::min(fastest, t2 - t1);
    kernel += t1 - t0 + ticks() - t2;
    state.SetIterationTime(seconds(t2 - t1));
  }
  const auto n = static_cast<double>(packets);
  if (packets != static_cast<std::uint64_t>(state.iterations()) * Ports * Capacity ||
      bed.user().ledger().leaked() != 0)
    state.SkipWithError("packets are missing");
  state.counters["ns/packet"] = 1e9 * seconds(user) / n;
  state.counters["best_turn"] = 1e9 * seconds(fastest) / (Ports * Capacity);  // nobody else was on the CPU
  state.counters["kernel's"] = 1e9 * seconds(kernel) / n;
}
#define RINGWAY_LOOP(mode, name, capacity, ports)                       \
  BENCHMARK_TEMPLATE(loop, mode, capacity, ports)                       \
      ->Name("loop/" name "/batch:" #capacity "/ports:" #ports "/ring") \
      ->Arg(256)                                                        \
      ->Arg(2048)                                                       \
      ->UseManualTime()
RINGWAY_LOOP(RW_L2_MACSWAP, "macswap", 64, 1);
RINGWAY_LOOP(RW_L2_MACSWAP, "macswap", 256, 1);
RINGWAY_LOOP(RW_L2_MACSWAP, "macswap", 256, 2);
RINGWAY_LOOP(RW_L2_MAC, "mac", 256, 2);
RINGWAY_LOOP(RW_L2_IO, "io", 256, 2);
RINGWAY_LOOP(RW_L2_RXONLY, "rxonly", 256, 2);

/// What a reading of the clock costs: a turn's figure has one of its own and one of ours.
void clock_reading(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(ticks());
}
BENCHMARK(clock_reading)->Name("clock");

/// A turn that finds nothing.
template <std::uint32_t Ports>
void idle_turn(benchmark::State& state) {
  test::loop_bed<nf::l2_mode<RW_L2_IO>, 256> bed(Ports, 2048, test::l2_function<RW_L2_IO>(Ports));
  for (auto _ : state) benchmark::DoNotOptimize(bed.user().turn());
}
BENCHMARK_TEMPLATE(idle_turn, 1)->Name("loop/idle-turn/ports:1");
BENCHMARK_TEMPLATE(idle_turn, 2)->Name("loop/idle-turn/ports:2");

}  // namespace
