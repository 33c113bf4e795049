// SPDX-License-Identifier: BSD-2-Clause
// Batches: filling them, walking them, chains, copies.
#include <ringway/nf/l2.hpp>

#include "per_item.hpp"
#include "support/plain_memory.hpp"

using namespace ringway;

namespace {

constexpr std::uint32_t capacity = 64;

struct bed {
  bed() : layout(1, 2, 1024, 2048), state(layout.bytes()), umem(1024 * 2048) {
    layout.format(state.data());
    for (std::uint64_t& a : addr) a = pool.take(frame_owner::hand) + packet_headroom;
  }
  void receive(batch& b) {
    for (const std::uint64_t a : addr) b.append({.data = pool.at(a), .addr = a, .len = 64, .total = 64});
  }
  state_layout layout;
  test::plain_memory state, umem;
  frame_pool pool{layout.worker(state.data(), 0), umem.data()};
  batch_storage<capacity> storage;
  std::uint64_t addr[capacity];
};

/// Decides about packets with this mark.
struct marked {
  std::uint16_t mark;
  void process(batch& b) noexcept {
    for (packet& p : b)
      if (p.mark == mark) p.out = 1;
  }
};

void append(benchmark::State& state) {
  bed t;
  for (auto _ : state) {
    batch b = t.storage.begin(0, t.pool);
    t.receive(b);
    benchmark::DoNotOptimize(b.begin());
    benchmark::ClobberMemory();
  }
  bench::per_item(state, "packet", capacity);
}
BENCHMARK(append)->Name("batch/append/64");

template <rw_l2_mode Mode>
void process(benchmark::State& state) {
  bed t;
  rw_l2 rule{};
  rule.out = 1, rule.mode = Mode;
  nf::l2_mode<Mode> f({&rule, 1});
  batch b = t.storage.begin(0, t.pool);
  t.receive(b);
  for (auto _ : state) {
    f.process(b);
    benchmark::ClobberMemory();
  }
  bench::per_item(state, "packet", capacity);
}
BENCHMARK_TEMPLATE(process, RW_L2_IO)->Name("batch/process/io/64");
BENCHMARK_TEMPLATE(process, RW_L2_MAC)->Name("batch/process/mac/64");
BENCHMARK_TEMPLATE(process, RW_L2_MACSWAP)->Name("batch/process/macswap/64");

/// Two functions, half of the packets each.
void chained(benchmark::State& state) {
  bed t;
  chain f(marked{0}, marked{1});
  for (auto _ : state) {
    batch b = t.storage.begin(0, t.pool);
    t.receive(b);
    std::uint16_t n = 0;
    for (packet& p : b) p.mark = n++ & 1;
    f.process(b);
    benchmark::ClobberMemory();
  }
  bench::per_item(state, "packet", capacity);
}
BENCHMARK(chained)->Name("batch/append+chain-of-two/64");

/// A copy of 64 bytes and its frame back to the pool.
void copies(benchmark::State& state) {
  bed t;
  for (auto _ : state) {
    batch b = t.storage.begin(0, t.pool);
    t.receive(b);
    for (packet& p : b) {
      packet* const c = b.copy(p);
      t.pool.give(c->addr);
    }
    benchmark::ClobberMemory();
  }
  bench::per_item(state, "packet", capacity);
}
BENCHMARK(copies)->Name("batch/append+copy/64");

}  // namespace
