// SPDX-License-Identifier: BSD-2-Clause
// `explain` says what then happens.
#include <ringway/error.hpp>
#include <ringway/lb_announce.hpp>
#include <ringway/lb_explain.hpp>
#include <ringway/lb_tables.hpp>

#include "bpf/lb_native.hpp"
#include "bpf/lb_world.hpp"
#include "support/catch.hpp"

using namespace ringway;

namespace {

struct rig {
  lb_store store;
  lb_tables tables;
  rig()
      : store(lb_store::in_process(lb_capacity{.connections = 512, .ring_size = 1021})),
        tables(store, keys(), [] {}) {
    test::lb_world_links(tables);
    tables.apply(test::lb_world(0));
    tables.set_tick(100);
  }
  static const lb_keys& keys() {
    static const lb_keys k;
    return k;
  }
  lb_explanation ask(const lb_question& q) { return explain(store, test::lb_port, test::lb_flow_key, q); }
};

lb_question question(const char* source, const char* destination, std::uint16_t port,
                     std::uint8_t protocol = RW_IP_TCP) {
  lb_question q;
  q.source = ip_address::parse(source);
  q.destination = ip_address::parse(destination);
  q.source_port = 40000;
  q.destination_port = port;
  q.protocol = protocol;
  return q;
}

}  // namespace

TEST_CASE("a flow's real, before it comes and once it is there", "[lb]") {
  rig r;
  const lb_question q = question("192.168.1.9", "10.200.1.1", 80);
  const lb_explanation before = r.ask(q);
  CHECK(before.outcome == "ipip");
  REQUIRE(before.real);
  CHECK(before.slot);
  CHECK_FALSE(before.connection);
  REQUIRE_FALSE(before.sent.empty());

  test::lb_native native(r.store, test::lb_port, test::lb_flow_key);
  std::vector<std::uint8_t> inner(before.sent.begin() + 20,
                                  before.sent.end());  // the frame, an outer header less
  std::copy(test::lb_mac.begin(), test::lb_mac.end(), inner.begin());
  std::fill_n(inner.begin() + 6, 6, std::uint8_t{2});
  inner[12] = 8, inner[13] = 0;
  native.run(inner);
  REQUIRE(native.stage() == RW_STAGE_IPIP);
  CHECK(native.record().real == *before.real);

  const lb_explanation after = r.ask(q);
  REQUIRE(after.connection);
  CHECK(after.connection->real == *before.real);
  CHECK(after.connection->state == RW_CONN_NEW);
  CHECK(after.connection->idle == 0);
  CHECK(after.sent == before.sent);
}

TEST_CASE("what is not the balancer's, and what has no real, is said so", "[lb]") {
  rig r;
  CHECK(r.ask(question("192.168.1.9", "10.200.9.9", 80)).outcome == "passed to the kernel");
  CHECK_FALSE(r.ask(question("192.168.1.9", "10.200.9.9", 80)).vip);
  CHECK(r.ask(question("192.168.1.9", "10.200.1.6", 80, RW_IP_UDP)).outcome == "dropped: no_real");
  CHECK(r.ask(question("192.168.1.9", "10.200.1.6", 80)).outcome == "reset");
  CHECK(r.ask(question("192.168.1.9", "10.200.1.7", 80)).outcome == "dropped: no_neighbour");
  lb_question big = question("fc00:2::9", "fc00:1::1", 80);
  big.payload = 1420;
  CHECK(r.ask(big).outcome == "too_big");
  CHECK_THROWS_AS(r.ask(question("fc00:2::9", "10.200.1.1", 80)), usage_error);
  CHECK(reason_name(RW_DROP(RW_REASON_MALFORMED)) == "malformed");
  CHECK(reason_name(RW_DROP(999)) == "reason 999");
}

TEST_CASE("a VIP is announced as RFC 5227 and RFC 4861 say", "[lb]") {
  const std::vector<std::uint8_t> arp = announcement_of(ip_address::parse("10.200.1.1"), test::lb_mac);
  const std::vector<std::uint8_t> expected = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,  1,   8, 6,
                                              0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,  0,   0, 1,
                                              10,   200,  1,    1,    0,    0,    0, 0, 0, 0, 10, 200, 1, 1};
  CHECK(arp == expected);
  const std::vector<std::uint8_t> na = announcement_of(ip_address::parse("fc00:1::1"), test::lb_mac);
  REQUIRE(na.size() == 86);
  CHECK(na[0] == 0x33);
  CHECK(na[5] == 1);      // ff02::1
  CHECK(na[21] == 255);   // hop limit
  CHECK(na[54] == 136);   // advertisement
  CHECK(na[58] == 0x20);  // override alone
  __u64 sum = rw_csum_pseudo6(na.data() + 22, na.data() + 38, RW_IP_ICMPV6, 32);
  REQUIRE(rw_csum_bytes(&sum, na.data() + 54, na.data() + na.size(), 32));
  CHECK(rw_csum_fold(sum) == 0xffff);
  CHECK_THROWS_AS(announcement_of(ip_address{}, test::lb_mac), usage_error);
}
