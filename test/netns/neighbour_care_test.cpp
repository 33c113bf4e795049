// SPDX-License-Identifier: BSD-2-Clause
// Whose neighbours are whose, and what is left; messages that are lost; addresses and announcements.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ringway/addresses.hpp>
#include <ringway/announcer.hpp>
#include <ringway/error.hpp>

#include "next_hops_bed.hpp"

using namespace ringway;
using namespace ringway::test;

TEST_CASE("what others look after is only read", "[next_hops]") {
  const bed b;
  b.lb.run(
      "ip neigh add 10.0.0.77 dev x0 lladdr 02:00:00:00:00:77 nud permanent; "
      "ip neigh add 10.0.0.78 dev x0 lladdr 02:00:00:00:00:78 nud reachable extern_learn; "
      "ip neigh add 10.0.0.2 dev x0 managed");
  {
    watcher w(b.ports());
    want(w, {"10.0.0.77", "10.0.0.78", "10.0.0.2", "fd00::2"});
    CHECK(w.until([&] { return w.last.size() == 4; }));
    CHECK(w.at("10.0.0.77", 0, mac_of(0x77)));
    CHECK(w.at("10.0.0.78", 0, mac_of(0x78)));
    CHECK(w.at("10.0.0.2", 0, mac_of(2)));
    CHECK(has(b.neighbour("10.0.0.77"), "PERMANENT"));
    CHECK_FALSE(has(b.neighbour("10.0.0.77"), "managed"));
    CHECK(has(b.neighbour("10.0.0.78"), "extern_learn"));
    // Set by hand while it is kept here; and the other way round.
    b.lb.run("ip neigh replace fd00::2 dev x0 lladdr 02:00:00:00:00:88 nud permanent");
    CHECK(w.until([&] { return w.at("fd00::2", 0, mac_of(0x88)); }));
    b.lb.run("ip neigh del 10.0.0.77 dev x0");
    b.r0.run("ip addr add 10.0.0.77/24 dev y0");
    CHECK(w.until([&] { return w.at("10.0.0.77", 0, mac_of(2)); }));
    CHECK(has(b.neighbour("10.0.0.77"), "managed"));
  }
  CHECK(has(b.neighbour("fd00::2"), "PERMANENT"));
  CHECK(has(b.neighbour("10.0.0.2"), "managed"));  // the user's
  CHECK(has(b.neighbour("10.0.0.78"), "extern_learn"));
  CHECK_FALSE(has(b.neighbour("10.0.0.77"), "managed"));
}

