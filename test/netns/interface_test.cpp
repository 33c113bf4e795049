// SPDX-License-Identifier: BSD-2-Clause
#include <fcntl.h>
#include <sys/mount.h>

#include <ringway/error.hpp>
#include <ringway/interface.hpp>

#include "../support/catch.hpp"
#include "../support/child.hpp"
#include "../support/frames.hpp"
#include "../support/netns_guard.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

std::string message_of(const std::string& interface_name) {
  try {
    interface(interface_name).index();
  } catch (const error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a namespace is found by name, process and path", "[netns]") {
  const netns_guard there("there");
  child process([&] {
    netns_scope in(there.ns());
    child::ready_and_wait();
  });
  process.wait_until_ready();
  CHECK(netns::open(there.name()) == there.ns());
  CHECK(netns::open("/run/netns/" + there.name()) == there.ns());
  CHECK(netns::open(fmt::format("/proc/{}/ns/net", process.id())) == there.ns());
  // The child has changed the namespace of the only thread it has, so of the process.
  CHECK(netns::open(std::to_string(process.id())) == there.ns());
  CHECK_FALSE(netns::current() == there.ns());
}

TEST_CASE("a scope enters a namespace and comes back, also from an exception", "[netns]") {
  const netns_guard there("there");
  const netns home = netns::current();
  {
    netns_scope in(there.ns());
    CHECK(netns::current() == there.ns());
    netns_scope again(there.ns());
    CHECK(netns::current() == there.ns());
  }
  CHECK(netns::current() == home);
  CHECK_THROWS_AS(
      [&] {
        netns_scope in(there.ns());
        throw std::runtime_error("x");
      }(),
      std::runtime_error);
  CHECK(netns::current() == home);
}

TEST_CASE("the command that runs something in a namespace works", "[netns]") {
  const netns_guard there("there");
  child process([&] {
    netns_scope in(there.ns());
    child::ready_and_wait();
  });
  process.wait_until_ready();
  const std::string inode = fmt::format("net:[{}]", there.ns().inode());
  for (const std::string& how : {there.name(), "/run/netns/" + there.name(), std::to_string(process.id())})
    CHECK_THAT(run(netns::open(how).command_prefix() + "readlink /proc/self/ns/net"),
               ContainsSubstring(inode));
}

TEST_CASE("what is not there is named, with what is", "[interface]") {
  const netns_guard there("there");
  CHECK_THAT(message_of("rw-nowhere/x0"),
             ContainsSubstring("network namespace rw-nowhere (there are") && ContainsSubstring(there.name()));
  CHECK_THAT(message_of(there.path("x0")),
             ContainsSubstring("find interface " + there.path("x0")) && ContainsSubstring("(there are lo)"));
  CHECK_THAT(message_of("/dev/null/x0"), ContainsSubstring("/dev/null is no network namespace"));
  CHECK_THAT(message_of("2147483647/x0"), ContainsSubstring("network namespace of process 2147483647"));
  CHECK_THAT(message_of(there.path("a-name-that-is-too-long")),
             ContainsSubstring("cannot be an interface's name"));
  CHECK_THAT(message_of(""), ContainsSubstring("cannot be an interface's name"));
  CHECK_THAT(message_of("/x0"), ContainsSubstring("empty name"));
}

TEST_CASE("an interface says what the kernel knows of it", "[interface]") {
  const netns_guard a("a"), b("b");
  make_veth(a, "x0", b, "y0", {.up = false});
  const interface x = a.at("x0");
  CHECK(x.name() == a.name() + "/x0");
  CHECK(x.ifname() == "x0");
  CHECK(x.driver() == "veth");
  CHECK(x.is_veth());
  CHECK_FALSE(a.at("lo").is_veth());

  CHECK_FALSE(x.up());
  CHECK_FALSE(x.carrier());
  a.run("ip link set x0 up mtu 1400 address 02:00:00:00:00:2a");
  CHECK(x.up());
  CHECK_FALSE(x.carrier());
  b.run("ip link set y0 up");
  CHECK(x.carrier());
  CHECK(x.mtu() == 1400);
  CHECK(x.mac() == std::array<std::uint8_t, 6>{2, 0, 0, 0, 0, 0x2a});

  a.run("ip addr add 10.9.8.7/24 dev x0");
  CHECK(x.addresses() == std::vector<std::string>{"10.9.8.7/24"});
  CHECK(b.at("y0").addresses().empty());
  const std::uint64_t before = b.at("y0").statistics().rx_packets;
  REQUIRE(send_frames(x, 7) == 7);
  CHECK(eventually([&] { return b.at("y0").statistics().rx_packets == before + 7; }));

  a.run("ip link del x0");
  CHECK_THROWS_WITH(x.mtu(), ContainsSubstring("has been deleted or moved away"));
}

TEST_CASE("queues are those in use, not those allocated", "[interface]") {
  const netns_guard a("a"), b("b");
  make_veth(a, "x0", b, "y0", {.queues = 4});
  const interface x = a.at("x0");
  CHECK(x.rx_queues() == 4);
  CHECK(x.tx_queues() == 4);
  b.run("ethtool -L y0 tx 2");
  a.run("ethtool -L x0 rx 3 tx 1");
  CHECK(x.rx_queues() == 3);
  CHECK(x.tx_queues() == 1);
  CHECK(a.at("lo").rx_queues() == 1);  // has no channels to ask for
  CHECK(a.at("lo").tx_queues() == 1);
}

TEST_CASE("offloads are read as they are set", "[interface]") {
  const netns_guard a("a"), b("b");
  make_veth(a, "x0", b, "y0", {.gro = false});
  const interface x = a.at("x0");
  CHECK(x.features().tx_checksum == false);
  CHECK(x.features().tx_vlan == false);
  CHECK(x.features().gro == false);
  a.run("ethtool -K x0 tx on txvlan on gro on tso on");
  CHECK(x.features().tx_checksum == true);
  CHECK(x.features().tx_vlan == true);
  CHECK(x.features().gro == true);
  CHECK(x.features().tso == true);
}

TEST_CASE("the default route is found, also through a bridge", "[interface]") {
  const netns_guard a("a"), b("b");
  make_veth(a, "x0", b, "y0");
  make_veth(a, "x1", b, "y1");
  const interface x0 = a.at("x0"), x1 = a.at("x1");
  CHECK_FALSE(x0.carries_default_route());
  SECTION("directly") {
    a.run("ip addr add 10.0.0.1/24 dev x0; ip route add default via 10.0.0.2");
    CHECK(x0.carries_default_route());
    CHECK_FALSE(x1.carries_default_route());
  }
  SECTION("in a table of its own, as one of several hops") {
    a.run("ip addr add 10.0.0.1/24 dev x0; ip addr add 10.0.1.1/24 dev x1");
    a.run("ip route add default table 77 nexthop via 10.0.0.2 nexthop via 10.0.1.2");
    CHECK(x0.carries_default_route());
    CHECK(x1.carries_default_route());
  }
  SECTION("as a port of a bridge") {
    a.run("ip link add br0 type bridge; ip link set br0 up; ip link set x1 master br0");
    a.run("ip addr add 10.0.0.1/24 dev br0; ip route add default via 10.0.0.2");
    CHECK(x1.carries_default_route());
    CHECK_FALSE(x0.carries_default_route());
  }
}

TEST_CASE("a veth's peer is found wherever it is in reach", "[interface]") {
  const netns_guard a("a"), b("b");
  SECTION("in the same namespace") {
    make_veth(a, "x0", a, "x1");
    REQUIRE(a.at("x0").peer());
    CHECK(*a.at("x0").peer() == a.at("x1"));
  }
  SECTION("in one with a name") {
    make_veth(a, "x0", b, "y0");
    REQUIRE(a.at("x0").peer());
    CHECK(*a.at("x0").peer() == b.at("y0"));
    CHECK(a.at("x0").peer()->name() == b.path("y0"));
  }
  SECTION("in one that only a process is in; and not in one that nobody is in") {
    make_veth(a, "x0", b, "y0");
    const netns nameless = b.ns();
    std::optional<child> process(std::in_place, [&] {
      netns_scope in(nameless);
      child::ready_and_wait();
    });
    process->wait_until_ready();
    REQUIRE(::umount2(("/run/netns/" + b.name()).c_str(), MNT_DETACH) == 0);  // its name is gone, it is not
    REQUIRE(a.at("x0").peer());
    CHECK(a.at("x0").peer()->name() == fmt::format("{}/y0", process->id()));
    process.reset();
    CHECK_FALSE(a.at("x0").peer());
  }
  SECTION("what is no veth has none") { CHECK_FALSE(a.at("lo").peer()); }
}
