// SPDX-License-Identifier: BSD-2-Clause
// What health checks and neighbours do to rings, to flows that are there, and to alarms.
#include "lbapp_plane_rig.hpp"
#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;
using namespace ringway::lb_app::test;

TEST_CASE("before a next hop's first news there is no ring, and what comes together is built together") {
  rig r(file({vip(0, {1, 2, 3}), vip(1, {3, 2, 1})}), false);
  CHECK(r.ring("v0").empty());
  CHECK_FALSE(r.view("v0", 1).state.neighbour);
  CHECK_FALSE(r.plane.unsettled());
  const int waits = r.waits;
  for (std::uint32_t n = 1; n <= 3; ++n) r.plane.next_hop(to(n), hop());
  CHECK(r.up(1));
  CHECK(r.plane.unsettled());
  CHECK(r.waits == waits);
  const lb_change c = r.plane.settle();
  CHECK(c.rings_built == 1);
  CHECK(c.rings_shared == 1);
  CHECK(r.waits == waits + 1);
  CHECK_FALSE(r.plane.unsettled());
  CHECK(r.slots("v0", 1) + r.slots("v0", 2) + r.slots("v0", 3) == 1021);
  CHECK(r.plane.settle().rings_built == 0);
  CHECK(r.waits == waits + 1);
}

TEST_CASE("a failed real gives up its own slots only, and gets the same ones back") {
  rig r(file({vip(0, {1, 2, 3, 4, 5, 6, 7, 8})}));
  const auto before = r.ring("v0");
  r.fail("v0", 3);
  CHECK(r.ring("v0") == before);  // settle() builds
  r.plane.settle();
  const auto after = r.ring("v0");
  REQUIRE(after.size() == before.size());
  std::size_t moved = 0;
  for (std::size_t s = 0; s < before.size(); ++s) {
    CHECK(after[s] != to(3));
    moved += before[s] != to(3) && before[s] != after[s] ? 1 : 0;
  }
  CHECK(moved <= before.size() / 20);  // Maglev's own disruption: some slots of others move
  CHECK_FALSE(r.up(3));
  CHECK(r.view("v0", 3).effective == 0);
  CHECK(r.view("v0", 3).entry.member.weight == 1);
  CHECK_FALSE(r.view("v0", 3).state.healthy);
  CHECK(r.view("v0", 3).state.why == "refused");
  r.heal("v0", 3);
  r.plane.settle();
  CHECK(r.ring("v0") == before);
  CHECK(r.up(3));
  CHECK(r.view("v0", 3).state.why.empty());
}

TEST_CASE("flows leave a destination when it has failed in every VIP that uses it") {
  rig r(file({vip(0, {1, 2}), vip(1, {1, 2})}));
  r.fail("v0", 1);
  r.plane.settle();
  CHECK(r.slots("v0", 1) == 0);
  CHECK(r.slots("v1", 1) > 0);
  CHECK(r.up(1));
  r.fail("v1", 1);
  r.plane.settle();
  CHECK_FALSE(r.up(1));
  r.heal("v0", 1);
  r.plane.settle();
  CHECK(r.up(1));
  CHECK(r.slots("v0", 1) > 0);
  CHECK(r.slots("v1", 1) == 0);
}

TEST_CASE("a VIP without checks has healthy reals, whatever is said") {
  configuration f = file({vip(0, {1, 2})});
  f.vips[0].check.kind = check_kind::none;
  rig r(f);
  r.fail("v0", 1);
  CHECK_FALSE(r.plane.unsettled());
  r.fail("v0", 77);
  r.fail("none", 1);
  CHECK_FALSE(r.plane.unsettled());
}

TEST_CASE("a real without a neighbour is out of all rings, is not held, and is no failure") {
  configuration f = file({vip(0, {1, 2}), vip(1, {1})});
  for (vip_entry& v : f.vips) v.max_down_percent = 0;
  rig r(f);
  const auto before = r.ring("v0");
  r.plane.next_hop(to(1), std::nullopt);
  CHECK_FALSE(r.up(1));
  r.plane.settle();
  CHECK(r.slots("v0", 1) == 0);
  CHECK(r.ring("v1").empty());
  CHECK(r.view("v0", 1).state.healthy);
  CHECK_FALSE(r.view("v0", 1).state.held);
  CHECK_FALSE(r.view("v1").all_failed);
  CHECK(r.alarmed("VIP v1: no real takes new flows (1 of 1 without a resolved next hop)"));
  r.plane.next_hop(to(1), hop());
  r.plane.settle();
  CHECK(r.ring("v0") == before);
  CHECK(r.plane.alarms().empty());
}

