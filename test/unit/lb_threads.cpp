// SPDX-License-Identifier: BSD-2-Clause
// Packets while the configuration changes: what becomes of each is what the old or the new one says, never a
// mixture. Under TSan this also shows that the tables are read and written by the rules of core/sync.h.
#include <atomic>
#include <ringway/lb_tables.hpp>
#include <thread>

#include "bpf/lb_frames.hpp"
#include "bpf/lb_native.hpp"
#include "bpf/lb_world.hpp"
#include "support/catch.hpp"

using namespace ringway;

namespace {

#if defined(__SANITIZE_THREAD__)
constexpr std::uint32_t updates = 200, packets = 40;
#else
constexpr std::uint32_t updates = 500, packets = 200;
#endif
constexpr std::uint32_t variants = 5;
constexpr lb_capacity capacity{.vips = 32, .rings = 32, .reals = 64, .connections = 256, .ring_size = 251};

std::vector<lb_vip> world(std::uint32_t variant, bool stateful) {
  std::vector<lb_vip> vips = test::lb_world(variant);
  for (lb_vip& v : vips) v.stateful = v.stateful && stateful;
  return vips;
}

struct outcome {
  rw_verdict verdict = 0;
  std::vector<std::uint8_t> packet;
  bool operator==(const outcome&) const = default;
};

outcome outcome_of(test::lb_native& native, const std::vector<std::uint8_t>& in) {
  const rw_verdict verdict = native.run(in);
  return {verdict, {native.packet().begin(), native.packet().end()}};
}

std::vector<std::vector<std::uint8_t>> some_packets() {
  test::lb_frames source(11, test::lb_world(0), {.clients = 50, .odd_one_in = 50});
  std::vector<std::vector<std::uint8_t>> all;
  while (all.size() < packets) {
    const auto frame = source.next();
    all.emplace_back(frame.begin(), frame.end());
  }
  return all;
}

/// expected[variant][packet], each in tables of its own that never change.
std::vector<std::vector<outcome>> expectations(const std::vector<std::vector<std::uint8_t>>& in) {
  std::vector<std::vector<outcome>> all(variants);
  for (std::uint32_t v = 0; v < variants; ++v) {
    lb_store store = lb_store::in_process(capacity);
    lb_tables tables(store, {}, [] {});
    tables.set_limits({.new_flows = 0, .answers = ~0u});
    test::lb_world_links(tables);
    tables.apply(world(v, false));
    test::lb_native native(store, test::lb_port, test::lb_flow_key);
    for (const auto& frame : in) all[v].push_back(outcome_of(native, frame));
  }
  return all;
}

/// Counts a reader's packets, so that the writer can wait until it holds nothing older.
struct alignas(64) reader {
  std::atomic<std::uint64_t> done{0};
  std::atomic<bool> gone{false};
};

void wait_for(std::vector<reader>& readers) {
  for (reader& r : readers) {
    const std::uint64_t seen = r.done.load();
    while (r.done.load() == seen && !r.gone.load()) std::this_thread::yield();
  }
}

/// Runs `updates` changes against two readers; each hands every packet's outcome to `check(before, after,
/// packet, outcome)`, with the number of the change that was shown before and after it.
template <class Check>
void run(bool stateful, Check check) {
  const auto in = some_packets();
  lb_store store = lb_store::in_process(capacity);
  std::vector<reader> readers(2);
  lb_tables tables(store, {}, [&] { wait_for(readers); });
  tables.set_limits({.new_flows = 0, .answers = ~0u});
  test::lb_world_links(tables);
  std::atomic<std::uint32_t> begun{0}, shown{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (reader& r : readers) r.gone = true;
  tables.apply(world(0, stateful));
  for (reader& r : readers) {
    r.gone = false;
    threads.emplace_back([&] {
      test::lb_native native(store, test::lb_port, test::lb_flow_key);
      for (std::size_t i = 0; !stop.load(); i = (i + 1) % in.size()) {
        const std::uint32_t before = shown.load();
        const outcome o = outcome_of(native, in[i]);
        const std::uint32_t after = begun.load();
        r.done.fetch_add(1);
        check(before, after, i, o);
      }
      r.gone = true;
    });
  }
  for (std::uint32_t u = 1; u <= updates; ++u) {
    begun = u;
    tables.apply(world(u % variants, stateful));
    shown = u;
    tables.set_tick(1 + u / 10);
    tables.sweep(0, ~0u);
    tables.set_alive(world(0, stateful)[0].reals[0].to, u % 3 != 0 || !stateful);
  }
  stop = true;
  for (std::thread& t : threads) t.join();
}

}  // namespace

TEST_CASE("under changes each packet meets the old or the new configuration", "[lb][threads]") {
  const auto in = some_packets();
  const auto expected = expectations(in);
  std::atomic<std::uint64_t> checked{0}, mixed{0};
  run(false, [&](std::uint32_t before, std::uint32_t after, std::size_t packet, const outcome& o) {
    bool good = false;
    for (std::uint32_t u = before; u <= after; ++u) good = good || expected[u % variants][packet] == o;
    mixed += !good;
    ++checked;
  });
  CAPTURE(checked.load(), mixed.load());
  CHECK(mixed == 0);
  CHECK(checked > updates);
}

TEST_CASE("with connections kept, every packet gets what some configuration says", "[lb][threads]") {
  const auto in = some_packets();
  const auto expected = expectations(in);
  std::atomic<std::uint64_t> checked{0}, odd{0};
  run(true, [&](std::uint32_t, std::uint32_t, std::size_t packet, const outcome& o) {
    // a flow's real is what the ring of some configuration said when its first packet came
    bool known = false;
    for (const auto& variant : expected) known = known || variant[packet] == o;
    odd += !known && o.verdict != RW_DROP(RW_LB_DROP_NO_NEIGHBOUR);  // has just been told dead
    ++checked;
  });
  CAPTURE(checked.load(), odd.load());
  CHECK(odd == 0);
}
