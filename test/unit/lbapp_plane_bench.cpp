// SPDX-License-Identifier: BSD-2-Clause
// How long things take with 1000 VIPs of 100 reals each; prints, and asserts no time. Run it by its tag:
// [.bench].
#include <chrono>
#include <cstdio>

#include "lbapp_plane_rig.hpp"
#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;
using namespace ringway::lb_app::test;

namespace {

template <class F>
void timed(const char* what, F&& call) {
  const auto begin = std::chrono::steady_clock::now();
  const lb_change c = call();
  const std::chrono::duration<double, std::milli> all = std::chrono::steady_clock::now() - begin;
  const std::chrono::duration<double, std::milli> tables = c.building + c.waiting;
  std::printf("%-42s %8.2f ms, of it the tables %8.2f ms, %u rings built\n", what, all.count(),
              tables.count(), c.rings_built);
}

}  // namespace

TEST_CASE("1000 VIPs of 100 equal reals", "[.bench]") {
  std::vector<vip_entry> vips;
  std::vector<std::uint32_t> reals(100);
  for (std::uint32_t n = 0; n < 100; ++n) reals[n] = n;
  for (std::uint32_t v = 0; v < 1000; ++v) vips.push_back(vip(v + 300, reals));
  configuration f = file(std::move(vips));
  f.capacity = {.vips = 2000, .rings = 64, .reals = 200, .connections = 1u << 16, .ring_size = 65537};
  rig r(f);
  for (int round = 0; round < 3; ++round) {
    timed("one real fails in all of them", [&] {
      for (const vip_entry& v : f.vips) r.plane.health(v.name, "r7", false, "refused");
      return r.plane.settle();
    });
    CHECK(r.slots("v300", 7) == 0);
    timed("it is back", [&] {
      for (const vip_entry& v : f.vips) r.plane.health(v.name, "r7", true, "");
      return r.plane.settle();
    });
    CHECK(r.slots("v300", 7) > 0);
    timed("a next hop is lost", [&] {
      r.plane.next_hop(to(8), std::nullopt);
      return r.plane.settle();
    });
    timed("it is back", [&] {
      r.plane.next_hop(to(8), hop());
      return r.plane.settle();
    });
    timed("one real of one VIP is drained", [&] { return r.plane.drain("v700", "r3", true); });
    timed("and no more", [&] { return r.plane.drain("v700", "r3", false); });
    f.vips[500].reals[5].member.weight = 2 + static_cast<std::uint32_t>(round);
    timed("a reload with one weight changed", [&] { return r.plane.reload(f, false); });
  }
}
