// SPDX-License-Identifier: BSD-2-Clause
// Where hops lead, and what makes them change.
#include <cstdio>
#include <ringway/announcer.hpp>
#include <ringway/error.hpp>

#include "next_hops_bed.hpp"

using namespace ringway;
using namespace ringway::test;

TEST_CASE("neighbours on the link and behind gateways, of both families", "[next_hops]") {
  const bed b;
  b.lb.run(
      "ip route add 10.9.9.0/24 via 10.0.1.2; ip route add fd09::/64 via fe80::2 dev x1; "
      "ip route add 10.8.0.0/24 via inet6 fe80::2 dev x0");
  watcher w(b.ports());
  want(w, {"10.0.0.2", "fd00::2", "10.9.9.9", "fd09::9", "10.8.0.1"});
  CHECK(w.until([&] { return w.last.size() == 5; }));
  CHECK(w.at("10.0.0.2", 0, mac_of(2)));
  CHECK(w.at("fd00::2", 0, mac_of(2)));
  CHECK(w.at("10.9.9.9", 1, mac_of(3)));  // by way of an IPv4 gateway
  CHECK(w.at("fd09::9", 1, mac_of(3)));   // by way of a link-local one
  CHECK(w.at("10.8.0.1", 0, mac_of(2)));  // by way of one of the other family
  CHECK(has(b.neighbour("10.0.1.2"), "managed"));
  CHECK(has(b.neighbour("fe80::2"), "managed"));
  w.pass(100ms);
  CHECK(w.hops.news().empty());  // told once
}

TEST_CASE("no way, and why", "[next_hops]") {
  const bed b;
  const netns_guard other("other");
  make_veth(b.lb, "x2", other, "y2");
  b.lb.run(
      "ip addr add 10.0.2.1/24 dev x2; ip route add unreachable 10.7.0.0/16; ip route add blackhole "
      "10.6.0.0/16; ip route add unreachable fd07::/64");
  watcher w(b.ports());
  want(w, {"10.250.0.1", "fd50::1", "10.0.2.2", "10.0.0.1", "10.0.0.255", "10.7.0.1", "10.6.0.1", "fd07::1",
           "10.0.0.200"});
  CHECK(w.until([&] { return w.last.size() == 9; }));
  for (const auto& [to, n] : w.last) CHECK_FALSE(n.hop);
  CHECK(w.why("10.250.0.1") == "there is no route to 10.250.0.1");
  CHECK(w.why("fd50::1") == "there is no route to fd50::1");
  CHECK(w.why("10.0.2.2") == "the route to 10.0.2.2 leaves by x2, which is no port of ours");
  CHECK(w.why("10.0.0.1") == "10.0.0.1 is an address of this machine");
  CHECK(has(w.why("10.0.0.255"), "broadcast"));
  CHECK(has(w.why("10.7.0.1"), "leads nowhere"));
  CHECK(has(w.why("10.6.0.1"), "leads nowhere"));
  CHECK(has(w.why("fd07::1"), "leads nowhere"));
  CHECK(w.why("10.0.0.200") == "neighbour 10.0.0.200 of " + b.lb.path("x0") + " does not answer");
  CHECK_FALSE(has(b.neighbours(), "10.0.2.2"));  // and the kernel was not made to look for it
  b.lb.run("ip route add 10.250.0.0/24 via 10.0.0.2");
  CHECK(w.until([&] { return w.at("10.250.0.1", 0, mac_of(2)); }));
}

TEST_CASE("routes, rules and next hop objects move the egress port", "[next_hops]") {
  const bed b;
  b.lb.run(
      "ip route add 10.9.9.0/24 via 10.0.0.2; ip route add 10.9.0.0/16 via 10.0.1.2; "
      "ip route add fd09::/64 via fd00::2; ip route add default via 10.0.1.2 table 100; "
      "echo 0 > /proc/sys/net/ipv4/nexthop_compat_mode; ip nexthop add id 7 via 10.0.0.2 dev x0; "
      "ip nexthop add id 8 via 10.0.0.2 dev x0; ip nexthop add id 9 group 7/8; ip route add 10.5.0.0/24 nhid "
      "9");
  watcher w(b.ports());
  want(w, {"10.9.9.9", "fd09::9", "10.5.0.1"});
  REQUIRE(w.until([&] {
    return w.at("10.9.9.9", 0, mac_of(2)) && w.at("fd09::9", 0, mac_of(2)) && w.at("10.5.0.1", 0, mac_of(2));
  }));
  SECTION("a route goes, a wider one is there") {
    b.lb.run("ip route del 10.9.9.0/24");
    CHECK(w.until([&] { return w.at("10.9.9.9", 1, mac_of(3)); }));
    b.lb.run("ip route add 10.9.9.8/30 via 10.0.0.2");
    CHECK(w.until([&] { return w.at("10.9.9.9", 0, mac_of(2)); }));
  }
  SECTION("an IPv6 route is replaced") {
    b.lb.run("ip route replace fd09::/64 via fe80::2 dev x1");
    CHECK(w.until([&] { return w.at("fd09::9", 1, mac_of(3)); }));
    CHECK_FALSE(has(b.neighbour("fd00::2"), "managed"));  // what is needed no more is given back
  }
  SECTION("a rule") {
    b.lb.run("ip rule add to 10.9.9.9 lookup 100");
    CHECK(w.until([&] { return w.at("10.9.9.9", 1, mac_of(3)); }));
  }
  SECTION("a next hop object of a group") {
    b.lb.run("ip nexthop replace id 7 via 10.0.1.2 dev x1; ip nexthop replace id 8 via 10.0.1.2 dev x1");
    CHECK(w.until([&] { return w.at("10.5.0.1", 1, mac_of(3)); }));
  }
  SECTION("its port is taken down, and the routes with it") {
    b.lb.run("ip link set x0 down");
    CHECK(w.until([&] { return w.at("10.9.9.9", 1, mac_of(3)); }));
    CHECK(w.until([&] { return w.none("10.5.0.1"); }));
  }
}

