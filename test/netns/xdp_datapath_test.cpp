// SPDX-License-Identifier: BSD-2-Clause
// The balance of the XDP datapath: what comes in leaves, or is lost under exactly one name.
#include <ringway/error.hpp>
#include <ringway/xdp_datapath.hpp>

#include "../support/catch.hpp"
#include "../support/counters_seen.hpp"
#include "../support/frames.hpp"
#include "../support/netns_guard.hpp"
#include "stalled_napi.hpp"
#include "xdp_programs.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

// gen/g0 -- p0/dut/p1 -- s0/sink
struct testbed {
  explicit testbed(const veth_options& sink_side = {}) {
    make_veth(gen, "g0", dut, "p0");
    make_veth(dut, "p1", sink, "s0", sink_side);
  }
  netns_guard gen{"gen"}, dut{"dut"}, sink{"sink"};
  std::vector<l2fwd_programs::way> pair() const { return {{dut.at("p0"), 1}, {dut.at("p1"), 0}}; }
};

std::uint64_t drops(const port_stats& s, rw_reason reason) { return s.drops[reason]; }

// Over all ports: received = sent + dropped + passed.
void check_balance(const std::vector<port_stats>& ports) {
  std::uint64_t in = 0, out = 0;
  for (const port_stats& p : ports) {
    note_counters(p);
    in += p.rx_packets;
    out += p.tx_packets + p.dropped() + p.passed;
  }
  CHECK(in == out);
}

}  // namespace

TEST_CASE("frames cross in both directions and each is counted once", "[xdp]") {
  const testbed bed;
  const l2fwd_programs programs(bed.pair());
  xdp_datapath datapath(programs.config());
  CHECK(datapath.note() == "");
  CHECK(datapath.modes() == std::vector{attach_mode::native, attach_mode::native});

  frame_counter at_sink(bed.sink.at("s0")), at_gen(bed.gen.at("g0"));
  REQUIRE(send_frames(bed.gen.at("g0"), 1000) == 1000);
  REQUIRE(send_frames(bed.sink.at("s0"), 300) == 300);
  CHECK(eventually([&] { return at_sink.count() == 1000 && at_gen.count() == 300; }));

  const auto s = datapath.snapshot();
  REQUIRE(s.size() == 2);
  CHECK(s[0].rx_packets == 1000);
  CHECK(s[0].rx_bytes == 60000);
  CHECK(s[1].tx_packets == 1000);
  CHECK(s[1].tx_bytes == 60000);
  CHECK(s[1].rx_packets == 300);
  CHECK(s[0].tx_packets == 300);
  CHECK(s[0].dropped() + s[1].dropped() == 0);
  check_balance(s);
}

TEST_CASE("a peer with neither GRO nor XDP: every redirect is tx_refused", "[xdp]") {
  const testbed bed({.gro = false});
  const l2fwd_programs programs(bed.pair());
  frame_counter at_sink(bed.sink.at("s0"));

  SECTION("by tracepoint") {
    xdp_datapath datapath(programs.config());
    REQUIRE(datapath.note() == "");
    REQUIRE(send_frames(bed.gen.at("g0"), 1000) == 1000);
    CHECK(eventually([&] { return drops(datapath.snapshot()[1], RW_REASON_TX_REFUSED) == 1000; }));
    const auto s = datapath.snapshot();
    CHECK(s[0].rx_packets == 1000);
    CHECK(s[1].tx_packets == 0);
    CHECK(drops(s[1], RW_REASON_TX_DEVICE) == 0);
    check_balance(s);
  }
  SECTION("without tracepoints, by the netdevs' counters, and the note says so") {
    xdp_datapath_config config = programs.config();
    config.trace = false;
    xdp_datapath datapath(config);
    CHECK_THAT(datapath.note(), ContainsSubstring("no tracepoints"));
    REQUIRE(send_frames(bed.gen.at("g0"), 1000) == 1000);
    CHECK(eventually([&] { return drops(datapath.snapshot()[1], RW_REASON_TX_REFUSED) == 1000; }));
    CHECK(datapath.snapshot()[1].tx_packets == 0);
    check_balance(datapath.snapshot());
  }
  CHECK(at_sink.count() == 0);
}

TEST_CASE("a stalled peer: sent = received + tx_device", "[xdp]") {
  const testbed bed;
  const l2fwd_programs programs(bed.pair());
  xdp_datapath_config config = programs.config();
  bool exact = true;
  SECTION("by tracepoint") {}
  SECTION("without tracepoints") {
    config.trace = false;
    exact = false;
  }
  SECTION("in generic mode, which the tracepoints do not see") {
    config.attach = attach_mode::generic;
    bed.dut.run("ethtool -K p1 tso off");  // else skbs go round the peer's ring
    exact = false;
  }
  xdp_datapath datapath(config);
  CHECK((datapath.note() == "") == exact);

  frame_counter at_sink(bed.sink.at("s0"));
  const unsigned sent = [&] {
    const stalled_napi stalled(bed.sink, "s0");
    return send_frames(bed.gen.at("g0"), 5000);
  }();
  REQUIRE(sent == 5000);
  const auto arrived = [&] { return at_sink.count() + drops(datapath.snapshot()[1], RW_REASON_TX_DEVICE); };
  CHECK(eventually([&] { return arrived() == datapath.snapshot()[0].rx_packets; }, 5000));
  const auto s = datapath.snapshot();
  CHECK(s[0].rx_packets == 5000);
  CHECK(drops(s[1], RW_REASON_TX_DEVICE) > 1000);
  CHECK(at_sink.count() == s[1].tx_packets);
  CHECK(at_sink.count() + drops(s[1], RW_REASON_TX_DEVICE) == s[0].rx_packets);
  CHECK(drops(s[1], RW_REASON_TX_REFUSED) == 0);
  check_balance(s);
}

