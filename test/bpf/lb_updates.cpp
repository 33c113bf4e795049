// SPDX-License-Identifier: BSD-2-Clause
// lb_updates [--updates N] [--object FILE]: the program in the kernel on one CPU while its configuration
// changes on the other. What becomes of each packet is what the old or the new configuration says, recomputed
// by the native core in tables of its own: never a mixture. Then the same with flows kept, where it must be
// what some configuration says. N is 1,000, or 100,000 under RINGWAY_LONG=1.
// Exit: 0 so it is, 1 not, 2 usage, 77 no privilege.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <ringway/core/lb_tables.h>  // what the skeleton names
#include <sched.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "lb.skel.h"
#include "lb_frames.hpp"
#include "lb_native.hpp"
#include "lb_world.hpp"
#include "test_run.hpp"

namespace ringway::test {
namespace {

constexpr std::uint32_t variants = 5, packets = 300;
const lb_capacity capacity{.vips = 32, .rings = 32, .reals = 64, .connections = 256, .ring_size = 1021};
const lb_keys keys{};
const lb_limits limits{.new_flows = 0, .answers = ~0u};

std::vector<lb_vip> world(std::uint32_t variant, bool stateful) {
  std::vector<lb_vip> vips = lb_world(variant);
  for (lb_vip& v : vips) v.stateful = v.stateful && stateful;
  return vips;
}

/// Without ports that are not there: the program's action for them is a drop like any other.
struct outcome {
  std::uint32_t action = 0;
  std::vector<std::uint8_t> packet;
  bool operator==(const outcome&) const = default;
};

std::uint32_t action_of(rw_verdict verdict) {
  if (verdict == RW_PUNT) return XDP_PASS;
  if (verdict == lb_port) return XDP_TX;
  return verdict == lb_other_port ? XDP_REDIRECT : XDP_DROP;
}

using frames = std::vector<std::vector<std::uint8_t>>;

frames some_frames() {
  lb_frames source(17, lb_world(0), {.clients = 60, .odd_one_in = 50});
  frames all;
  while (all.size() < packets) {
    const auto frame = source.next();
    all.emplace_back(frame.begin(), frame.end());
  }
  return all;
}

/// expected[variant][frame]
std::vector<std::vector<outcome>> expectations(const frames& in) {
  std::vector<std::vector<outcome>> all(variants);
  for (std::uint32_t v = 0; v < variants; ++v) {
    lb_store store = lb_store::in_process(capacity);
    lb_tables tables(store, keys, [] {});
    tables.set_limits(limits);
    lb_world_links(tables);
    tables.apply(world(v, false));
    lb_native native(store, lb_port, lb_flow_key);
    for (const auto& frame : in) {
      const rw_verdict verdict = native.run(frame);
      all[v].push_back({action_of(verdict), {native.packet().begin(), native.packet().end()}});
    }
  }
  return all;
}

void stay_on(std::uint32_t cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  (void)sched_setaffinity(0, sizeof(one), &one);  // on a machine of one CPU they alternate
}

class changing {
 public:
  changing(const std::string& object, const private_network& network, bool stateful)
      : stateful_(stateful),
        ifindex_(network.ifindex(1)),
        store_(lb_store::in_maps(capacity)),
        tables_(store_, keys, [this] { store_.wait_for_programs(); }),
        program_(object, "rw_lb") {
    lb::lb__rodata constants{};
    constants.sizes = store_.sizes(lb_port, lb_flow_key);
    program_.set_constants(constants);
    for (const lb_store::shared_map& m : store_.maps()) program_.share_map(m.name, m.fd);
    program_.load();
    for (std::uint32_t port = 1; port <= 2; ++port) {
      const std::uint32_t ifindex = network.ifindex(port);
      if (bpf_map_update_elem(program_.map_fd("ports"), &port, &ifindex, 0) != 0)
        throw std::runtime_error("enter a port");
    }
    program_.attach(ifindex_);
    tables_.set_limits(limits);
    lb_world_links(tables_);
    tables_.apply(world(0, stateful_));
  }

  /// How many packets were neither; `ran` is how many there were.
  std::uint64_t run(std::uint32_t updates, const frames& in,
                    const std::vector<std::vector<outcome>>& expected, std::uint64_t& ran) {
    std::atomic<std::uint32_t> begun{0}, shown{0};
    std::atomic<bool> stop{false};
    std::uint64_t wrong = 0;
    std::thread traffic([&] {
      stay_on(1);
      for (std::size_t i = 0; !stop.load(); i = (i + 1) % in.size()) {
        outcome o;
        const std::uint32_t before = stateful_ ? 0 : shown.load();
        o.action = test_run(program_.fd(), in[i], {ifindex_, 0}, o.packet);
        const std::uint32_t after = stateful_ ? variants - 1 : begun.load();
        bool good = false;
        for (std::uint32_t u = before; u <= after; ++u) good = good || expected[u % variants][i] == o;
        if (!good && wrong++ < 3)
          fmt::print("frame {}: action {}, {} bytes, between changes {} and {}\n", i, o.action,
                     o.packet.size(), before, after);
        ++ran;
      }
    });
    stay_on(0);
    for (std::uint32_t u = 1; u <= updates; ++u) {
      begun = u;
      tables_.apply(world(u % variants, stateful_));
      shown = u;
      tables_.set_tick(1 + u / 20);
    }
    stop = true;
    traffic.join();
    return wrong;
  }

 private:
  bool stateful_;
  std::uint32_t ifindex_;
  lb_store store_;
  lb_tables tables_;
  bpf_program_file program_;
};

int all(const std::string& object, std::uint32_t updates) {
  const private_network network;
  const frames in = some_frames();
  const auto expected = expectations(in);
  bool good = true;
  for (const bool stateful : {false, true}) {
    changing c(object, network, stateful);
    std::uint64_t ran = 0;
    const std::uint32_t n = stateful ? updates / 2 : updates;
    const std::uint64_t wrong = c.run(n, in, expected, ran);
    fmt::print("lb_updates: {}: {} changes under {} packets, {} of neither configuration\n",
               stateful ? "flows kept" : "no flows kept", n, ran, wrong);
    good = good && wrong == 0 && ran > n;
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace ringway::test

int main(int argc, char** argv) {
  using namespace ringway::test;
  std::string object = std::string(RINGWAY_BPF_DIR) + "/lb.bpf.o";
  const char* longer = std::getenv("RINGWAY_LONG");
  std::uint32_t updates = longer != nullptr && std::string_view(longer) == "1" ? 100'000 : 1000;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view arg = argv[i];
    if (i + 1 < argc && arg == "--updates")
      updates = static_cast<std::uint32_t>(std::strtoul(argv[i + 1], nullptr, 10));
    else if (i + 1 < argc && arg == "--object")
      object = argv[i + 1];
    else {
      std::fputs("usage: lb_updates [--updates N] [--object FILE]\n", stderr);
      return 2;
    }
  }
  const char* ci = std::getenv("CI");
  try {
    return all(object, updates);
  } catch (const no_privilege& e) {
    fmt::print(stderr, "lb_updates: SKIPPED: {}\n", e.what());
    return ci != nullptr && std::string_view(ci) == "true" ? 1 : 77;
  } catch (const std::exception& e) {
    fmt::print(stderr, "lb_updates: {}\n", e.what());
    return 1;
  }
}
