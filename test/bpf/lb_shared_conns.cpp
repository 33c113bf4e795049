// SPDX-License-Identifier: BSD-2-Clause
// lb_shared_conns [--packets N] [--object FILE]: both datapaths on one set of tables, the connection table
// above all. First, each frame goes to the kernel's program or to the native core as a coin falls; a second
// core, with tables of its own, sees all of them, and verdicts, bytes, reals, counters and the connection
// table must be what it has. Then both at once, from two threads: each enters half of the flows,
// the reals change, and both send all of them to where they went before. Exit: 0 equal, 1 not, 2
// usage, 77 no privilege.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <ringway/core/lb_tables.h>  // what the skeleton names

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "lb.skel.h"
#include "lb_flow_frame.hpp"
#include "lb_frames.hpp"
#include "lb_native.hpp"
#include "lb_world.hpp"
#include "test_run.hpp"

namespace ringway::test {
namespace {

const lb_capacity capacity{.connections = 1u << 14, .ring_size = 1021};

struct options {
  std::uint64_t packets = 200'000;
  std::string object = std::string(RINGWAY_BPF_DIR) + "/lb.bpf.o";
};

/// Told as the others are told; no limit that each CPU or worker counts for itself.
void tell(lb_tables& t) {
  t.set_limits({.new_flows = 0, .answers = 1u << 30});
  t.set_timeouts({.half_open = 100, .established = 200, .closing = 40});
  lb_world_links(t);
  t.apply(lb_world(0));
}

/// Tables in maps, and both ways into them.
class shared_tables {
 public:
  shared_tables(const options& o, const private_network& network)
      : store(lb_store::in_maps(capacity)),
        tables(store, {}, [this] { store.wait_for_programs(); }),
        core(store, lb_port, lb_flow_key),
        program_(o.object, "rw_lb"),
        ifindex_(network.ifindex(1)) {
    ::lb::lb__rodata constants{};
    constants.sizes = store.sizes(lb_port, lb_flow_key);
    program_.set_constants(constants);
    for (const lb_store::shared_map& m : store.maps()) program_.share_map(m.name, m.fd);
    program_.load();
    for (std::uint32_t port = 1; port <= 2; ++port) {
      const std::uint32_t ifindex = network.ifindex(port);
      if (bpf_map_update_elem(program_.map_fd("ports"), &port, &ifindex, 0) != 0)
        throw std::runtime_error("enter a port");
    }
    program_.attach(ifindex_);
    tell(tables);
  }
  std::uint32_t in_kernel(std::span<const std::uint8_t> in, std::vector<std::uint8_t>& out) const {
    return test_run(program_.fd(), in, {ifindex_, 0}, out);
  }

  lb_store store;
  lb_tables tables;
  lb_native core;

 private:
  bpf_program_file program_;
  std::uint32_t ifindex_;
};

std::uint32_t action_of(rw_verdict verdict) {
  if (verdict == RW_PUNT) return XDP_PASS;
  if (verdict == lb_port) return XDP_TX;
  return verdict == lb_other_port ? XDP_REDIRECT : XDP_DROP;
}

/// Runs natively, and counts what the ports' counters have no place for.
rw_verdict counted(lb_native& core, std::span<const std::uint8_t> in) {
  const rw_verdict verdict = core.run(in);
  rw_lb_count_drop(&core.local(), lb_port, verdict);
  return verdict;
}

// ---- one after the other ----

struct together {
  shared_tables& shared;
  difference_log& differences;
  lb_store store = lb_store::in_process(capacity);
  lb_tables tables{store, {}, [] {}};
  lb_native all{store, lb_port, lb_flow_key};
  std::uint64_t sides[2] = {};