TEST_CASE("XDP_TX into a stalled peer: sent = received + tx_device", "[xdp]") {
  const testbed bed;
  const l2fwd_programs programs({{bed.dut.at("p0"), 0}});
  const unique_fd pass = load_pass("rw_pass");
  const attachment at_peer(bed.gen.at("g0"),
                           pass.value());  // without one, veth does not wake the peer for XDP_TX
  xdp_datapath datapath(programs.config());
  CHECK(datapath.note() == "");
  frame_counter back(bed.gen.at("g0"));
  const unsigned sent = [&] {
    const stalled_napi stalled(bed.gen, "g0");
    return send_frames(bed.gen.at("g0"), 5000);
  }();
  REQUIRE(sent == 5000);
  const auto arrived = [&] { return back.count() + drops(datapath.snapshot()[0], RW_REASON_TX_DEVICE); };
  CHECK(eventually([&] { return arrived() == datapath.snapshot()[0].rx_packets; }, 5000));
  const auto s = datapath.snapshot();
  CHECK(s[0].rx_packets == 5000);
  CHECK(drops(s[0], RW_REASON_TX_DEVICE) > 1000);
  CHECK(drops(s[0], RW_REASON_TX_REFUSED) == 0);
  CHECK(back.count() == s[0].tx_packets);
  check_balance(s);
}

TEST_CASE("losses of other forwarders are not ours, though their interfaces have the same numbers", "[xdp]") {
  const testbed ours, others;
  REQUIRE(ours.dut.at("p0").index() == others.dut.at("p0").index());
  REQUIRE(ours.dut.at("p1").index() == others.dut.at("p1").index());
  const l2fwd_programs our_programs(ours.pair()), other_programs(others.pair());
  xdp_datapath datapath(our_programs.config()), other_datapath(other_programs.config());
  // Both have sent something of which a loss could be taken off.
  REQUIRE(send_frames(ours.gen.at("g0"), 2000) == 2000);
  REQUIRE(send_frames(others.gen.at("g0"), 2000) == 2000);
  others.sink.run("ethtool -K s0 gro off");
  REQUIRE(send_frames(others.gen.at("g0"), 500) == 500);
  {
    const stalled_napi stalled(ours.sink, "s0");
    REQUIRE(send_frames(ours.gen.at("g0"), 2000) == 2000);
  }
  CHECK(eventually([&] { return datapath.snapshot()[0].rx_packets == 4000; }));
  CHECK(eventually([&] { return other_datapath.snapshot()[0].rx_packets == 2500; }));
  CHECK(drops(datapath.snapshot()[1], RW_REASON_TX_DEVICE) > 0);
  CHECK(drops(datapath.snapshot()[1], RW_REASON_TX_REFUSED) == 0);
  CHECK(drops(other_datapath.snapshot()[1], RW_REASON_TX_DEVICE) == 0);
  CHECK(drops(other_datapath.snapshot()[1], RW_REASON_TX_REFUSED) == 500);
}

TEST_CASE("ports may be in different namespaces", "[xdp]") {
  netns_guard gen("gen"), left("left"), right("right"), sink("sink");
  make_veth(gen, "g0", left, "p0");
  make_veth(right, "p1", sink, "s0");
  const l2fwd_programs programs({{left.at("p0"), 1}, {right.at("p1"), 0}});
  xdp_datapath datapath(programs.config());
  frame_counter at_sink(sink.at("s0"));
  REQUIRE(send_frames(gen.at("g0"), 100) == 100);
  CHECK(eventually([&] { return at_sink.count() == 100; }));
  check_balance(datapath.snapshot());
}

TEST_CASE("detaching leaves nothing, and the counters can still be read", "[xdp]") {
  const testbed bed;
  const l2fwd_programs programs(bed.pair());
  xdp_datapath datapath(programs.config());
  REQUIRE(send_frames(bed.gen.at("g0"), 10) == 10);
  datapath.detach();
  CHECK_FALSE(program_on(bed.dut.at("p0")));
  CHECK_FALSE(program_on(bed.dut.at("p1")));
  CHECK_THAT(bed.dut.run("ip -d link show p0"), ContainsSubstring("promiscuity 0"));
  CHECK(datapath.snapshot()[0].rx_packets == 10);
}

TEST_CASE("a wrong set of ports is refused before anything is touched", "[xdp]") {
  const testbed bed;
  const l2fwd_programs programs(bed.pair());
  xdp_datapath_config config = programs.config();
  SECTION("the same one twice") { config.ports[1].where = config.ports[0].where; }
  SECTION("an egress that does not exist") { config.ports[1].egress = 2; }
  SECTION("none") { config.ports.clear(); }
  CHECK_THROWS_AS(xdp_datapath(config), usage_error);
  CHECK_FALSE(program_on(bed.dut.at("p0")));
}
