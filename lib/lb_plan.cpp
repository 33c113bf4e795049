// SPDX-License-Identifier: BSD-2-Clause
#include "lb_plan.hpp"

#include <algorithm>
#include <ringway/error.hpp>
#include <tuple>

namespace ringway {
namespace {

void check_vip(const lb_vip& v) {
  if (v.address.family == 0) throw usage_error("VIP {}: no address", name_of(v));
  if (v.protocol != RW_IP_TCP && v.protocol != RW_IP_UDP)
    throw usage_error("VIP {}: protocol {} (tcp or udp)", name_of(v), v.protocol);
  if (v.hash >= RW_FLOW_HASH_COUNT) throw usage_error("VIP {}: no such hash", name_of(v));
  if (v.fragments && (v.port != 0 || v.hash != RW_FLOW_SOURCE))
    throw usage_error("VIP {}: only one of any port with hash = source can send fragments on", name_of(v));
}

void check_destination(const lb_destination& d, const lb_vip& v) {
  const auto bad = [&](const char* what) {
    return usage_error("VIP {}, real {}: {}", name_of(v), d.address.text(), what);
  };
  if (d.address.family == 0) throw bad("no address");
  if (d.method >= RW_METHOD_COUNT) throw bad("no such method");
  if (d.method == RW_METHOD_L2 && d.source) throw bad("an outer source address, but l2 has no outer header");
  if (d.method != RW_METHOD_L2 && d.source.family != d.address.family)
    throw bad("the outer source address is missing, or not of the real's family");
  if (d.method == RW_METHOD_GUE && d.gue_port == 0) throw bad("gue-port 0");
  if (d.method != RW_METHOD_L2 && d.ttl == 0) throw bad("outer TTL 0");
  if ((d.flags & RW_REAL_SUM_ZERO) != 0 && (d.flags & RW_REAL_SUM_FULL) != 0)
    throw bad("outer-checksum cannot be zero and full");
}

std::vector<lb_member> sorted(const lb_vip& v) {
  std::vector<lb_member> all = v.reals;
  const auto order = [](const lb_member& m) { return std::tie(m.to.address, m.to.port, m.weight, m.to); };
  std::sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  const auto same = [](const lb_member& a, const lb_member& b) {
    return a.to.address == b.to.address && a.to.port == b.to.port;
  };
  const auto twice = std::adjacent_find(all.begin(), all.end(), same);
  if (twice != all.end())
    throw usage_error("VIP {}: the real {} twice (give them different ports)", name_of(v),
                      twice->to.address.text());
  return all;
}

void check_count(const char* what, std::size_t needed, std::size_t there) {
  if (needed > there)
    throw usage_error("{} {} needed, the capacity is {} (fixed while the process runs)", needed, what, there);
}

}  // namespace

std::string name_of(const lb_vip& v) {
  const char* protocol = v.protocol == RW_IP_UDP ? "udp" : "tcp";
  const std::string port = v.port == 0 ? "any" : std::to_string(v.port);
  const std::string address = v.address.text();
  return v.address.family == 6 ? fmt::format("[{}]:{}/{}", address, port, protocol)
                               : fmt::format("{}:{}/{}", address, port, protocol);
}

lb_plan plan_of(std::span<const lb_vip> vips, const lb_capacity& capacity) {
  lb_plan plan;
  std::set<std::tuple<ip_address, std::uint16_t, std::uint8_t>> keys;
  std::set<std::vector<std::pair<lb_destination, std::uint32_t>>> rings;
  for (const lb_vip& v : vips) {
    check_vip(v);
    if (!keys.emplace(v.address, v.port, v.protocol).second) throw usage_error("VIP {} twice", name_of(v));
    std::vector<std::pair<lb_destination, std::uint32_t>> ring;
    for (const lb_member& m : plan.members.emplace_back(sorted(v))) {
      check_destination(m.to, v);
      plan.destinations.insert(m.to);
      if (m.weight > 0) ring.emplace_back(m.to, m.weight);
    }
    if (!ring.empty()) rings.insert(std::move(ring));
  }
  plan.rings = rings.size();
  check_count("VIPs", vips.size(), capacity.vips);
  check_count("reals", plan.destinations.size(), capacity.reals);
  check_count("rings (different sets of reals)", plan.rings, capacity.rings);
  return plan;
}

}  // namespace ringway
