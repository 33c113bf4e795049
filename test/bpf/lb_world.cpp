// SPDX-License-Identifier: BSD-2-Clause
#include "lb_world.hpp"

#include <fmt/format.h>

namespace ringway::test {
namespace {

/// How the reals of a VIP are reached: their family, and what goes into each.
struct way {
  std::uint8_t family;
  rw_lb_method method;
  std::uint8_t flags = 0;
  std::uint16_t mtu = 0, vlan = 0;
};

lb_destination real(const way& w, std::uint32_t n) {
  lb_destination d;
  d.address = ip_address::parse(w.family == 4 ? fmt::format("10.0.0.{}", n) : fmt::format("fc00::{:x}", n));
  d.method = w.method;
  d.flags = w.flags;
  d.mtu = w.mtu;
  d.vlan = w.vlan;
  if (w.method != RW_METHOD_L2)
    d.source = ip_address::parse(w.family == 4 ? "172.16.1.2" : "fc00:2307::1337");
  if ((w.flags & RW_REAL_SUM_FULL) != 0) d.gue_port = 9886;
  return d;
}

lb_vip vip(const char* address, std::uint16_t port, std::uint8_t protocol, const way& w, std::uint32_t first,
           std::uint32_t count, std::uint32_t variant) {
  lb_vip v;
  v.address = ip_address::parse(address);
  v.port = port;
  v.protocol = protocol;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t n = first + (i + variant) % (count + 1);
    v.reals.push_back({real(w, n), 1 + (n + variant) % 3});
  }
  return v;
}

constexpr std::uint8_t tcp = RW_IP_TCP, udp = RW_IP_UDP;
constexpr way ipip4{4, RW_METHOD_IPIP}, ipip6{6, RW_METHOD_IPIP}, gue4{4, RW_METHOD_GUE},
    gue6{6, RW_METHOD_GUE}, l2_4{4, RW_METHOD_L2}, l2_6{6, RW_METHOD_L2};
constexpr way ipip6_keep{6, RW_METHOD_IPIP, RW_REAL_TTL_KEEP}, ipip4_df{4, RW_METHOD_IPIP, RW_REAL_DF_COPY},
    gue4_full{4, RW_METHOD_GUE, RW_REAL_SUM_FULL | RW_REAL_ENTROPY},
    gue6_full{6, RW_METHOD_GUE, RW_REAL_SUM_FULL}, gue6_zero{6, RW_METHOD_GUE, RW_REAL_SUM_ZERO, 1300},
    l2_vlan{4, RW_METHOD_L2, 0, 0, 0x2064};

}  // namespace

std::vector<lb_vip> lb_world(std::uint32_t variant) {
  std::vector<lb_vip> v;
  v.push_back(vip("10.200.1.1", 80, tcp, ipip4, 1, 3, variant));
  v.push_back(vip("10.200.1.1", 80, udp, gue4, 1, 5, variant));
  v.push_back(vip("10.200.1.2", 0, tcp, gue6, 1, 4, variant));
  v.back().hash = RW_FLOW_NO_DST_PORT;
  v.push_back(vip("10.200.1.3", 80, tcp, ipip6_keep, 1, 3, variant));
  v.push_back(vip("10.200.1.4", 0, tcp, l2_vlan, 10, 3, variant));
  v.back().hash = RW_FLOW_DST_PORT;
  v.push_back(vip("10.200.1.5", 0, udp, l2_4, 20, 3, variant));
  v.back().hash = RW_FLOW_SOURCE;
  v.back().fragments = true;
  v.push_back(vip("10.200.1.6", 80, tcp, ipip4, 1, 0, variant));
  v.back().reset = true;
  v.push_back(vip("10.200.1.6", 80, udp, ipip4, 1, 0, variant));
  v.push_back(vip("10.200.1.7", 80, tcp, ipip4, 90, 3, variant));  // next hops that have failed
  v.push_back(vip("10.200.1.8", 80, tcp, ipip4_df, 1, 3, variant));
  v.back().stateful = false;
  v.push_back(vip("10.200.1.9", 80, tcp, gue6_zero, 1, 3, variant));
  v.push_back(vip("10.200.1.10", 80, tcp, l2_4, 80, 3, variant));  // to a port that is not there
  v.back().announce = v.back().ping = false;
  v.push_back(vip("fc00:1::1", 80, tcp, ipip6, 1, 3, variant));
  v.push_back(vip("fc00:1::1", 443, udp, gue6_full, 1, 3, variant));
  v.push_back(vip("fc00:1::2", 0, udp, gue4_full, 1, 3, variant));
  v.push_back(vip("fc00:1::3", 80, tcp, ipip4_df, 1, 3, variant));
  v.push_back(vip("fc00:1::4", 80, tcp, ipip6, 1, 0, variant));
  v.back().reset = true;
  v.push_back(vip("fc00:1::5", 0, tcp, l2_6, 30, 3, variant));
  v.back().hash = RW_FLOW_SOURCE;
  v.push_back(vip("fc00:1::5", 443, tcp, ipip6, 30, 3, variant));  // the same sources, other reals
  v.back().hash = RW_FLOW_SOURCE;
  v.push_back(vip("fc00:1::6", 53, udp, gue6, 1, 4, variant));
  v.push_back(vip("10.200.1.11", 0, udp, gue4_full, 1, 3, variant));
  v.back().hash = RW_FLOW_SOURCE;
  v.back().fragments = true;
  v.push_back(vip("10.200.1.12", 80, tcp, ipip4_df, 1, 3, variant));
  v.push_back(vip("10.200.1.13", 80, tcp, ipip6, 1, 3, variant));
  v.back().hash = RW_FLOW_NO_DST_PORT;
  v.push_back(vip("10.200.1.14", 80, udp, gue6, 1, 3, variant));
  v.push_back(vip("10.200.1.14", 81, tcp, gue4_full, 1, 3, variant));
  return v;
}

void lb_world_links(lb_tables& tables) {
  tables.set_port(lb_port, lb_mac, 1500);
  tables.set_port(lb_other_port, {2, 0, 0, 0, 0, 2}, 1500);
  tables.set_port(lb_absent_port, {2, 0, 0, 0, 0, 5}, 1500);
  for (const way& w : {ipip4, ipip6, gue4, gue6, l2_4, l2_6, ipip6_keep, ipip4_df, gue4_full, gue6_full,
                       gue6_zero, l2_vlan}) {
    for (std::uint32_t n = 1; n <= 99; ++n) {
      lb_next_hop hop{
          .mac = {0x0a, 0, 0, 0, w.family, static_cast<std::uint8_t>(n)}, .port = lb_port, .up = true};
      if (n % 2 == 0) hop.port = lb_other_port;
      if (n >= 80 && n < 90) hop.port = lb_absent_port;
      if (n >= 90) hop.up = false;
      tables.set_next_hop(real(w, n), hop);
    }
  }
}

}  // namespace ringway::test
