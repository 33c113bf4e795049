// SPDX-License-Identifier: BSD-2-Clause
// How full the connection table may be before established flows lose their real, by whole packets.
#include <ringway/lb_tables.hpp>

#include "bpf/lb_flow_frame.hpp"
#include "bpf/lb_native.hpp"
#include "support/catch.hpp"

using namespace ringway;

namespace {

constexpr std::uint32_t slots = 1u << 14, reals = 10;

lb_vip service(std::uint32_t first) {
  lb_vip v;
  v.address = ip_address::parse("198.51.100.1");
  v.port = 53;
  v.protocol = RW_IP_UDP;
  for (std::uint32_t n = first; n < first + reals; ++n) {
    lb_member m;
    m.to.address.family = 4;
    m.to.address.words[0] = RW_BE32(0x0a000001 + n);
    v.reals.push_back(m);
  }
  return v;
}

struct rig {
  lb_store store =
      lb_store::in_process({.vips = 2, .rings = 2, .reals = 32, .connections = slots, .ring_size = 4099});
  lb_tables tables{store, {}, [] {}};
  test::lb_native core{store, test::lb_port, test::lb_flow_key};

  rig() {
    tables.set_limits({.new_flows = 0, .answers = 0});
    tables.set_port(test::lb_port, test::lb_mac, 1500);
    for (const std::uint32_t first : {0u, reals})
      for (const lb_member& m : service(first).reals)
        tables.set_next_hop(m.to, {.mac = {2, 9}, .port = test::lb_other_port, .up = true});
    tables.set_port(test::lb_other_port, {2, 0, 0, 0, 0, 2}, 1500);
    tables.apply(std::vector<lb_vip>{service(0)});
  }
  /// Where the flow's packet goes.
  lb_destination send(std::uint32_t flow) {
    const auto frame = test::flow_frame(flow, service(0).address, service(0).port);
    REQUIRE(core.run(frame) == test::lb_other_port);
    const lb_destination* to = tables.destination_of(core.record().real);
    REQUIRE(to != nullptr);
    return *to;
  }
  std::vector<lb_destination> establish(std::uint32_t flows) {
    std::vector<lb_destination> at;
    for (std::uint32_t f = 0; f < flows; ++f) {
      send(f);  // of UDP one packet is not enough
      at.push_back(send(f));
    }
    return at;
  }
  std::uint64_t event(rw_lb_event e) { return core.local().events[e]; }
};

}  // namespace

TEST_CASE("with the table half full no established flow moves when reals change", "[lb]") {
  rig r;
  const std::vector<lb_destination> was = r.establish(slots / 2);
  r.tables.apply(std::vector<lb_vip>{service(1)});  // the first goes, another comes
  const lb_destination gone = service(0).reals.front().to;
  std::uint32_t moved = 0, orphans = 0;
  for (std::uint32_t f = 0; f < slots / 2; ++f) {
    const lb_destination now = r.send(f);
    if (was[f] == gone)
      ++orphans;
    else
      moved += now != was[f];
  }
  CHECK(moved == 0);
  CHECK(orphans > slots / 2 / reals / 2);
  CHECK(r.event(RW_LB_CONN_EVICTED_LIVE) == 0);
  CHECK(r.event(RW_LB_CONN_EVICTED_HALF) == 0);
  CHECK(r.event(RW_LB_CONN_MOVED) == orphans);
}

TEST_CASE("a drained real keeps the flows that it has, and gets no new ones", "[lb]") {
  rig r;
  const std::vector<lb_destination> was = r.establish(slots / 2);
  std::vector<lb_vip> drained = {service(0)};
  drained[0].reals[3].weight = 0;
  r.tables.apply(drained);
  std::uint32_t moved = 0, had = 0, has = 0;
  for (std::uint32_t f = 0; f < slots / 2; ++f) {
    moved += r.send(f) != was[f];
    had += was[f] == drained[0].reals[3].to;
  }
  for (std::uint32_t f = slots / 2; f < slots / 2 + 1000; ++f) has += r.send(f) == drained[0].reals[3].to;
  CHECK(moved == 0);
  CHECK(had > 0);
  CHECK(has == 0);
}

TEST_CASE("every flow that loses its entry is counted as an eviction, however full the table", "[lb]") {
  for (const std::uint32_t percent : {60u, 90u, 100u, 150u}) {
    rig r;
    const std::uint32_t flows = slots / 100 * percent;
    r.establish(flows);
    const lb_occupancy o = r.tables.sweep(0, ~0u);
    const std::uint64_t kept = o.half_open + o.established + o.closing;
    CAPTURE(percent, flows, kept);
    CHECK(flows - kept == r.event(RW_LB_CONN_EVICTED_LIVE) + r.event(RW_LB_CONN_EVICTED_HALF));
    CHECK(kept <= slots);
    CHECK(o.claimed == 0);
    if (percent > 100)
      CHECK(r.event(RW_LB_CONN_EVICTED_LIVE) >= flows - slots - r.event(RW_LB_CONN_EVICTED_HALF));
  }
}