TEST_CASE("a next hop that moves is shown at once, and builds nothing") {
  rig r(file({vip(0, {1, 2})}));
  r.plane.next_hop(to(1), hop(77));
  CHECK_FALSE(r.plane.unsettled());
  const rw_hop word = rw_hop_of(r.store.memory().reals[r.plane.tables().real_of(to(1))].hop);
  CHECK(word.mac[5] == 77);
  CHECK(word.state == RW_HOP_UP);
}

TEST_CASE("neighbours are known by address: a real that changes how it is reached stays") {
  configuration f = file({vip(0, {1, 2})});
  rig r(f);
  for (real_entry& e : f.vips[0].reals) e.member.to.mtu = 1400;
  r.plane.reload(f, false);
  CHECK(r.ring("v0").size() == 1021);
  CHECK(rw_hop_state(r.store.memory().reals[r.view("v0", 1).element].hop) == RW_HOP_UP);
}

TEST_CASE("all reals failed, keep-all: the ring stays, flows stay, an alarm") {
  rig r(file({vip(0, {1, 2})}));
  const auto before = r.ring("v0");
  r.fail("v0", 1);
  r.plane.settle();
  CHECK_FALSE(r.up(1));
  r.fail("v0", 2);
  r.plane.settle();
  CHECK(r.ring("v0") == before);
  CHECK(r.up(1));
  CHECK(r.up(2));
  CHECK(r.view("v0").all_failed);
  CHECK(r.view("v0", 1).state.held);
  CHECK(r.alarmed("VIP v0: all reals (2) have failed"));
  r.heal("v0", 2);
  r.plane.settle();
  CHECK(r.slots("v0", 1) == 0);
  CHECK_FALSE(r.up(1));
  CHECK_FALSE(r.view("v0").all_failed);
  CHECK(r.plane.alarms().empty());
}

TEST_CASE("all reals failed, drop or reset: no ring, and the answer that was asked for") {
  for (const auto policy : {all_failed_policy::drop, all_failed_policy::reset}) {
    for (const bool otherwise : {false, true}) {
      configuration f = file({vip(0, {1, 2})});
      f.vips[0].on_all_failed = policy;
      f.vips[0].vip.reset = otherwise;
      rig r(f);
      const auto resets = [&] { return (look_up(r.store, f.vips[0].vip)->flags & RW_VIP_RESET) != 0; };
      CHECK(resets() == otherwise);
      r.fail("v0", 1), r.fail("v0", 2);
      r.plane.settle();
      CHECK(r.ring("v0").empty());
      CHECK(resets() == (policy == all_failed_policy::reset));
      CHECK_FALSE(r.up(1));
      CHECK_FALSE(r.view("v0", 1).state.held);
      CHECK(r.alarmed(policy == all_failed_policy::reset ? "new flows are reset" : "new flows are dropped"));
      r.heal("v0", 1);
      r.plane.settle();
      CHECK(r.slots("v0", 1) == 1021);
      CHECK(resets() == otherwise);
    }
  }
}

TEST_CASE("more than max_down_percent at once: those that failed last are held") {
  configuration f = file({vip(0, {1, 2, 3, 4})});
  f.vips[0].max_down_percent = 50;
  rig r(f);
  r.fail("v0", 4), r.fail("v0", 2);
  r.plane.settle();
  CHECK_FALSE(r.view("v0").holding);
  r.fail("v0", 1);
  r.plane.settle();
  CHECK(r.view("v0").holding);
  CHECK(r.view("v0", 1).state.held);
  CHECK_FALSE(r.view("v0", 4).state.held);
  CHECK(r.slots("v0", 1) > 0);
  CHECK(r.slots("v0", 2) + r.slots("v0", 4) == 0);
  CHECK(r.up(1));
  CHECK_FALSE(r.up(2));
  CHECK(r.alarmed(
      "VIP v0: 3 of 4 reals have failed their checks, one is held in the ring (max-down-percent = 50)"));
  r.heal("v0", 4);
  r.plane.settle();
  CHECK_FALSE(r.view("v0").holding);
  CHECK(r.slots("v0", 1) == 0);  // the others' failures fill the share again
  CHECK(r.slots("v0", 4) > 0);
  CHECK(r.plane.alarms().empty());
}

