// SPDX-License-Identifier: BSD-2-Clause
// differ_lb [--packets N] [--seed S] [--object FILE] [--stop] [--no-tally] [--native-only]: the same frames
// through the load balancer's program in the kernel and through its core compiled natively, each with tables
// of its own that are told the same. After every frame verdict, bytes, the chosen real and all counters must
// agree, and at every change of the configuration the connection tables, byte for byte. Fails also when an
// outcome occurred less than `enough` times. Exit: 0 equal, 1 not, 2 usage, 77 no privilege.
// N is 1,000,000, or 10,000,000 under RINGWAY_LONG=1.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <ringway/core/lb_tables.h>  // what the skeleton names
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <ringway/error.hpp>
#include <span>

#include "lb.skel.h"
#include "lb_frames.hpp"
#include "lb_native.hpp"
#include "lb_world.hpp"
#include "test_run.hpp"

namespace ringway::test {
namespace {

constexpr std::uint64_t enough = 300;
constexpr std::uint32_t present = 1u << lb_port | 1u << lb_other_port;

struct options {
  std::uint64_t packets = 1'000'000, seed = 1;
  std::string object;
  bool stop = false, tally = true, native_only = false;
};

/// How the tables are sized, and how crowded they get.
struct variant {
  const char* name;
  lb_capacity capacity;
  std::uint32_t clients;
  std::uint32_t flow_limit;
};

constexpr std::uint32_t small_ring = 1021;
const variant variants[] = {
    {"empty table", {.connections = 1u << 20, .ring_size = 65537}, 60'000, 0},
    {"many hits", {.connections = 1u << 14, .ring_size = small_ring}, 40, 0},
    {"full table", {.connections = 256, .ring_size = small_ring}, 25, 0},
    {"flood gate", {.connections = 1024, .ring_size = 251}, 300, 20},
    {"no table", {.connections = 0, .ring_size = 131071}, 500, 0},
};

const char* const stage_names[] = {"none", "parse", "pick", "inner", "l2",      "ipip",
                                   "gue",  "arp",   "nd",   "echo",  "too_big", "reset"};
const char* const reason_names[] = {
#define RW_X(suffix, name, text) name,
    RW_LB_REASONS(RW_X)
#undef RW_X
};
const char* const event_names[] = {
#define RW_X(suffix, name, text) name,
    RW_LB_EVENTS(RW_X)
#undef RW_X
};

/// A per-CPU map of `elements` values, of the only CPU that this process runs on.
class cpu_map {
 public:
  cpu_map(int fd, std::size_t value_size, std::uint32_t cpu)
      : fd_(fd),
        size_(value_size),
        cpu_(cpu),
        all_(value_size * static_cast<std::size_t>(libbpf_num_possible_cpus())) {}
  const void* read(std::uint32_t element = 0) {
    if (bpf_map_lookup_elem(fd_, &element, all_.data()) != 0) throw std::runtime_error("read a per-CPU map");
    return all_.data() + cpu_ * size_;
  }

 private:
  int fd_;
  std::size_t size_;
  std::uint32_t cpu_;
  std::vector<std::uint8_t> all_;
};

std::uint32_t stay_on_one_cpu() {
  const auto cpu = static_cast<std::uint32_t>(sched_getcpu());
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  if (sched_setaffinity(0, sizeof(one), &one) != 0) throw std::runtime_error("stay on one CPU");
  return cpu;
}

/// One side's tables, told what the other's are told.
struct tables_of {
  lb_store store;
  lb_tables tables;
  explicit tables_of(lb_store s) : store(std::move(s)), tables(store, {}, [] {}) {}
};

class kernel_side {
 public:
  kernel_side(const options& o, const variant& v, const private_network& network, std::uint32_t cpu)
      : sides_(lb_store::in_maps(v.capacity)), program_(o.object, "rw_lb"), network_(network) {
    lb::lb__rodata constants{};
    constants.sizes = sides_.store.sizes(lb_port, lb_flow_key);
    program_.set_constants(constants);
    for (const lb_store::shared_map& m : sides_.store.maps()) program_.share_map(m.name, m.fd);
    program_.load();
    for (std::uint32_t port = 1; port <= 2; ++port) {
      const std::uint32_t ifindex = network.ifindex(port);
      if (bpf_map_update_elem(program_.map_fd("ports"), &port, &ifindex, 0) != 0)
        throw std::runtime_error("enter a port");
    }
    program_.attach(network.ifindex(1));
    counters_.emplace(program_.map_fd("counters"));
    local_.emplace(program_.map_fd("lb_local"), sizeof(rw_lb_local), cpu);
    record_.emplace(program_.map_fd("lb_record"), sizeof(rw_lb_packet), cpu);
    traffic_.emplace(program_.map_fd("lb_traffic"), sizeof(rw_lb_traffic), cpu);
  }

  lb_tables& tables() { return sides_.tables; }
  const rw_lb_memory& memory() const { return sides_.store.memory(); }
  std::uint32_t run(std::span<const std::uint8_t> in) {
    return test_run(program_.fd(), in, {network_.ifindex(1), 0}, out_);
  }
  std::span<const std::uint8_t> packet() const { return out_; }
  const rw_counters& counters() { return counters_->read(); }
  const rw_lb_local& local() { return *static_cast<const rw_lb_local*>(local_->read()); }
  const rw_lb_packet& record() { return *static_cast<const rw_lb_packet*>(record_->read()); }
  const rw_lb_traffic& traffic(std::uint32_t i) {
    return *static_cast<const rw_lb_traffic*>(traffic_->read(i));
  }

 private:
  tables_of sides_;
  bpf_program_file program_;
  const private_network& network_;
  std::optional<counters_reader> counters_;
  std::optional<cpu_map> local_, record_, traffic_;
  std::vector<std::uint8_t> out_;
};

/// All that a run counts, over its variants.
struct report {
  difference_log differences;
  std::map<std::string, std::uint64_t> seen;
  std::uint64_t compared = 0;
};

class run {
 public:
  run(const options& o, const variant& v, const private_network* network, std::uint32_t cpu, report& r)
      : v_(v),
        report_(r),
        here_(lb_store::in_process(v.capacity)),
        native_(here_.store, lb_port, lb_flow_key),
        frames_(o.seed + v.clients, lb_world(0), {.clients = v.clients}) {
    if (network != nullptr) kernel_.emplace(o, v, *network, cpu);
    each([&](lb_tables& t) {
      t.set_limits({.new_flows = v.flow_limit, .answers = 50});
      t.set_timeouts({.half_open = 100, .established = 200, .closing = 40});
      lb_world_links(t);
    });
  }

  void packets(std::uint64_t n) {
    std::uint32_t tick = 100;
    for (std::uint64_t i = 0; i < n; ++i) {
      if (i % 4096 == 0) change(static_cast<std::uint32_t>(i / 4096));
      if (i % 64 == 0 && frames_.random().one_in(2)) {
        tick += frames_.random().one_in(200) ? 30'000 : frames_.random().below(3);
        each([&](lb_tables& t) { t.set_tick(tick); });
      }
      if (i % 512 == 0) flap();
      one(frames_.next());
    }
    compare_tables();
    tally_events();
  }

 private:
  template <class F>
  void each(F f) {
    f(here_.tables);
    if (kernel_) f(kernel_->tables());
  }
  void change(std::uint32_t number) {
    compare_tables();
    each([&](lb_tables& t) {
      t.apply(lb_world(number % 5));
      t.sweep(0, number % 3 == 0 ? ~0u : 0);
    });
  }
  /// A next hop comes and goes.
  void flap() {
    const std::vector<lb_vip> world = lb_world(0);
    const lb_vip& vip = world[frames_.random().below(static_cast<std::uint32_t>(world.size()))];
    if (vip.reals.empty()) return;
    const bool alive = !frames_.random().one_in(3);
    each([&](lb_tables& t) { t.set_alive(vip.reals.front().to, alive); });
  }

  void one(std::span<const std::uint8_t> in) {
    const rw_verdict verdict = native_.run(in);
    std::uint32_t action = 0;
    if (rw_lb_count_drop(&native_.local(), lb_port, verdict)) {
      action = XDP_DROP;
      ++expected_.port[lb_port].rx_packets;
      expected_.port[lb_port].rx_bytes += in.size();
    } else {
      action = expected_action(expected_, lb_port, verdict, in.size(), present);
      if (action == XDP_TX || action == XDP_REDIRECT)  // what leaves may be longer than what came
        expected_.port[verdict].tx_bytes += native_.packet().size() - in.size();
    }
    note(verdict);
    if (kernel_) compare(in, action);
  }

  void note(rw_verdict verdict) {
    const std::uint32_t stage = native_.stage();
    std::string what = verdict == RW_PUNT ? "passed" : verdict <= RW_PORT_LAST ? stage_names[stage] : "";
    if (verdict >= RW_DROP_BASE && verdict != RW_PUNT) {
      const std::uint32_t reason = verdict - RW_DROP_BASE;
      what = reason >= RW_REASON_NF ? fmt::format("drop {}", reason_names[reason - RW_REASON_NF])
                                    : fmt::format("drop {}", reason);
    }
    ++report_.seen[what];
  }

  void compare(std::span<const std::uint8_t> in, std::uint32_t action) {
    ++report_.compared;
    const std::uint32_t kernel = kernel_->run(in);
    note_way(kernel_->record());
    const auto differs = [&](const std::string& what) {
      report_.differences.add(v_.name, what, in, native_.packet(), kernel_->packet());
    };
    if (kernel != action)
      differs(fmt::format("action {} natively, {} in the kernel", action, kernel));
    else if (!std::ranges::equal(kernel_->packet(), native_.packet()))
      differs("bytes");
    else if (was_sent() && !same_traffic(native_.env().sizes->traffic_vips + native_.record().real))
      differs(fmt::format("the traffic of real {}, which is the native choice", native_.record().real));
    if (const rw_counters& now = kernel_->counters(); std::memcmp(&now, &expected_, sizeof(now)) != 0)
      differs("the ports' counters"), expected_ = now;
    if (const rw_lb_local& now = kernel_->local(); std::memcmp(&now, &native_.local(), sizeof(now)) != 0)
      differs("counters: " + first_difference(now)), native_.local() = now;
  }

  bool was_sent() const { return native_.stage() >= RW_STAGE_L2 && native_.stage() <= RW_STAGE_GUE; }

  /// What left without having touched the record went the short way. The native side has only the long one.
  void note_way(const rw_lb_packet& now) {
    const auto bytes = [](const rw_lb_packet& r) { return std::as_bytes(std::span(&r, 1)); };
    if (was_sent() && std::ranges::equal(bytes(now), bytes(record_))) ++report_.seen["the short way"];
    record_ = now;
  }

  bool same_traffic(std::uint32_t i) {
    return std::memcmp(&native_.traffic()[i], &kernel_->traffic(i), sizeof(rw_lb_traffic)) == 0;
  }

  std::string first_difference(const rw_lb_local& now) {
    for (std::size_t i = 0; i < RW_LB_EVENT_COUNT; ++i) {
      const std::uint64_t here = native_.local().events[i];
      if (now.events[i] != here)
        return fmt::format("{}: {} natively, {} in the kernel", event_names[i], here, now.events[i]);
    }
    return "a drop or a gate";
  }

  /// Both connection tables hold the same in the same places, and VIPs and reals have had the same traffic.
  void compare_tables() {
    if (!kernel_) return;
    const rw_lb_memory &a = here_.store.memory(), &b = kernel_->memory();
    if (std::memcmp(a.conns, b.conns, sizeof(rw_conn_bucket) * a.conn_count) != 0)
      report_.differences.add(v_.name, "the connection tables", {}, {}, {});
    for (std::uint32_t i = 0; i < native_.traffic().size(); ++i)
      if (!same_traffic(i))
        report_.differences.add(v_.name, fmt::format("the traffic of element {}", i), {}, {}, {});
  }
  void tally_events() {
    for (std::size_t i = 0; i < RW_LB_EVENT_COUNT; ++i)
      report_.seen[fmt::format("event {}", event_names[i])] += native_.local().events[i];
  }

  const variant& v_;
  report& report_;
  tables_of here_;
  lb_native native_;
  lb_frames frames_;
  std::optional<kernel_side> kernel_;
  rw_counters expected_{};
  rw_lb_packet record_{};
};

/// What has to occur; and what cannot, with the reason.
bool tally(const report& r, bool must) {
  std::vector<std::string> wanted = {"passed"};
  if (r.compared != 0) wanted.emplace_back("the short way");
  for (const char* s : {"l2", "ipip", "gue", "arp", "nd", "echo", "too_big", "reset"}) wanted.emplace_back(s);
  for (const std::string_view d : reason_names) {
    if (d != "no_room" && d != "no_checksum" && d != "late_pass") wanted.push_back(fmt::format("drop {}", d));
  }
  for (const char* e : event_names)
    if (std::string_view(e) != "conn_busy") wanted.push_back(fmt::format("event {}", e));
  fmt::print("{:>9}  outcome\n", "packets");
  for (const auto& [name, count] : r.seen) fmt::print("{:>9}  {}\n", count, name);
  fmt::print(
      "unreached: no_room (TEST_RUN gives 256 bytes before and a page after), no_checksum (one fragment), "
      "late_pass (userspace), conn_busy (one CPU)\n");
  bool good = true;
  for (const std::string& name : wanted) {
    const auto at = r.seen.find(name);
    const std::uint64_t count = at == r.seen.end() ? 0 : at->second;
    if (count >= enough || !must) continue;
    fmt::print("FAILED: '{}' occurred {} times, {} wanted\n", name, count, enough);
    good = false;
  }
  return good;
}

int all(const options& o) {
  fmt::print("differ_lb: {} packets, seed {}\n", o.packets, o.seed);
  std::optional<private_network> network;
  if (!o.native_only) network.emplace();
  const std::uint32_t cpu = stay_on_one_cpu();
  report r{difference_log(o.stop), {}, 0};
  for (const variant& v : variants)
    run(o, v, network ? &*network : nullptr, cpu, r).packets(o.packets / std::size(variants));
  const bool reached = tally(r, o.tally);
  fmt::print("differ_lb: {} packets compared with the kernel, {} differ\n", r.compared,
             r.differences.count());
  return reached && !r.differences.any() ? 0 : 1;
}

bool parse(options& o, int argc, char** argv) {
  o.object = std::string(RINGWAY_BPF_DIR) + "/lb.bpf.o";
  if (const char* longer = std::getenv("RINGWAY_LONG"); longer != nullptr && std::string_view(longer) == "1")
    o.packets *= 10;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--stop")
      o.stop = true;
    else if (arg == "--no-tally")
      o.tally = false;
    else if (arg == "--native-only")
      o.native_only = true;
    else if (i + 1 < argc && arg == "--packets")
      o.packets = std::strtoull(argv[++i], nullptr, 10);
    else if (i + 1 < argc && arg == "--seed")
      o.seed = std::strtoull(argv[++i], nullptr, 10);
    else if (i + 1 < argc && arg == "--object")
      o.object = argv[++i];
    else
      return false;
  }
  return o.packets > 0;
}

}  // namespace
}  // namespace ringway::test

int main(int argc, char** argv) {
  using namespace ringway::test;
  options o;
  if (!parse(o, argc, argv)) {
    std::fputs(
        "usage: differ_lb [--packets N] [--seed S] [--object FILE] [--stop] [--no-tally] [--native-only]\n",
        stderr);
    return 2;
  }
  const char* ci = std::getenv("CI");
  const int skip = ci != nullptr && std::string_view(ci) == "true" ? 1 : 77;
  try {
    return all(o);
  } catch (const stopped&) {
    return 1;
  } catch (const no_privilege& e) {
    fmt::print(stderr, "differ_lb: SKIPPED: {}\n", e.what());
    return skip;
  } catch (const std::exception& e) {
    fmt::print(stderr, "differ_lb: {}\n", e.what());
    return 1;
  }
}
