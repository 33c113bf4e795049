// SPDX-License-Identifier: BSD-2-Clause
// differ_lb_ends [--packets N] [--steer FILE] [--decap FILE] [--stop]: the two programs at the balancer's
// ends against the native core. Steering passes to the kernel exactly what the balancer calls not its own.
// What the balancer has encapsulated, as it is, cut and changed, comes out of the decapsulating program as
// out of the core. Exit: 0 equal, 1 not, 2 usage, 77 no privilege.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <ringway/core/decap.h>
#include <ringway/core/lb_tables.h>  // what the skeletons name

#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>

#include "decap.skel.h"
#include "lb_frames.hpp"
#include "lb_native.hpp"
#include "lb_redirect.skel.h"
#include "lb_world.hpp"
#include "test_run.hpp"

namespace ringway::test {
namespace {

constexpr std::uint64_t enough = 100;
const lb_capacity capacity{.connections = 4096, .ring_size = 1021};
const lb_keys keys{};

struct options {
  std::uint64_t packets = 300'000;
  std::string steer = std::string(RINGWAY_BPF_DIR) + "/lb_redirect.bpf.o";
  std::string decap = std::string(RINGWAY_BPF_DIR) + "/decap.bpf.o";
  bool stop = false;
};

struct report {
  difference_log differences;
  std::map<std::string, std::uint64_t> seen;
};

/// The steering program of a port without a socket: what it would send there is `unserved_queue`.
class steering {
 public:
  steering(const options& o, const private_network& network)
      : store_(lb_store::in_maps(capacity)),
        tables_(store_, keys, [] {}),
        program_(o.steer, "rw_lb_redirect"),
        ifindex_(network.ifindex(1)) {
    lb_redirect::lb_redirect__rodata constants{};
    constants.sizes = store_.sizes(lb_port, lb_flow_key);
    program_.set_constants(constants);
    for (const lb_store::shared_map& m : store_.maps())
      if (program_.has_map(m.name)) program_.share_map(m.name, m.fd);
    program_.load();
    program_.attach(ifindex_);
    counters_.emplace(program_.map_fd("counters"));
    lb_world_links(tables_);
    tables_.apply(lb_world(0));
  }

  /// Empty, or what differs.
  std::string run(std::span<const std::uint8_t> in, bool ours) {
    ++(ours ? expected_.port[lb_port].unserved_queue : expected_.port[lb_port].passed);
    const std::uint32_t action = test_run(program_.fd(), in, {ifindex_, 0}, out_);
    const rw_counters now = counters_->read();
    const bool good = std::memcmp(&now, &expected_, sizeof(now)) == 0;
    expected_ = now;
    if (action != XDP_PASS) return fmt::format("action {}", action);
    if (!good)
      return ours ? "the balancer's, but passed to the kernel" : "not the balancer's, but steered to it";
    return std::ranges::equal(out_, in) ? "" : "bytes";
  }

 private:
  lb_store store_;
  lb_tables tables_;
  bpf_program_file program_;
  std::uint32_t ifindex_;
  std::optional<counters_reader> counters_;
  rw_counters expected_{};
  std::vector<std::uint8_t> out_;
};

class decapsulation {
 public:
  decapsulation(const options& o, const private_network& network, report& r)
      : program_(o.decap, "rw_decap"), ifindex_(network.ifindex(2)), report_(r) {
    config_.addr4 = RW_BE32(0x0a000001);
    config_.addr6[0] = RW_BE32(0xfc000000), config_.addr6[3] = RW_BE32(1);
    config_.gue_port = RW_BE16(6080);
    config_.flags = RW_DECAP_ANY6;  // over IPv4 one address, over IPv6 any
    decap::decap__rodata constants{};
    constants.decap = config_;
    program_.set_constants(constants);
    program_.load();
    program_.attach(ifindex_);
  }

