// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "figures.hpp"
#include "ringway/core/maglev.h"
#include "setup.hpp"

namespace ringway::lb_bench {
namespace {

constexpr std::uint32_t size = 65537, reals = 100, vips = 1000;

double milliseconds(std::chrono::nanoseconds t) {
  return std::chrono::duration<double, std::milli>(t).count();
}

std::vector<std::uint16_t> ring_without(std::uint32_t gone) {
  std::vector<rw_maglev_real> of;
  for (std::uint32_t r = 0; r < reals; ++r) {
    rw_maglev_real m{};
    m.hash = rw_hash_end(r, 7);
    m.weight = r == gone ? 0 : 1;
    m.index = static_cast<__u16>(r);
    of.push_back(m);
  }
  std::vector<std::uint16_t> ring(size);
  std::vector<__u64> taken(rw_maglev_words(size));
  rw_maglev_fill(ring.data(), size, of.data(), reals, taken.data());
  return ring;
}

/// Largest distance of a share from its weight's, in slots; largest part of the others' slots that move when
/// one real goes; the time to fill a ring.
nlohmann::json one_ring(const effort& e) {
  nlohmann::json found;
  for (std::uint32_t round = 0; round < e.rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    ring_without(reals);
    found["ms"].push_back(milliseconds(std::chrono::steady_clock::now() - begin));
  }
  const std::vector<std::uint16_t> all = ring_without(reals);
  std::vector<double> share(reals);
  for (const std::uint16_t r : all) ++share[r];
  double off = 0, worst = 0;
  for (const double s : share) off = std::max(off, std::abs(s - double{size} / reals));
  for (std::uint32_t gone = 0; gone < reals; ++gone) {
    const std::vector<std::uint16_t> fewer = ring_without(gone);
    double moved = 0, of = 0;
    for (std::uint32_t i = 0; i < size; ++i) {
      if (all[i] == gone) continue;
      ++of;
      moved += all[i] != fewer[i];
    }
    worst = std::max(worst, moved / of);
  }
  found["slots_off"] = off;
  found["moved_at_most"] = worst;
  return found;
}

/// VIP v has the reals v, v + 1, ... v + 99: as many different rings as VIPs.
std::vector<lb_vip> different_sets() {
  std::vector<lb_vip> all = vips_of({.vips = vips, .reals = 0});
  for (std::uint32_t v = 0; v < vips; ++v)
    for (std::uint32_t r = 0; r < reals; ++r) all[v].reals.push_back({destination(RW_METHOD_L2, v + r), 1});
  return all;
}

nlohmann::json change(const lb_change& c) {
  return {{"rings", c.rings_built},
          {"building_ms", milliseconds(c.building)},
          {"waiting_ms", milliseconds(c.waiting)}};
}

/// In BPF maps, with a grace period, as in the program.
nlohmann::json changes(const effort& e) {
  nlohmann::json found;
  for (std::uint32_t round = 0; round < std::min(e.rounds, 3u); ++round) {
    std::fprintf(stderr, "lb-figures: rings: round %u\n", round + 1);
    world w({.vips = vips, .reals = 1},
            {.vips = vips, .rings = vips, .reals = vips + reals, .connections = 65536});
    found["different"].push_back(change(w.tables.apply(different_sets())));
    std::vector<lb_vip> equal = vips_of({.vips = vips, .reals = reals});
    found["equal"].push_back(change(w.tables.apply(equal)));
    for (lb_vip& v : equal) v.reals[7].weight = 0;
    const auto begin = std::chrono::steady_clock::now();
    w.tables.set_alive(destination(RW_METHOD_L2, 7), false);
    nlohmann::json over = change(w.tables.apply(equal));
    over["ms"] = milliseconds(std::chrono::steady_clock::now() - begin);
    found["failover"].push_back(over);
  }
  return found;
}

nlohmann::json memory() {
  nlohmann::json found = nlohmann::json::array();
  const auto add = [&](const char* what, const lb_capacity& c) {
    found.push_back({{"what", what},
                     {"vips", c.vips},
                     {"rings", c.rings},
                     {"reals", c.reals},
                     {"connections", c.connections},
                     {"bytes", lb_store::bytes_for(c)}});
  };
  add("defaults, as for 2 VIPs", {});
  add("2 VIPs, told so", {.vips = 2, .rings = 2, .reals = 4, .connections = 4096});
  add("1000 VIPs of one set of 100 reals", {.vips = 1000, .rings = 2, .reals = 200});
  add("1000 VIPs, each with a set of its own", {.vips = 1000, .rings = 1000, .reals = 1000});
  add("the same with room for as many again", {.vips = 2000, .rings = 2000, .reals = 2000});
  add("1,048,576 connections", {.connections = 1u << 20});
  return found;
}

}  // namespace

nlohmann::json rings(const effort& e) {
  return {{"size", size},       {"reals", reals},        {"vips", vips},
          {"one", one_ring(e)}, {"changes", changes(e)}, {"memory", memory()}};
}

}  // namespace ringway::lb_bench
