// SPDX-License-Identifier: BSD-2-Clause
#include "per_item.hpp"
#include "support/loop_kernel.hpp"

using namespace ringway;
using test::loop_ring;

namespace {

/// Stages n entries and publishes them; the peer has consumed all by the next time.
template <class T>
void push_publish(benchmark::State& state) {
  const auto n = static_cast<std::uint32_t>(state.range(0));
  loop_ring<T> memory(2048);
  producer_ring<T> ring(memory.memory());
  T value{};
  for (auto _ : state) {
    for (std::uint32_t i = 0; i < n; ++i) benchmark::DoNotOptimize(ring.push(value));
    ring.publish();
    memory.store(memory.consumer, memory.producer);
  }
  bench::per_item(state, "entry", n);
}
BENCHMARK_TEMPLATE(push_publish, std::uint64_t)->Name("ring/push+publish/8-byte")->Arg(1)->Arg(32)->Arg(256);
BENCHMARK_TEMPLATE(push_publish, xdp_desc)->Name("ring/push+publish/16-byte")->Arg(1)->Arg(32)->Arg(256);

/// Reads n entries and releases them; the peer has put as many by the next time.
template <class T>
void available_release(benchmark::State& state) {
  const auto n = static_cast<std::uint32_t>(state.range(0));
  loop_ring<T> memory(2048);
  consumer_ring<T> ring(memory.memory());
  for (auto _ : state) {
    memory.store(memory.producer, memory.consumer + n);
    const std::uint32_t there = ring.available(n);
    for (std::uint32_t i = 0; i < there; ++i) {
      T entry = ring.at(i);
      benchmark::DoNotOptimize(entry);
    }
    ring.release(there);
  }
  bench::per_item(state, "entry", n);
}
BENCHMARK_TEMPLATE(available_release, std::uint64_t)
    ->Name("ring/available+release/8-byte")
    ->Arg(1)
    ->Arg(32)
    ->Arg(256);
BENCHMARK_TEMPLATE(available_release, xdp_desc)
    ->Name("ring/available+release/16-byte")
    ->Arg(1)
    ->Arg(32)
    ->Arg(256);

}  // namespace