TEST_CASE("nothing is left managed, not even what a killed process left", "[next_hops]") {
  const bed b;
  {
    watcher w(b.ports());
    want(w, {"10.0.0.2", "fd00::2", "10.0.0.200", "10.0.1.2"});
    REQUIRE(w.until([&] { return w.last.size() == 4; }));
    CHECK(has(b.neighbour("10.0.0.200"), "managed"));
    want(w, {"10.0.0.2", "fd00::2", "10.0.0.200"});
    w.turn();
    CHECK_FALSE(has(b.neighbour("10.0.1.2"), "managed"));
    CHECK(has(b.neighbour("fd00::2"), "managed"));
  }
  CHECK_FALSE(has(b.neighbours(), "managed"));
  CHECK(has(b.neighbour("10.0.0.2"), "lladdr"));  // and it is still known

  const pid_t child = ::fork();
  if (child == 0) {
    watcher w(b.ports());
    want(w, {"10.0.0.2", "fd00::2"});
    const bool resolved = w.until([&] { return w.last.size() == 2; });
    ::_exit(resolved ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(has(b.neighbours(), "managed"));
  {
    watcher w(b.ports());
    want(w, {"10.0.0.2", "fd00::2"});
    REQUIRE(w.until([&] { return w.last.size() == 2; }));
  }
  CHECK_FALSE(has(b.neighbours(), "managed"));
}

TEST_CASE("a flush, and the hand of another, are made good without a hop going away", "[next_hops]") {
  const bed b;
  watcher w(b.ports());
  want(w, {"10.0.0.2", "fd00::2"});
  REQUIRE(w.until([&] { return w.last.size() == 2; }));
  w.all.clear();
  b.lb.run("ip neigh flush dev x0");
  w.pass(500ms);
  CHECK(has(b.neighbour("10.0.0.2"), "managed"));
  CHECK(has(b.neighbour("fd00::2"), "managed"));
  b.lb.run("ip neigh replace 10.0.0.2 dev x0 use");
  CHECK_FALSE(has(b.neighbour("10.0.0.2"), "managed"));
  w.pass(500ms);
  CHECK(has(b.neighbour("10.0.0.2"), "managed"));
  CHECK(w.all.empty());
  // One that does not come back is lost after a second.
  b.r0.run("ip addr del 10.0.0.2/24 dev y0");
  b.lb.run("ip neigh flush dev x0");
  CHECK(w.until([&] { return w.none("10.0.0.2"); }, 2500ms));
  CHECK(w.at("fd00::2", 0, mac_of(2)));
}

TEST_CASE("lost messages are made good", "[next_hops]") {
  const bed b;
  b.lb.run("ip route add 10.9.9.0/24 via 10.0.0.2");
  const bool managed = GENERATE(true, false);
  watcher w(b.ports(), {.managed = managed, .receive_buffer = 1});
  want(w, {"10.0.0.2", "fd00::2", "10.9.9.9", "10.0.1.2"});
  REQUIRE(w.until([&] { return w.last.size() == 4; }));
  const std::string noise =
      "i=0; while [ $i -lt 60 ]; do echo neigh replace 10.0.0.$((100 + i)) dev x0 lladdr "
      "02:00:00:00:01:01 nud stale; i=$((i + 1)); done | ip -batch -";
  SECTION("of neighbours and routes") {
    b.lb.run(noise);
    b.lb.run(
        "ip neigh replace 10.0.0.2 dev x0 lladdr 02:00:00:00:00:99 nud permanent; "
        "ip neigh replace 10.0.1.2 dev x1 lladdr 02:00:00:00:00:98 nud permanent; ip route replace "
        "10.9.9.0/24 via 10.0.1.2");
    CHECK(
        w.until([&] { return w.at("10.0.0.2", 0, mac_of(0x99)) && w.at("10.9.9.9", 1, mac_of(0x98)); }, 1s));
  }
  SECTION("of a link") {
    b.lb.run(noise);
    b.r1.run("ip link set y1 down");
    CHECK(w.until([&] { return w.none("10.0.1.2"); }, 3s));
    CHECK(w.at("10.0.0.2", 0, mac_of(2)));
  }
}

TEST_CASE("hops that come up together are told together", "[next_hops]") {
  const bed b;
  watcher w(b.ports());
  const auto began = clock_type::now();
  want(w, {"10.0.0.2", "10.0.0.200"});  // the second never answers
  REQUIRE(w.until([&] { return w.known("10.0.0.2"); }));
  const auto waited = clock_type::now() - began;
  CHECK(waited >= 190ms);
  CHECK(waited < 600ms);
  CHECK_FALSE(w.known("10.0.0.200"));  // its second is not over
  CHECK(w.until([&] { return w.none("10.0.0.200"); }, 1500ms));
}

TEST_CASE("many addresses behind few gateways", "[next_hops]") {
  const bed b;
  b.lb.run("ip route add 10.32.0.0/16 via 10.0.0.2; ip route add 10.33.0.0/16 via 10.0.1.2");
  watcher w(b.ports());
  std::set<ip_address> many;
  for (unsigned i = 0; i < 1000; ++i) {
    many.insert(ip(fmt::format("10.32.{}.{}", i / 250, 1 + i % 250)));
    many.insert(ip(fmt::format("10.33.{}.{}", i / 250, 1 + i % 250)));
  }
  w.hops.want(many);
  REQUIRE(w.until([&] { return w.last.size() == 2000; }));
  CHECK(w.at("10.33.3.250", 1, mac_of(3)));
  const std::string before = b.neighbours();
  CHECK(std::count(before.begin(), before.end(), '\n') <= 8);  // shared
  w.all.clear();
  b.lb.run("ip route replace 10.33.0.0/16 via 10.0.0.2");
  CHECK(w.until([&] { return w.at("10.33.3.250", 0, mac_of(2)); }));
  REQUIRE(w.all.size() == 1);  // all of them at once
  CHECK(w.all[0].size() == 1000);
}

TEST_CASE("ports that cannot be served are refused", "[next_hops]") {
  const bed b;
  CHECK_THROWS_AS(next_hops({}), usage_error);
  CHECK_THROWS_WITH(next_hops({b.lb.at("x0"), b.r0.at("y0")}),
                    ContainsSubstring("different network namespaces"));
}

TEST_CASE("the addresses of a namespace", "[addresses]") {
  const bed b;
  const unsigned x0 = b.lb.at("x0").index();
  const auto all = addresses_of(b.lb.ns());
  const auto there = [&](unsigned ifindex, const char* a, unsigned prefix) {
    return std::count_if(all.begin(), all.end(), [&](const local_address& l) {
             return l.ifindex == ifindex && l.address == ip(a) && l.prefix == prefix;
           }) == 1;
  };
  CHECK(there(1, "127.0.0.1", 8));
  CHECK(there(x0, "10.0.0.1", 24));
  CHECK(there(x0, "fd00::1", 64));
  CHECK_FALSE(there(x0, "10.0.0.2", 24));
  b.lb.run("ip addr add 10.3.0.1 peer 10.3.0.2/32 dev x0");
  const auto more = addresses_of(b.lb.ns());
  CHECK(std::any_of(more.begin(), more.end(), [](const auto& l) { return l.address == ip("10.3.0.1"); }));
  CHECK(std::none_of(more.begin(), more.end(), [](const auto& l) { return l.address == ip("10.3.0.2"); }));
}

TEST_CASE("one port that takes no announcement does not keep others from it", "[announcer]") {
  const bed b;
  // Neighbours that are known with a wrong link address: an announcement corrects them.
  b.r0.run(
      "ip neigh add 10.0.0.100 dev y0 lladdr 02:00:00:00:00:99 nud stale; echo 0 > "
      "/proc/sys/net/ipv4/neigh/y0/locktime; ip neigh add fd00::100 dev y0 lladdr 02:00:00:00:00:99 nud "
      "stale");
  announcer out({b.lb.at("x1"), b.lb.at("x0")});
  b.lb.run("ip link set x0 address 02:00:00:00:00:50; ip link del x1");
  const std::vector<ip_address> vips{ip("10.0.0.100"), ip("fd00::100")};
  out.announce(vips);
  CHECK(eventually([&] { return has(b.r0.run("ip neigh show 10.0.0.100"), "02:00:00:00:00:50"); }));
  CHECK(eventually([&] { return has(b.r0.run("ip neigh show fd00::100"), "02:00:00:00:00:50"); }));
}
