// SPDX-License-Identifier: BSD-2-Clause
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <ringway/link_watch.hpp>

#include "../support/catch.hpp"
#include "../support/netns_guard.hpp"

using namespace ringway;
using namespace ringway::test;
using namespace std::chrono_literals;

namespace {

// The next event of that kind; others that come before it are none of the test's business.
std::optional<link_event> next(link_watch& watch, link_change what,
                               std::chrono::milliseconds timeout = 1000ms) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (std::chrono::steady_clock::now() < deadline)
    for (const link_event& e : watch.wait(50ms))
      if (e.what == what) return e;
  return std::nullopt;
}

struct two_pairs {
  two_pairs() {
    make_veth(a, "x0", peers, "y0");
    make_veth(b, "x0", peers, "y1");
    REQUIRE(a.at("x0").index() == b.at("x0").index());  // only the namespace tells them apart
  }
  netns_guard a{"a"}, b{"b"}, peers{"peers"};
  std::vector<interface> ports() const { return {a.at("x0"), b.at("x0")}; }
};

}  // namespace

TEST_CASE("a deleted interface is told within a second", "[link_watch]") {
  const two_pairs veths;
  link_watch watch(veths.ports());
  CHECK(watch.poll().empty());
  veths.b.run("ip link del x0");
  const auto event = next(watch, link_change::deleted);
  REQUIRE(event);
  CHECK(event->port == 1);
  CHECK(watch.poll().empty());
}

TEST_CASE("an interface that goes with its peer is told too", "[link_watch]") {
  const two_pairs veths;
  link_watch watch(veths.ports());
  veths.peers.run("ip link del y0");
  const auto event = next(watch, link_change::deleted);
  REQUIRE(event);
  CHECK(event->port == 0);
}

TEST_CASE("an interface that moves to another namespace is lost", "[link_watch]") {
  const two_pairs veths;
  link_watch watch(veths.ports());
  veths.a.run("ip link set x0 name x9 netns " + veths.peers.name());
  const auto event = next(watch, link_change::moved);
  REQUIRE(event);
  CHECK(event->port == 0);
}

TEST_CASE("carrier and MTU are told when they change, and only then", "[link_watch]") {
  const two_pairs veths;
  link_watch watch(veths.ports());
  veths.peers.run("ip link set y1 down");
  auto event = next(watch, link_change::carrier_down, 2500ms);
  REQUIRE(event);
  CHECK(event->port == 1);
  veths.peers.run("ip link set y1 up");
  event = next(watch, link_change::carrier_up, 2500ms);
  REQUIRE(event);
  CHECK(event->port == 1);
  veths.a.run("ip link set x0 mtu 1300");
  event = next(watch, link_change::mtu_changed);
  REQUIRE(event);
  CHECK(event->port == 0);
  CHECK(event->mtu == 1300);
  veths.a.run("ip link set x0 alias same txqueuelen 77");
  CHECK(watch.wait(100ms).empty());
}

TEST_CASE("leaving a bridge is not being deleted", "[link_watch]") {
  const two_pairs veths;
  veths.a.run("ip link add br0 type bridge; ip link set x0 master br0");
  link_watch watch(veths.ports());
  veths.a.run("ip link set x0 nomaster");
  CHECK_FALSE(next(watch, link_change::deleted, 200ms));
  veths.a.run("ip link del x0");
  CHECK(next(watch, link_change::deleted));
}

TEST_CASE("a deletion is seen though the socket has overflowed before it", "[link_watch]") {
  const two_pairs veths;
  link_watch watch(veths.ports());
  {
    netns_scope there(veths.a.ns());
    unique_fd socket(::socket(AF_INET, SOCK_DGRAM, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "x0");
    for (int i = 0; i < 2000; ++i) {
      request.ifr_mtu = 1400 + i % 2;
      REQUIRE(::ioctl(socket.value(), SIOCSIFMTU, &request) == 0);
    }
  }
  veths.a.run("ip link del x0");
  const auto event = next(watch, link_change::deleted);
  REQUIRE(event);
  CHECK(event->port == 0);
}
