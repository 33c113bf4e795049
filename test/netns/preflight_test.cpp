// SPDX-License-Identifier: BSD-2-Clause
// Each fault is seeded, is named, and is mended by the very command that the warning gives.
#include <sys/mount.h>

#include <ringway/error.hpp>
#include <ringway/preflight.hpp>

#include "../support/catch.hpp"
#include "../support/netns_guard.hpp"
#include "xdp_programs.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

struct dut_and_peer {
  explicit dut_and_peer(const veth_options& options = {}) { make_veth(dut, "p0", peer, "g0", options); }
  netns_guard dut{"dut"}, peer{"peer"};
  std::vector<std::string> warnings(datapath way, attach_mode attach = attach_mode::automatic) const {
    return preflight({dut.at("p0")}, way, attach);
  }
};

std::string command_in(const std::string& warning) {
  const std::string mark = "Mend: ";
  const std::size_t at = warning.find(mark);
  REQUIRE(at != std::string::npos);
  return warning.substr(at + mark.size());
}

}  // namespace

TEST_CASE("a pair that is set up well is not complained of", "[preflight]") {
  const dut_and_peer bed;
  CHECK(bed.warnings(datapath::xdp).empty());
  CHECK(bed.warnings(datapath::afxdp).empty());
}

TEST_CASE("a default veth: every fault is named, and its command mends it", "[preflight]") {
  const dut_and_peer bed({.offloads = true, .gro = false});
  const std::vector<std::string> warnings = bed.warnings(datapath::xdp);
  REQUIRE(warnings.size() == 3);
  for (const std::string& w : warnings) CHECK_THAT(w, ContainsSubstring(bed.dut.path("p0")));
  CHECK_THAT(warnings[0], ContainsSubstring("tx-checksumming") && ContainsSubstring("TCP hangs") &&
                              ContainsSubstring(bed.dut.path("p0") + " and " + bed.peer.path("g0")));
  CHECK_THAT(warnings[1], ContainsSubstring("tx-vlan-offload"));
  CHECK_THAT(warnings[2],
             ContainsSubstring("neither an XDP program nor GRO") && ContainsSubstring("tx_refused"));
  for (std::size_t left = warnings.size(); left > 0; --left) {
    const auto now = bed.warnings(datapath::xdp);
    REQUIRE(now.size() == left);
    run(command_in(now[0]));
  }
  CHECK(bed.warnings(datapath::xdp).empty());
}

TEST_CASE("each end is looked at on its own", "[preflight]") {
  const dut_and_peer bed;
  SECTION("ours") { bed.dut.run("ethtool -K p0 tx on"); }
  SECTION("the peer's") { bed.peer.run("ethtool -K g0 tx on"); }
  const auto warnings = bed.warnings(datapath::afxdp);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], !ContainsSubstring(" and " + bed.peer.path("g0")));
  run(command_in(warnings[0]));
  CHECK(bed.warnings(datapath::afxdp).empty());
}

TEST_CASE("GRO at the peer matters for native redirects only, and an XDP program does as well",
          "[preflight]") {
  const dut_and_peer bed({.gro = false});
  CHECK(bed.warnings(datapath::xdp).size() == 1);
  CHECK(bed.warnings(datapath::afxdp).empty());
  CHECK(bed.warnings(datapath::xdp, attach_mode::generic).empty());
  const unique_fd program = load_pass("rw_test");
  const attachment at_peer(bed.peer.at("g0"), program.value());
  CHECK(bed.warnings(datapath::xdp).empty());
}

TEST_CASE("a port with an address", "[preflight]") {
  const dut_and_peer bed;
  bed.dut.run("ip addr add 10.1.2.3/24 dev p0");
  const auto warnings = bed.warnings(datapath::afxdp);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], ContainsSubstring("has the address 10.1.2.3/24"));
  const std::string command = command_in(warnings[0]);
  run(command.substr(command.find("ip netns")));
  CHECK(bed.warnings(datapath::afxdp).empty());
}

TEST_CASE("GRO that the peer turned on while it was down, after our end had come up, does not count",
          "[preflight]") {
  const dut_and_peer bed({.gro = false});
  bed.dut.run("ip link set p0 up");
  bed.peer.run("ip link set g0 down; ethtool -K g0 gro on");
  const bool up_again = GENERATE(false, true);
  if (up_again) bed.peer.run("ip link set g0 up");
  const auto warnings = bed.warnings(datapath::xdp);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], ContainsSubstring("tx_refused"));
  run(command_in(warnings[0]));
  CHECK(bed.warnings(datapath::xdp).empty());
}

TEST_CASE("a port that reflects by XDP_TX needs a program at its peer, GRO is not enough", "[preflight]") {
  const dut_and_peer bed;
  const auto warnings = [&](datapath way) {
    return preflight({bed.dut.at("p0")}, {.way = way, .attach = attach_mode::automatic, .reflecting = {0}});
  };
  REQUIRE(warnings(datapath::xdp).size() == 1);
  CHECK_THAT(warnings(datapath::xdp)[0], ContainsSubstring("XDP_TX"));
  CHECK(warnings(datapath::afxdp).empty());
  const unique_fd program = load_pass("rw_test");
  const attachment at_peer(bed.peer.at("g0"), program.value());
  CHECK(warnings(datapath::xdp).empty());
}

TEST_CASE("a peer out of reach: the warning names the symptom", "[preflight]") {
  const dut_and_peer bed({.gro = false});
  const netns nameless = bed.peer.ns();
  REQUIRE(::umount2(("/run/netns/" + bed.peer.name()).c_str(), MNT_DETACH) == 0);
  auto warnings = bed.warnings(datapath::afxdp);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], ContainsSubstring("ping works and TCP hangs"));
  warnings = bed.warnings(datapath::xdp);  // the kernel tells our end that redirects would be refused
  REQUIRE(warnings.size() == 2);
  CHECK_THAT(warnings[0], ContainsSubstring("tx_refused") && ContainsSubstring("ethtool -K PEER gro on"));
}

TEST_CASE("a port that carries the default route is refused", "[preflight]") {
  const dut_and_peer bed;
  CHECK_NOTHROW(refuse_default_route({bed.dut.at("p0")}));
  bed.dut.run("ip addr add 10.1.2.3/24 dev p0; ip route add default via 10.1.2.1");
  CHECK_THROWS_WITH(refuse_default_route({bed.dut.at("p0")}),
                    ContainsSubstring(bed.dut.path("p0")) && ContainsSubstring("--force"));
}
