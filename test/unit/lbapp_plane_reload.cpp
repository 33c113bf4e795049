// SPDX-License-Identifier: BSD-2-Clause
// Reloads are all or nothing; run-time changes outlive them, save where the file has changed that very item.
#include "lbapp_plane_rig.hpp"
#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;
using namespace ringway::lb_app::test;

namespace {

/// r1 ... r3 in v0, r1 in v1.
configuration base() { return file({vip(0, {1, 2, 3}), vip(1, {1})}); }

real_entry& entry(configuration& f, std::size_t v, std::size_t r) { return f.vips[v].reals[r]; }

/// The new file, in words, and what is left of the change after it.
struct reload_case {
  const char* says;
  void (*edit)(configuration&);
  bool stays;
};

void check_cases(const std::vector<reload_case>& cases, void (*change)(control_plane&),
                 bool (*is_there)(const rig&)) {
  for (const reload_case& c : cases) {
    INFO(c.says);
    rig r(base());
    change(r.plane);
    REQUIRE(is_there(r));
    r.plane.reload(base(), false);
    CHECK(is_there(r));
    configuration next = base();
    c.edit(next);
    r.plane.reload(next, false);
    CHECK(is_there(r) == c.stays);
  }
}

const reload_case nothing{"nothing", [](configuration&) {}, true};
const reload_case other_weight{"another real's weight",
                               [](configuration& f) { entry(f, 0, 2).member.weight = 9; }, true};
const reload_case order{"the order",
                        [](configuration& f) { std::swap(f.vips[0].reals[0], f.vips[0].reals[2]); }, true};
const reload_case options{"the VIP's own options", [](configuration& f) { f.vips[0].vip.ping = false; },
                          true};
const reload_case other_vip{"another VIP is gone", [](configuration& f) { f.vips.pop_back(); }, true};
const reload_case vip_gone{"the VIP is gone", [](configuration& f) { f.vips.erase(f.vips.begin()); }, false};
const reload_case real_gone{"the real is gone",
                            [](configuration& f) { f.vips[0].reals.erase(f.vips[0].reals.begin()); }, false};
const reload_case readdressed{
    "its address", [](configuration& f) { entry(f, 0, 0).member.to.address = to(20).address; }, false};

}  // namespace

TEST_CASE("what a reload leaves of a weight") {
  check_cases(
      {nothing,
       other_weight,
       order,
       options,
       other_vip,
       vip_gone,
       real_gone,
       readdressed,
       {"its weight", [](configuration& f) { entry(f, 0, 0).member.weight = 4; }, false},
       {"its MTU", [](configuration& f) { entry(f, 0, 0).member.to.mtu = 1400; }, true}},
      [](control_plane& p) { p.set_weight("v0", "r1", 7); },
      [](const rig& r) {
        const vip_view* v = r.plane.find("v0");
        return v != nullptr && r.has("v0", 1) && r.view("v0", 1).entry.member.weight == 7 &&
               r.view("v0", 1).changed;
      });
}

TEST_CASE("what a reload leaves of a drain") {
  check_cases(
      {nothing,
       other_weight,
       order,
       options,
       other_vip,
       vip_gone,
       real_gone,
       readdressed,
       {"its weight", [](configuration& f) { entry(f, 0, 0).member.weight = 4; }, true},
       {"its MTU", [](configuration& f) { entry(f, 0, 0).member.to.mtu = 1400; }, true}},
      [](control_plane& p) { p.drain("v0", "r1", true); },
      [](const rig& r) {
        const vip_view* v = r.plane.find("v0");
        return v != nullptr && r.has("v0", 1) && r.view("v0", 1).state.drained &&
               r.view("v0", 1).effective == 0;
      });
}

