// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ringway/error.hpp>

#include "figures.hpp"
#include "kernel.hpp"

namespace ringway::lb_bench {
namespace {

/// Both send the same bytes: else they do not do the same work. New flows first, then known ones.
void compare(kernel& k, const shape& s) {
  for (int again = 0; again < 2; ++again) {
    for (std::uint32_t flow = 0; flow < std::min(s.flows, 2000u); ++flow) {
      const std::uint32_t ours = k.one(target::ringway, flow);
      const std::vector<std::uint8_t> sent(k.packet().begin(), k.packet().end());
      const std::uint32_t theirs = k.one(target::reference, flow);
      if (ours != theirs || !std::ranges::equal(sent, k.packet()))
        throw error(EPROTO, "flow {} ({}, {} VIPs, {} reals): the reference sends something else", flow,
                    name_of(s.method), s.vips, s.reals);
    }
  }
}

/// Every packet of a timed run was one of an established flow.
void all_hits(const rw_lb_local& before, const rw_lb_local& after, std::uint64_t packets) {
  const std::uint64_t hits = after.events[RW_LB_CONN_HIT] - before.events[RW_LB_CONN_HIT];
  if (hits != packets) throw error(EPROTO, "{} of {} packets were of known flows", hits, packets);
}

/// In every run each flow is seen first in its second, so its entry's age is written once.
nlohmann::json measure(const shape& s, const effort& e, std::uint32_t packets) {
  std::fprintf(stderr, "lb-figures: programs: %s, %u flows, %u VIPs, %u reals%s\n", name_of(s.method),
               s.flows, s.vips, s.reals, s.short_way ? "" : ", stages");
  world w(s);
  kernel k(w, s, s.short_way);  // the reference chooses by whole flows
  if (s.short_way) compare(k, s);
  const std::span<const target> these(targets.data(), s.short_way ? 3 : 2);
  nlohmann::json cell = {{"method", name_of(s.method)},
                         {"flows", s.flows},
                         {"vips", s.vips},
                         {"reals", s.reals},
                         {"short_way", s.short_way}};
  for (int pass = 0; pass < 2; ++pass)
    for (const target t : these) k.time(t, std::max(s.flows, packets / 4));
  for (std::uint32_t round = 0; round < e.rounds; ++round) {
    for (const target t : these) {
      w.next_second();
      const rw_lb_local before = w.store.counted();
      cell[name_of(t)].push_back(k.time(t, packets));
      if (t == target::ringway) all_hits(before, w.store.counted(), packets);
    }
  }
  return cell;
}

}  // namespace

nlohmann::json programs(const effort& e) {
  nlohmann::json cells = nlohmann::json::array();
  for (const rw_lb_method method : {RW_METHOD_L2, RW_METHOD_IPIP, RW_METHOD_GUE})
    for (const std::uint32_t flows : {1u, 1024u, e.most_flows})
      cells.push_back(measure({.method = method, .flows = flows}, e, std::max(e.packets, flows)));
  for (const std::uint32_t vips : {10u, 100u, 1000u})
    cells.push_back(measure({.method = RW_METHOD_IPIP, .vips = vips}, e, e.packets / 2));
  for (const std::uint32_t reals : {2u, 10u, 1000u})
    cells.push_back(measure({.method = RW_METHOD_IPIP, .reals = reals}, e, e.packets / 2));
  for (const rw_lb_method method : {RW_METHOD_L2, RW_METHOD_IPIP, RW_METHOD_GUE})
    cells.push_back(measure({.method = method, .short_way = false}, e, e.packets / 2));
  return cells;
}

}  // namespace ringway::lb_bench
