// SPDX-License-Identifier: BSD-2-Clause
#include "setup.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>
#include <utility>

namespace ringway::lb_bench {
namespace {

constexpr std::array<std::uint8_t, 6> in_mac = {2, 0, 0, 0, 0, 1}, out_mac = {2, 0, 0, 0, 0, 2};

ip_address ipv4(std::uint32_t host) {
  ip_address a;
  a.family = 4;
  a.words[0] = RW_BE32(host);
  return a;
}

}  // namespace

const char* name_of(rw_lb_method method) {
  if (method == RW_METHOD_L2) return "l2";
  return method == RW_METHOD_IPIP ? "ipip" : "gue";
}

lb_destination destination(rw_lb_method method, std::uint32_t real) {
  lb_destination d;
  d.address = ipv4(0x0a000001 + real);
  d.method = method;
  if (method != RW_METHOD_L2) d.source = ipv4(0x0aff0001);
  if (method == RW_METHOD_GUE) d.gue_port = 6080;
  return d;
}

lb_next_hop hop(std::uint32_t real) {
  return {.mac = {0x0a, 0, 0, 0, static_cast<std::uint8_t>(real >> 8), static_cast<std::uint8_t>(real)},
          .port = out_port,
          .up = true};
}

std::vector<lb_vip> vips_of(const shape& s, std::uint32_t first) {
  std::vector<lb_vip> vips(s.vips);
  for (std::uint32_t i = 0; i < s.vips; ++i) {
    vips[i].address = ipv4(LB_FIRST_VIP + i);
    vips[i].port = LB_VIP_PORT;
    vips[i].protocol = RW_IP_UDP;
    if (!s.short_way) vips[i].hash = RW_FLOW_NO_DST_PORT;
    for (std::uint32_t r = first; r < first + s.reals; ++r)
      vips[i].reals.push_back({destination(s.method, r), 1});
  }
  return vips;
}

lb_capacity capacity_of(const shape& s) {
  return {.vips = std::max(64u, s.vips),
          .rings = 4,
          .reals = std::max(64u, s.reals),
          .connections = std::max(1u << 16, 2 * s.flows)};
}

lb_flows flows_of(const shape& s) {
  std::array<std::uint8_t, LB_FRAME> frame{};
  std::copy(in_mac.begin(), in_mac.end(), frame.begin());
  frame[6] = 2, frame[11] = 9;
  rw_ipv4 ip{};
  ip.ver_ihl = 0x45;
  ip.len = RW_BE16(LB_FRAME - sizeof(rw_eth));
  ip.frag = RW_BE16(RW_IPV4_DF);
  ip.ttl = 64;
  ip.proto = RW_IP_UDP;
  rw_udp udp{};
  udp.dst = RW_BE16(LB_VIP_PORT);
  udp.len = RW_BE16(LB_FRAME - sizeof(rw_eth) - sizeof(ip));
  rw_store16(&frame[12], RW_BE16(RW_ETH_IPV4));
  std::memcpy(&frame[14], &ip, sizeof(ip));
  std::memcpy(&frame[34], &udp, sizeof(udp));
  lb_flows f{};
  std::memcpy(f.word, frame.data(), LB_FRAME);
  for (std::size_t i = 0; i < sizeof(ip); i += 2) f.sum += rw_load16(&frame[14 + i]);
  f.mask = s.flows - 1;
  f.vips = s.vips;
  return f;
}

world::world(const shape& s, lb_store tables_of)
    : store(std::move(tables_of)), tables(store, {}, [this] { store.wait_for_programs(); }) {
  tables.set_limits({.new_flows = 0, .answers = 0});
  tables.set_port(in_port, in_mac, 1500);
  tables.set_port(out_port, out_mac, 1500);
  for (std::uint32_t r = 0; r < store.capacity().reals; ++r)
    tables.set_next_hop(destination(s.method, r), hop(r));
  tables.apply(vips_of(s));
  next_second();
}

void stay_on_one_cpu() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) throw error(errno, "ask for the CPUs");
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed)) last = cpu;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(last, &one);
  if (sched_setaffinity(0, sizeof(one), &one) != 0) throw error(errno, "stay on CPU {}", last);
}

}  // namespace ringway::lb_bench