TEST_CASE("what a reload leaves of a removal") {
  check_cases(
      {nothing,
       other_weight,
       order,
       options,
       other_vip,
       vip_gone,
       {"its weight", [](configuration& f) { entry(f, 0, 0).member.weight = 4; }, false},
       {"its MTU", [](configuration& f) { entry(f, 0, 0).member.to.mtu = 1400; }, false},
       readdressed},
      [](control_plane& p) { p.remove_real("v0", "r1"); },
      [](const rig& r) {
        const vip_view* v = r.plane.find("v0");
        return v != nullptr && !r.has("v0", 1) && v->removed == std::vector<std::string>{"r1"};
      });
}

TEST_CASE("what a reload leaves of an addition") {
  check_cases(
      {nothing,
       other_weight,
       order,
       options,
       other_vip,
       vip_gone,
       {"another real is gone", [](configuration& f) { f.vips[0].reals.erase(f.vips[0].reals.begin()); },
        true},
       {"a real of its name",
        [](configuration& f) {
          f.vips[0].reals.push_back({"r8", {to(21), 1}});
        },
        false},
       {"its address by another name",
        [](configuration& f) {
          f.vips[0].reals.push_back({"x", {to(8), 1}});
        },
        false},
       {"another real gets its address", [](configuration& f) { entry(f, 0, 2).member.to = to(8); }, false}},
      [](control_plane& p) { p.add_real("v0", real(8, 5)); },
      [](const rig& r) {
        const vip_view* v = r.plane.find("v0");
        return v != nullptr && r.has("v0", 8) && !r.view("v0", 8).from_file && r.view("v0", 8).changed &&
               r.view("v0", 8).entry.member.weight == 5;
      });
}

TEST_CASE("a reload with discard forgets what was changed at run time") {
  rig r(base());
  r.plane.drain("v0", "r1", true);
  r.plane.set_weight("v0", "r2", 5);
  r.plane.remove_real("v0", "r3");
  r.plane.add_real("v0", real(8));
  r.plane.reload(base(), true);
  CHECK(r.plane.in_force().vips == base().vips);
  for (const real_view& v : r.view("v0").reals) CHECK_FALSE(v.changed);
  r.plane.reload(base(), false);
  CHECK(r.plane.in_force().vips == base().vips);
}

TEST_CASE("what is taken back at run time is no change any more") {
  rig r(base());
  r.plane.set_weight("v0", "r1", 5);
  r.plane.set_weight("v0", "r1", 1);
  r.plane.drain("v0", "r2", true);
  r.plane.drain("v0", "r2", false);
  r.plane.remove_real("v0", "r3");
  r.plane.add_real("v0", real(3));
  r.plane.add_real("v0", real(8));
  r.plane.remove_real("v0", "r8");
  for (const real_view& v : r.view("v0").reals) CHECK_FALSE(v.changed);
  CHECK(r.view("v0").removed.empty());
  CHECK(r.plane.in_force().vips == base().vips);
}

TEST_CASE("a real can be replaced at run time by another of its name") {
  rig r(base());
  r.plane.remove_real("v0", "r3");
  real_entry other = real(3);
  other.member.to = to(30);
  r.plane.add_real("v0", other);
  CHECK(r.view("v0", 3).entry.member.to == to(30));
  CHECK_FALSE(r.view("v0", 3).from_file);
  r.plane.reload(base(), false);
  CHECK(r.view("v0", 3).entry.member.to == to(30));
  r.plane.remove_real("v0", "r3");
  CHECK_FALSE(r.has("v0", 3));
  CHECK(r.view("v0").removed == std::vector<std::string>{"r3"});
}

TEST_CASE("an added real has a name, its address unless given, and takes flows when it is resolved") {
  rig r(base());
  real_entry added = real(8);
  added.name.clear();
  r.plane.add_real("v0", added);
  const std::string name = to(8).address.text();
  REQUIRE(r.view("v0").reals.size() == 4);
  CHECK(r.view("v0").reals[3].entry.name == name);
  CHECK(r.slots("v0", 8) == 0);
  r.plane.next_hop(to(8), hop());
  r.plane.settle();
  CHECK(r.slots("v0", 8) > 0);
  r.plane.set_weight("v0", name, 3);
  CHECK(r.slots("v0", 8) > 400);
}

