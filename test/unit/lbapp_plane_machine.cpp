// SPDX-License-Identifier: BSD-2-Clause
// What the plane knows of the machine, and what it shows: ports, addresses, next hops, time, names of
// elements.
#include "lbapp_plane_rig.hpp"
#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;
using namespace ringway::lb_app::test;

namespace {

bool answers_arp(const rig& r, const ip_address& a) {
  lb_vip whole;
  whole.address = a;
  whole.protocol = 0;
  return (look_up(r.store, whole)->flags & RW_VIP_ANNOUNCE) != 0;
}

}  // namespace

TEST_CASE("a VIP is announced where it lies in a prefix of a port, or as the file says") {
  struct {
    const char* address;
    announce_mode mode;
    bool yes;
  } const cases[] = {
      {"10.9.0.77", announce_mode::automatic, true}, {"10.9.1.77", announce_mode::automatic, false},
      {"10.9.0.77", announce_mode::none, false},     {"10.9.1.77", announce_mode::arp, true},
      {"fc00:1::7", announce_mode::automatic, true}, {"fc00:1:0:1::7", announce_mode::automatic, false},
      {"::a09:4d", announce_mode::automatic, false},
  };
  for (const auto& c : cases) {
    INFO(c.address);
    configuration f = file({vip(0, {1})});
    f.vips[0].vip.address = ip_address::parse(c.address);
    f.vips[0].announce = c.mode;
    rig r(f);
    CHECK(r.view("v0").announced == c.yes);
    CHECK(answers_arp(r, f.vips[0].vip.address) == c.yes);
  }
}

TEST_CASE("a prefix that is not whole bytes") {
  configuration f = file({vip(0, {1}), vip(1, {1})});
  f.vips[0].vip.address = ip_address::parse("10.9.0.127");
  f.vips[1].vip.address = ip_address::parse("10.9.0.128");
  rig r(f);
  port_facts p = ports()[0];
  p.prefixes = {{ip_address::parse("10.9.0.1"), 25}};
  r.plane.port_changed(0, p);
  r.plane.settle();
  CHECK(r.view("v0").announced);
  CHECK_FALSE(r.view("v1").announced);
}

TEST_CASE("a port's MAC, MTU and addresses change") {
  rig r(file({vip(0, {1})}));
  port_facts p = ports()[0];
  p.mac[5] = 99;
  p.mtu = 1400;
  r.plane.port_changed(0, p);
  CHECK(rw_lb_port_of(r.store.memory().control->port[0]).mac[5] == 99);
  CHECK(rw_lb_port_of(r.store.memory().control->port[0]).mtu == 1400);
  CHECK(rw_lb_port_of(r.store.memory().control->port[1]).mtu == 9000);
  CHECK_FALSE(r.plane.unsettled());
  p.prefixes.clear();
  r.plane.port_changed(0, p);
  CHECK(r.plane.unsettled());
  r.plane.settle();
  CHECK_FALSE(answers_arp(r, r.view("v0").entry.vip.address));
  CHECK_FALSE(refusal([&] { r.plane.port_changed(2, p); }).empty());
}

TEST_CASE("a VIP that is an address of this machine is refused, and an alarm once it becomes one") {
  const ip_address address = vip(0, {}).vip.address;
  const configuration f = file({vip(0, {1})});
  CHECK(has(refusal([&] { rig r(f, true, {address}); }), "VIP v0: 10.9.0.1 is an address of this machine"));
  rig r(f);
  r.plane.local_addresses({address});
  CHECK(r.alarmed("VIP v0: 10.9.0.1 has become an address of this machine"));
  CHECK(has(refusal([&] { r.plane.reload(f, false); }), "is an address of this machine"));
  r.plane.local_addresses({});
  CHECK(r.plane.alarms().empty());
  CHECK(refusal([&] { r.plane.reload(f, false); }).empty());
}

TEST_CASE("a next hop in the file is used from the start, whatever the neighbours say") {
  configuration f = file({vip(0, {1, 2})});
  f.next_hops = {{to(1).address, {2, 0, 0, 0, 0, 50}, "p1"}};
  rig r(f, false);
  CHECK(r.slots("v0", 1) == 1021);
  r.plane.next_hop(to(1), std::nullopt);
  r.plane.next_hop(to(2), hop());
  r.plane.settle();
  const rw_hop word = rw_hop_of(r.store.memory().reals[r.view("v0", 1).element].hop);
  CHECK(word.mac[5] == 50);
  CHECK(word.port == 1);
  CHECK(word.state == RW_HOP_UP);
  f.next_hops.clear();
  r.plane.reload(f, false);
  CHECK(r.slots("v0", 1) == 0);
  CHECK_FALSE(r.up(1));
}