  void run(std::span<const std::uint8_t> in) {
    const std::span<std::uint8_t> p = guarded_.copy(in);
    __u32 take = 0;
    const rw_verdict verdict =
        rw_decap_process(&config_, p.data(), p.data() + p.size(), static_cast<__u32>(p.size()), &take);
    ++report_.seen[verdict != RW_PUNT ? "decap dropped" : take != 0 ? "decap taken" : "decap left"];
    const std::uint32_t action = test_run(program_.fd(), in, {ifindex_, 0}, out_);
    const auto native = std::span<const std::uint8_t>(p).subspan(take);
    if (action != (verdict == RW_PUNT ? XDP_PASS : XDP_DROP))
      report_.differences.add("decap", fmt::format("verdict {:#x} natively, action {}", verdict, action), in,
                              native, out_);
    else if (!std::ranges::equal(native, out_))
      report_.differences.add("decap", "bytes", in, native, out_);
  }

 private:
  bpf_program_file program_;
  std::uint32_t ifindex_;
  report& report_;
  rw_decap config_{};
  guarded_packet guarded_;
  std::vector<std::uint8_t> out_;
};

/// Sometimes as it is; else cut, or with a byte or the outer ECN changed.
void disturb(std::vector<std::uint8_t>& frame, random_source& random) {
  switch (random.below(5)) {
    case 0:
      frame.resize(14 + random.below(static_cast<std::uint32_t>(frame.size() - 13)));
      break;
    case 1:
      frame[12 + random.below(std::min<std::uint32_t>(70, static_cast<std::uint32_t>(frame.size()) - 12))] ^=
          static_cast<std::uint8_t>(1u << random.below(8));
      break;
    case 2:
      frame[15] |= frame[13] == 0 ? 3 : 0x30;
      break;  // IPv4: byte 1; IPv6: the second half of traffic class
    default:
      break;
  }
}

int all(const options& o) {
  const private_network network;
  report r{difference_log(o.stop), {}};
  lb_store store = lb_store::in_process(capacity);
  lb_tables tables(store, keys, [] {});
  lb_world_links(tables);
  tables.apply(lb_world(0));
  lb_native native(store, lb_port, lb_flow_key);
  steering steer(o, network);
  decapsulation decap(o, network, r);
  lb_frames frames(21, lb_world(0), {.clients = 300});
  for (std::uint64_t i = 0; i < o.packets; ++i) {
    const auto frame = frames.next();
    const std::vector<std::uint8_t> in(frame.begin(), frame.end());
    const rw_verdict verdict = native.run(in);
    ++r.seen[verdict == RW_PUNT ? "passed" : "steered"];
    if (const std::string what = steer.run(in, verdict != RW_PUNT); !what.empty())
      r.differences.add("steering", what, in, in, in);
    std::vector<std::uint8_t> sent(native.packet().begin(), native.packet().end());
    disturb(sent, frames.random());
    decap.run(sent);
  }
  bool good = true;
  for (const char* what : {"passed", "steered", "decap taken", "decap left", "decap dropped"}) {
    fmt::print("{:>9}  {}\n", r.seen[what], what);
    if (r.seen[what] < enough)
      good = false, fmt::print("FAILED: '{}' occurred {} times\n", what, r.seen[what]);
  }
  fmt::print("differ_lb_ends: {} packets, {} differ\n", o.packets, r.differences.count());
  return good && !r.differences.any() ? 0 : 1;
}

}  // namespace
}  // namespace ringway::test

int main(int argc, char** argv) {
  using namespace ringway::test;
  options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--stop")
      o.stop = true;
    else if (arg == "--packets" && i + 1 < argc)
      o.packets = std::strtoull(argv[++i], nullptr, 10);
    else if (arg == "--steer" && i + 1 < argc)
      o.steer = argv[++i];
    else if (arg == "--decap" && i + 1 < argc)
      o.decap = argv[++i];
    else {
      std::fputs("usage: differ_lb_ends [--packets N] [--steer FILE] [--decap FILE] [--stop]\n", stderr);
      return 2;
    }
  }
  const char* ci = std::getenv("CI");
  try {
    return all(o);
  } catch (const stopped&) {
    return 1;
  } catch (const no_privilege& e) {
    fmt::print(stderr, "differ_lb_ends: SKIPPED: {}\n", e.what());
    return ci != nullptr && std::string_view(ci) == "true" ? 1 : 77;
  } catch (const std::exception& e) {
    fmt::print(stderr, "differ_lb_ends: {}\n", e.what());
    return 1;
  }
}