TEST_CASE("what is unknown or contradicts is refused at run time, and nothing changes") {
  rig r(base());
  r.plane.drain("v0", "r1", true);
  const configuration before = r.plane.in_force();
  const std::string memory = r.memory();
  int calls = 0;
  r.plane.changed = [&] { ++calls; };
  control_plane& p = r.plane;
  CHECK(refusal([&] { p.drain("v9", "r1", true); }) == "there is no VIP v9");
  CHECK(refusal([&] { p.drain("v0", "r9", true); }) == "VIP v0 has no real r9");
  CHECK(refusal([&] { p.set_weight("v0", "r9", 1); }) == "VIP v0 has no real r9");
  CHECK(refusal([&] { p.remove_real("v1", "r2"); }) == "VIP v1 has no real r2");
  CHECK(refusal([&] { p.add_real("v0", real(2)); }) == "VIP v0 has a real r2 already");
  real_entry twice = real(2);
  twice.name = std::string("other");
  CHECK(has(refusal([&] { p.add_real("v0", twice); }), "already, as r2"));
  real_entry odd = real(8);
  odd.member.to.method = RW_METHOD_IPIP;
  CHECK(has(refusal([&] { p.add_real("v0", odd); }), "outer source address"));
  CHECK(p.in_force().vips == before.vips);
  CHECK(r.memory() == memory);
  CHECK(calls == 0);
  r.plane.reload(base(), false);
  CHECK(r.view("v0", 1).state.drained);
  CHECK(calls == 1);
  p.drain("v0", "r1", false);
  CHECK(calls == 2);
}

TEST_CASE("a refused reload leaves everything as it was") {
  configuration good = base();
  good.next_hops = {{to(1).address, {2, 0, 0, 0, 0, 50}, "p0"}};
  rig r(good);
  r.plane.drain("v0", "r1", true);
  r.plane.set_weight("v0", "r2", 5);
  r.fail("v1", 1);
  r.fail("v0", 3);
  r.plane.next_hop(to(2), std::nullopt);
  r.plane.settle();
  const configuration before = r.plane.in_force();
  const std::string memory = r.memory();
  const auto refused = [&](void (*edit)(configuration&)) {
    configuration f = base();
    f.vips[0].reals[0].member.weight = 8;
    f.vips[0].check.port = 81;  // its health would be forgotten: r3 alive again
    edit(f);
    const std::string why = refusal([&] { r.plane.reload(f, true); });
    CHECK(r.memory() == memory);
    CHECK(r.plane.in_force().vips == before.vips);
    CHECK_FALSE(r.view("v0", 3).state.healthy);
    return why;
  };
  CHECK(has(refused([](configuration& f) {
              for (std::uint32_t i = 2; i < 30; ++i) f.vips.push_back(vip(i, {1}));
            }),
            "30 VIPs needed, the capacity is 16"));
  CHECK(has(refused([](configuration& f) {
              for (std::uint32_t i = 4; i < 40; ++i) f.vips[0].reals.push_back(real(i));
            }),
            "39 reals needed, the capacity is 32"));
  CHECK(has(refused([](configuration& f) { f.vips[0].vip.fragments = true; }), "hash = source"));
  CHECK(has(refused([](configuration& f) { f.vips[1].name = std::string("v0"); }), "two VIPs are named v0"));
  CHECK(has(refused([](configuration& f) { f.vips[0].reals[1].name = std::string("r1"); }),
            "two reals are named r1"));
  CHECK(has(refused([](configuration& f) { f.timeouts.established = 0; }), "a timeout of 0 s"));
  CHECK(has(refused([](configuration& f) {
              f.next_hops = {{to(1).address, {}, "p9"}};
            }),
            "p9 is not one of the ports"));
  CHECK(has(refused([](configuration& f) {
              f.next_hops = {{to(1).address, {}, "p0"}, {to(1).address, {}, "p0"}};
            }),
            "next hop of 10.0.0.2 twice"));
  CHECK(has(refused([](configuration& f) { f.vips[1].vip.address = ip_address::parse("10.9.0.254"); }),
            "VIP v1: 10.9.0.254 is an address of this machine"));
  good.vips[0].reals[2].member.to.mtu = 1400;
  r.plane.reload(good, false);  // and nothing of it is in the way of a good one
  CHECK(r.view("v0", 1).state.drained);
  CHECK(r.view("v0", 2).entry.member.weight == 5);
}