  template <class F>
  void each(F f) {
    f(tables);
    f(shared.tables);
  }
  void one(std::span<const std::uint8_t> in, bool kernel) {
    const rw_verdict want = counted(all, in);
    std::vector<std::uint8_t> out;
    ++sides[kernel];
    bool good = true;
    if (kernel) {
      good = shared.in_kernel(in, out) == action_of(want);
    } else {
      good = counted(shared.core, in) == want && shared.core.record().real == all.record().real;
      out.assign(shared.core.packet().begin(), shared.core.packet().end());
    }
    if (!good || !std::ranges::equal(out, all.packet()))
      differences.add(kernel ? "kernel" : "core", fmt::format("verdict {:#x} of one alone", want), in,
                      all.packet(), out);
  }
  void compare_tables() {
    const rw_lb_memory &a = store.memory(), &b = shared.store.memory();
    if (std::memcmp(a.conns, b.conns, sizeof(rw_conn_bucket) * a.conn_count) != 0)
      differences.add("shared", "the connection tables", {}, {}, {});
  }
  /// What both have counted is what the one has.
  void compare_counters() {
    const rw_lb_local kernel = shared.store.counted();
    for (std::size_t i = 0; i < RW_LB_EVENT_COUNT; ++i)
      if (kernel.events[i] + shared.core.local().events[i] != all.local().events[i])
        differences.add("shared",
                        fmt::format("event {}: {} + {}, {} of one alone", i, kernel.events[i],
                                    shared.core.local().events[i], all.local().events[i]),
                        {}, {}, {});
    for (std::size_t i = 0; i < RW_LB_REASON_SLOTS; ++i)
      if (kernel.drops[lb_port][i] + shared.core.local().drops[lb_port][i] != all.local().drops[lb_port][i])
        differences.add("shared", fmt::format("drops for reason {}", i), {}, {}, {});
    const std::vector<rw_lb_traffic> theirs = shared.store.traffic();
    for (std::size_t i = 0; i < theirs.size(); ++i)
      if (theirs[i].packets + shared.core.traffic()[i].packets != all.traffic()[i].packets ||
          theirs[i].bytes + shared.core.traffic()[i].bytes != all.traffic()[i].bytes)
        differences.add("shared", fmt::format("the traffic of element {}", i), {}, {}, {});
  }
};

bool one_after_the_other(const options& o, shared_tables& shared, std::uint32_t& tick) {
  difference_log differences(false);
  together t{shared, differences};
  tell(t.tables);
  lb_frames frames(31, lb_world(0), {.clients = 400});
  for (std::uint64_t i = 0; i < o.packets; ++i) {
    if (i % 64 == 0) {
      tick += frames.random().below(3);
      t.each([&](lb_tables& x) { x.set_tick(tick); });
    }
    if (i % 4096 == 0) {
      t.compare_tables();
      t.each([&](lb_tables& x) { x.apply(lb_world(static_cast<std::uint32_t>(i / 4096) % 5)); });
    }
    t.one(frames.next(), frames.random().one_in(2));
  }
  t.compare_tables();
  t.compare_counters();
  const rw_lb_local kernel = shared.store.counted();
  fmt::print("lb_shared_conns: {} packets by the kernel, {} by the core, {} differ; hits {} and {}\n",
             t.sides[1], t.sides[0], differences.count(), kernel.events[RW_LB_CONN_HIT],
             shared.core.local().events[RW_LB_CONN_HIT]);
  const bool enough = kernel.events[RW_LB_CONN_HIT] > o.packets / 50 &&
                      shared.core.local().events[RW_LB_CONN_HIT] > o.packets / 50;
  if (!enough) fmt::print("FAILED: too few packets were of known flows\n");
  return enough && !differences.any();
}

// ---- both at once ----

constexpr std::uint32_t flows = 6000;

/// The outer destination of what was sent to a real by GUE over IPv4.
std::uint32_t outer_destination(std::span<const std::uint8_t> frame) {
  return frame.size() > 60 + 28 - 1 ? rw_load32(frame.data() + 30) : 0;
}

/// Where the flows went, from the core and from the kernel; 0: two packets of one went different ways, or
/// nowhere.
using destinations = std::array<std::vector<std::uint32_t>, 2>;

/// Sends flows from both sides at the same time, some times: each side its half of them, or each all of them.
destinations both_at_once(shared_tables& shared, bool halves) {
  constexpr std::uint32_t passes = 5;
  destinations went;
  const lb_vip service = lb_world(0)[1];
  const auto side = [&](bool kernel) {
    std::vector<std::uint32_t>& to = went[kernel];
    to.assign(flows, 0);
    std::vector<std::uint8_t> out;
    for (std::uint32_t i = 0; i < flows * passes; ++i) {
      const std::uint32_t flow = kernel ? i % flows : flows - 1 - i % flows;
      if (halves && flow % 2 != (kernel ? 1 : 0)) continue;
      const auto frame = flow_frame(flow, service.address, service.port);
      std::uint32_t now = 0;
      if (kernel) {
        const std::uint32_t action = shared.in_kernel(frame, out);
        if (action == XDP_TX || action == XDP_REDIRECT) now = outer_destination(out);
      } else if (shared.core.run(frame) < RW_PORTS_MAX) {
        now = outer_destination(shared.core.packet());
      }
      to[flow] = (i < flows || to[flow] == now) ? now : 0;
    }
  };
  std::thread kernel(side, true);
  side(false);
  kernel.join();
  return went;
}

/// Each side enters half of the flows; then reals change, and both are asked for all of them.
bool at_the_same_time(shared_tables& shared, std::uint32_t tick) {
  shared.tables.set_tick(tick + 1000);  // what was there has expired
  shared.tables.sweep(0, ~0u);
  shared.tables.apply(lb_world(0));
  const destinations first = both_at_once(shared, true);
  shared.tables.apply(lb_world(1));
  const std::vector<lb_vip> now = lb_world(1);
  const destinations second = both_at_once(shared, false);
  std::uint32_t stayed = 0, lost = 0, moved = 0, apart = 0;
  for (std::uint32_t f = 0; f < flows; ++f) {
    const std::uint32_t before = first[f % 2][f];
    const bool there = std::ranges::any_of(
        now[1].reals, [&](const lb_member& m) { return m.to.address.words[0] == before; });
    if (second[0][f] != second[1][f] || second[0][f] == 0 || before == 0) ++apart;
    ++(there ? stayed : lost);
    if (there) moved += second[0][f] != before || second[1][f] != before;
  }
  const std::uint64_t claimed = shared.tables.sweep(0, ~0u).claimed;
  fmt::print(
      "lb_shared_conns: both at once: {} flows whose real stayed, {} of them moved; {} had lost theirs; {} "
      "went two ways or nowhere; {} entries claimed\n",
      stayed, moved, lost, apart, claimed);
  if (stayed < flows / 2 || lost == 0) fmt::print("FAILED: the change of reals says nothing\n");
  return moved == 0 && apart == 0 && claimed == 0 && stayed >= flows / 2 && lost > 0;
}

int all(const options& o) {
  const private_network network;
  shared_tables shared(o, network);
  std::uint32_t tick = 100;
  const bool first = one_after_the_other(o, shared, tick);
  const bool second = at_the_same_time(shared, tick);
  return first && second ? 0 : 1;
}

}  // namespace
}  // namespace ringway::test

int main(int argc, char** argv) {
  using namespace ringway::test;
  options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--packets" && i + 1 < argc)
      o.packets = std::strtoull(argv[++i], nullptr, 10);
    else if (arg == "--object" && i + 1 < argc)
      o.object = argv[++i];
    else
      return std::fputs("usage: lb_shared_conns [--packets N] [--object FILE]\n", stderr), 2;
  }
  const char* ci = std::getenv("CI");
  try {
    return all(o);
  } catch (const no_privilege& e) {
    fmt::print(stderr, "lb_shared_conns: SKIPPED: {}\n", e.what());
    return ci != nullptr && std::string_view(ci) == "true" ? 1 : 77;
  } catch (const std::exception& e) {
    fmt::print(stderr, "lb_shared_conns: {}\n", e.what());
    return 1;
  }
}