TEST_CASE("max_down_percent keeps what it holds from on_all_failed = drop") {
  configuration f = file({vip(0, {1, 2, 3})});
  f.vips[0].max_down_percent = 67;
  f.vips[0].on_all_failed = all_failed_policy::drop;
  rig r(f);
  for (std::uint32_t n = 1; n <= 3; ++n) r.fail("v0", n);
  r.plane.settle();
  CHECK(r.view("v0").all_failed);
  CHECK(r.view("v0").holding);
  CHECK(r.slots("v0", 3) == 1021);
}

TEST_CASE("what the user took out is no failure, and takes no part in the share") {
  configuration f = file({vip(0, {1, 2, 3, 4, 5})});
  f.vips[0].max_down_percent = 50;
  f.vips[0].reals[4].member.weight = 0;
  rig r(f);
  r.plane.drain("v0", "r1", true);
  r.plane.remove_real("v0", "r2");
  r.fail("v0", 1), r.fail("v0", 5);
  r.plane.settle();
  CHECK_FALSE(r.view("v0").holding);
  r.fail("v0", 3);  // one of two
  r.plane.settle();
  CHECK_FALSE(r.view("v0").holding);
  r.fail("v0", 4);
  r.plane.settle();
  CHECK(r.view("v0").all_failed);
  CHECK(r.slots("v0", 1) == 0);
  CHECK(r.slots("v0", 3) > 0);
  r.plane.drain("v0", "r3", true);
  r.plane.drain("v0", "r4", true);
  CHECK_FALSE(r.view("v0").all_failed);
  CHECK(r.alarmed("VIP v0: every real is drained"));
}

TEST_CASE("a drained real keeps its flows until it fails") {
  rig r(file({vip(0, {1, 2})}));
  r.plane.drain("v0", "r1", true);
  CHECK(r.slots("v0", 1) == 0);
  CHECK(r.up(1));
  CHECK(r.view("v0", 1).element >= 0);
  r.fail("v0", 1);
  r.plane.settle();
  CHECK_FALSE(r.up(1));
}

TEST_CASE("more different rings than there is room for: an alarm, and the rings stay until they fit") {
  configuration f = file({vip(0, {1, 2, 3}), vip(1, {1, 2, 3})});
  f.capacity.rings = 1;
  rig r(f);
  const auto before = r.ring("v0");
  r.fail("v0", 1);
  r.plane.settle();
  CHECK(r.ring("v0") == before);
  CHECK_FALSE(r.plane.unsettled());
  CHECK(r.alarmed("2 rings (different sets of reals) needed, the capacity is 1"));
  r.fail("v1", 1);
  r.plane.settle();
  CHECK(r.slots("v0", 1) == 0);
  CHECK(r.plane.alarms().empty());
  CHECK_FALSE(r.up(1));
}

TEST_CASE("a reset is answered also where the ring was empty before, for want of neighbours") {
  configuration f = file({vip(0, {1})});
  f.vips[0].on_all_failed = all_failed_policy::reset;
  rig r(f);
  const auto resets = [&] { return (look_up(r.store, f.vips[0].vip)->flags & RW_VIP_RESET) != 0; };
  r.plane.next_hop(to(1), std::nullopt);
  r.plane.settle();
  CHECK_FALSE(resets());
  r.fail("v0", 1);
  r.plane.settle();
  CHECK(resets());
}

TEST_CASE("a change at run time that makes the rings fit ends the alarm about them") {
  configuration f = file({vip(0, {1, 2, 3}), vip(1, {1, 2, 3})});
  f.capacity.rings = 1;
  rig r(f);
  r.fail("v0", 1);
  r.plane.settle();
  CHECK_FALSE(r.plane.alarms().empty());
  r.plane.drain("v1", "r1", true);
  CHECK(r.slots("v0", 1) == 0);
  CHECK(r.plane.alarms().empty());
}
