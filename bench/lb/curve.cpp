// SPDX-License-Identifier: BSD-2-Clause
// How full the connection table may be. Flows are established, one of ten reals is replaced, and every flow
// sends again: it should go where it went before, unless its real is gone.
#include <bpf/bpf.h>

#include <cerrno>
#include <cstdio>
#include <functional>
#include <ringway/error.hpp>

#include "bpf/lb_native.hpp"
#include "figures.hpp"
#include "kernel.hpp"

namespace ringway::lb_bench {
namespace {

constexpr std::uint32_t slots = 1u << 15, reals = 10;
const shape curve_shape{.flows = 2 * slots, .reals = reals};

/// A way through the balancer: the real's number that a flow's packet is sent to, and what was counted.
struct way {
  std::function<std::uint32_t(std::uint32_t flow)> send;
  std::function<rw_lb_local()> counted;
};

/// The destination's link address says the number.
std::uint32_t real_in(std::span<const std::uint8_t> frame) {
  if (frame.size() != LB_FRAME || frame[0] != 0x0a) throw error(EPROTO, "a packet was not sent to a real");
  return std::uint32_t{frame[4]} << 8 | frame[5];
}

nlohmann::json level(std::uint32_t percent, const way& go, lb_tables& tables) {
  const auto flows = static_cast<std::uint32_t>(std::uint64_t{slots} * percent / 100);
  std::vector<std::uint32_t> was(flows);
  for (std::uint32_t f = 0; f < flows; ++f) {
    go.send(f);  // the first packet of UDP establishes nothing
    was[f] = go.send(f);
  }
  const rw_lb_local filled = go.counted();
  const lb_occupancy seen = tables.sweep(0, ~0u);
  tables.apply(vips_of(curve_shape, 1));  // real 0 goes, real 10 comes
  std::uint32_t moved = 0, orphans = 0;
  for (std::uint32_t f = 0; f < flows; ++f) {
    const std::uint32_t now = go.send(f);
    if (was[f] == 0)
      ++orphans;
    else
      moved += now != was[f];
  }
  const std::uint64_t lost = flows - (seen.half_open + seen.established + seen.closing);
  const std::uint64_t counted =
      filled.events[RW_LB_CONN_EVICTED_LIVE] + filled.events[RW_LB_CONN_EVICTED_HALF];
  if (lost != counted)
    throw error(EPROTO, "{} flows lost their entry, {} evictions were counted", lost, counted);
  return {{"percent", percent},
          {"flows", flows},
          {"evicted_live", filled.events[RW_LB_CONN_EVICTED_LIVE]},
          {"evicted_half", filled.events[RW_LB_CONN_EVICTED_HALF]},
          {"of_removed_real", orphans},
          {"moved", moved}};
}

nlohmann::json in_kernel(std::uint32_t percent) {
  world w(curve_shape, {.connections = slots});
  kernel k(w, curve_shape, false);
  const way go{[&](std::uint32_t flow) {
                 const std::uint32_t action = k.one(target::ringway, flow);
                 if (action != XDP_REDIRECT) throw error(EPROTO, "flow {}: action {}", flow, action);
                 return real_in(k.packet());
               },
               [&] { return w.store.counted(); }};
  return level(percent, go, w.tables);
}

nlohmann::json native(std::uint32_t percent) {
  world w(curve_shape, {.connections = slots});
  test::lb_native core(w.store, in_port, flow_key);
  const lb_flows flows = flows_of(curve_shape);
  const way go{[&](std::uint32_t flow) {
                 std::array<std::uint8_t, LB_FRAME> frame;
                 lb_flow_write(frame.data(), &flows, flow);
                 if (core.run(frame) != out_port) throw error(EPROTO, "flow {}: not sent", flow);
                 return real_in(core.packet());
               },
               [&] { return core.local(); }};
  return level(percent, go, w.tables);
}

}  // namespace

nlohmann::json table(const effort&) {
  nlohmann::json curve = {{"slots", slots}, {"reals", reals}};
  for (const std::uint32_t percent : {25u, 50u, 60u, 70u, 75u, 80u, 85u, 90u, 95u, 100u, 125u}) {
    std::fprintf(stderr, "lb-figures: table: %u %% full\n", percent);
    curve["xdp"].push_back(in_kernel(percent));
    curve["afxdp"].push_back(native(percent));
  }
  return curve;
}

}  // namespace ringway::lb_bench