TEST_CASE("a neighbour that dies, and comes back", "[next_hops]") {
  const bed b;
  const bool managed = GENERATE(true, false);
  CAPTURE(managed);
  watcher w(b.ports(), {.managed = managed});
  want(w, {"10.0.0.2", "fd00::2", "10.0.1.2"});
  REQUIRE(w.until([&] { return w.last.size() == 3; }));
  CHECK(has(b.neighbour("10.0.0.2"), "managed") == managed);
  SECTION("its addresses are removed") {
    b.r0.run("ip addr del 10.0.0.2/24 dev y0; ip addr del fd00::2/64 dev y0");
    // Found out without any traffic: within the time of reachability, the kernel's round of 5 s, and probes.
    CHECK(w.until([&] { return w.none("10.0.0.2") && w.none("fd00::2"); }, 12s));
    CHECK(w.why("10.0.0.2") == "neighbour 10.0.0.2 of " + b.lb.path("x0") + " does not answer");
    w.pass(1500ms);
    CHECK(w.none("10.0.0.2"));
    CHECK(w.at("10.0.1.2", 1, mac_of(3)));
    b.r0.run("ip addr add 10.0.0.2/24 dev y0; ip addr add fd00::2/64 dev y0");
    CHECK(w.until([&] { return w.at("10.0.0.2", 0, mac_of(2)) && w.at("fd00::2", 0, mac_of(2)); }));
    CHECK(has(b.neighbour("10.0.0.2"), "managed") == managed);
  }
  SECTION("its link goes down, and comes up with another address") {
    b.r0.run("ip link set y0 down");
    CHECK(w.until([&] { return w.none("10.0.0.2") && w.none("fd00::2"); }));
    // Told up to a second late; a neighbour may be found silent before.
    CHECK(w.until([&] { return w.why("10.0.0.2") == b.lb.path("x0") + " has no carrier"; }));
    w.all.clear();
    b.r0.run(
        "ip link set y0 address 02:00:00:00:00:22; ip link set y0 up; ip addr replace fd00::2/64 dev y0");
    CHECK(w.until([&] { return w.at("10.0.0.2", 0, mac_of(0x22)) && w.at("fd00::2", 0, mac_of(0x22)); }));
    CHECK(w.at("10.0.1.2", 1, mac_of(3)));
    if (!w.all.empty()) CHECK(w.all.back().size() == 2);  // both at once
    CHECK(has(b.neighbour("10.0.0.2"), "managed") == managed);
  }
}

TEST_CASE("a neighbour's link address changes", "[next_hops]") {
  const bed b;
  watcher w(b.ports());
  want(w, {"10.0.0.2", "fd00::2"});
  REQUIRE(w.until([&] { return w.last.size() == 2; }));
  w.all.clear();
  b.r0.run("ip link set y0 address 02:00:00:00:00:42");
  announcer out({b.r0.at("y0")});
  const std::vector<ip_address> moved{ip("10.0.0.2"), ip("fd00::2")};
  out.announce(moved);
  CHECK(w.until([&] { return w.at("10.0.0.2", 0, mac_of(0x42)) && w.at("fd00::2", 0, mac_of(0x42)); }));
  for (const auto& news : w.all)
    for (const next_hop_news& n : news) CHECK(n.hop);  // never away
}

TEST_CASE("neighbours stay resolved without traffic", "[next_hops]") {
  const bed b;
  b.r0.run("ip addr add 10.0.0.3/24 dev y0");
  b.lb.run("ip neigh add 10.0.0.3 dev x0 use");  // one that nobody keeps
  const bool managed = GENERATE(true, false);
  CAPTURE(managed);
  watcher w(b.ports(), {.managed = managed});
  want(w, {"10.0.0.2", "fd00::2"});
  REQUIRE(w.until([&] { return w.last.size() == 2; }));
  w.all.clear();
  w.pass(10s);
  CHECK(w.all.empty());
  CHECK(has(b.neighbour("10.0.0.3"), "STALE"));
  // "used A/B/C": seconds since it was used, confirmed and updated.
  for (const char* a : {"10.0.0.2", "fd00::2", "10.0.0.3"}) {
    const std::string line = b.lb.run(std::string("ip -s neigh show ") + a);
    CAPTURE(line);
    int used = -1, confirmed = -1;
    REQUIRE(has(line, " used "));
    REQUIRE(std::sscanf(line.c_str() + line.find(" used "), " used %d/%d/", &used, &confirmed) == 2);
    if (std::string(a) == "10.0.0.3")
      CHECK(confirmed >= 10);
    else
      CHECK(confirmed <= 8);
  }
}