TEST_CASE("what needs a restart is refused by name") {
  rig r(base());
  const auto refused = [&](void (*edit)(configuration&)) {
    configuration f = base();
    edit(f);
    return refusal([&] { r.plane.reload(f, false); });
  };
  CHECK(has(refused([](configuration& f) { f.capacity.ring_size = 251; }),
            "a restart: ring-size (1021 to 251)"));
  CHECK(
      has(refused([](configuration& f) { f.capacity.connections = 0; }), "capacity connections (1024 to 0)"));
  CHECK(has(refused([](configuration& f) {
              f.capacity.vips = 64;
              f.stated.vips = true;
            }),
            "capacity vips (16 to 64)"));
  CHECK(has(refused([](configuration& f) { f.seed = std::string("x"), f.socket_mode = 0660; }),
            "a restart: seed, the control socket"));
  CHECK(refused([](configuration& f) { f.capacity.vips = 64; }).empty());  // only worked out
  CHECK(refused([](configuration& f) { f.stated.vips = true; }).empty());
  CHECK(r.plane.in_force().capacity.vips == 16);
}

TEST_CASE("health outlives a reload, unless what is checked is another") {
  struct {
    const char* says;
    void (*edit)(configuration&);
    bool healthy;
  } const cases[] = {
      {"nothing", [](configuration&) {}, false},
      {"its weight", [](configuration& f) { entry(f, 0, 0).member.weight = 3; }, false},
      {"the order", [](configuration& f) { std::swap(f.vips[0].reals[0], f.vips[0].reals[1]); }, false},
      {"the interval", [](configuration& f) { f.vips[0].check.interval = std::chrono::seconds(9); }, true},
      {"no check", [](configuration& f) { f.vips[0].check = {}; }, true},
      {"the VIP's port", [](configuration& f) { f.vips[0].vip.port = 81; }, true},
      {"its MTU", [](configuration& f) { entry(f, 0, 0).member.to.mtu = 1400; }, true},
  };
  for (const auto& c : cases) {
    INFO(c.says);
    rig r(base());
    r.fail("v0", 1);
    r.plane.settle();
    configuration f = base();
    c.edit(f);
    r.plane.reload(f, false);
    CHECK(r.view("v0", 1).state.healthy == c.healthy);
    CHECK((r.view("v0", 1).effective > 0) == c.healthy);
  }
}

TEST_CASE("an addition that stands in for a removed real, at its address, outlives a reload with it") {
  rig r(base());
  r.plane.remove_real("v0", "r2");
  real_entry other = real(2, 5);
  other.name = std::string("other");
  r.plane.add_real("v0", other);
  configuration f = base();
  f.vips[0].vip.ping = false;
  r.plane.reload(f, false);
  CHECK_FALSE(r.has("v0", 2));
  REQUIRE(r.view("v0").reals.size() == 3);
  CHECK(r.view("v0").reals[2].entry == other);
  f.vips[0].reals[1].member.weight = 3;
  r.plane.reload(f, false);
  CHECK(r.view("v0", 2).entry.member.weight == 3);
  CHECK(r.view("v0").reals.size() == 3);
}

TEST_CASE("of an addition that a reload has ended, its drain does not stay either") {
  rig r(base());
  r.plane.add_real("v0", real(8));
  r.plane.drain("v0", "r8", true);
  configuration f = base();
  f.vips[0].reals.push_back({"x", {to(8), 1}});
  r.plane.reload(f, false);
  REQUIRE_FALSE(r.has("v0", 8));
  real_entry again = real(8);
  again.member.to = to(22);
  r.plane.add_real("v0", again);
  CHECK_FALSE(r.view("v0", 8).state.drained);
}