TEST_CASE("timeouts and limits are the file's, from the start and after a reload") {
  configuration f = file({vip(0, {1})});
  f.timeouts.established = 77;
  f.limits.answers = 5;
  rig r(f);
  CHECK(r.store.memory().control->timeout[RW_CONN_LIVE] == 77);
  CHECK(r.store.memory().control->answer_limit == 5);
  f.timeouts.established = 78;
  f.limits.new_flows = 9;
  r.plane.reload(f, false);
  CHECK(r.store.memory().control->timeout[RW_CONN_LIVE] == 78);
  CHECK(r.store.memory().control->flow_limit == 9);
}

TEST_CASE("ticks pass the whole connection table, a small one every second") {
  for (const std::uint32_t connections : {8u, 5000u, 600'000u}) {
    configuration f = file({vip(0, {1})});
    f.capacity.connections = connections;
    rig r(f);
    const rw_lb_memory& m = r.store.memory();
    CHECK(r.plane.occupancy().free == m.conn_count * std::uint64_t{RW_CONN_WAYS});
    for (std::uint32_t b = 0; b < m.conn_count; ++b) {
      m.conns[b].word[0] = rw_conn_word(1, 1000, RW_CONN_LIVE, 0);
      m.conns[b].word[1] = rw_conn_word(1, 900, RW_CONN_NEW, 0);
    }
    const std::uint32_t pass = r.plane.occupancy_seconds();
    CHECK(pass == (connections < 262'144 ? 1 : (m.conn_count + 32'767) / 32'768));
    for (std::uint32_t s = 1000; s < 1000 + pass; ++s) {
      CHECK(r.plane.occupancy().established == 0);
      r.plane.tick(s);
      CHECK(m.control->tick == s);
    }
    CHECK(r.plane.occupancy().established == m.conn_count);
    std::uint32_t left = 0;
    for (std::uint32_t b = 0; b < m.conn_count; ++b)
      left += rw_conn_state(m.conns[b].word[1]) != RW_CONN_FREE ? 1 : 0;
    CHECK(left == 0);
    r.plane.tick(1000 + 2 * pass);  // late: a larger portion
    CHECK(r.plane.occupancy().established == m.conn_count);
    CHECK(r.plane.occupancy().half_open == 0);
    for (std::uint32_t b = 0; b < m.conn_count; ++b) m.conns[b].word[0] = rw_conn_word(1, 0, RW_CONN_FREE, 0);
    for (std::uint32_t s = 1001 + 2 * pass; s < 1001 + 4 * pass; ++s) r.plane.tick(s);
    CHECK(r.plane.occupancy().established == 0);
  }
}

TEST_CASE("no connection table, nothing to pass") {
  configuration f = file({vip(0, {1})});
  f.capacity.connections = 0;
  rig r(f);
  r.plane.tick(5);
  CHECK(r.store.memory().control->tick == 5);
  CHECK(r.plane.occupancy().free == 0);
}

TEST_CASE("elements, destinations and what is in force by name") {
  configuration f = file({vip(0, {1, 2}), vip(1, {2})});
  rig r(f);
  using names = std::vector<std::pair<std::string, std::string>>;
  const auto element = static_cast<std::uint32_t>(r.view("v1", 2).element);
  CHECK(r.plane.who_has(element) == names{{"v0", "r2"}, {"v1", "r2"}});
  CHECK(r.plane.who_has(9999).empty());
  CHECK(r.plane.destinations() == std::set<lb_destination>{to(1), to(2)});
  CHECK(r.view("v0").id == r.plane.tables().vip_id(f.vips[0].vip));
  CHECK(r.plane.vips().size() == 2);
  CHECK(r.plane.find("none") == nullptr);
  r.plane.drain("v0", "r2", true);
  r.plane.set_weight("v0", "r1", 6);
  configuration now = r.plane.in_force();
  CHECK(now.vips[0].reals[1].member.weight == 0);
  CHECK(now.vips[0].reals[0].member.weight == 6);
  now.vips[0].reals = f.vips[0].reals;
  CHECK(now.vips == f.vips);
}
