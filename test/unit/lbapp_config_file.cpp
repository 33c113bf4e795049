// SPDX-License-Identifier: BSD-2-Clause
// What a file says, and that what is printed says the same.
#include <config_file.hpp>
#include <random>
#include <ringway/error.hpp>

#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;

namespace {

configuration parse(const std::string& text) { return parse_configuration(text, "lb.toml"); }

const std::string source = "[balancer]\nsource-v4 = \"192.0.2.1\"\n";

const char* const file_with_all = R"(ports = ["eth1"]
datapath = "xdp"
[balancer]
ring-size = 251
seed = "blue"
source-v4 = "192.0.2.1"
[capacity]
vips = 10
connections = 1000
[timeouts]
half-open = 5
established = 60
[limits]
new-flows = 7
[control]
socket = "/run/x.sock"
mode = "0660"
[[vip]]
address = "198.51.100.1"
port = "any"
protocol = "udp"
hash = "source"
fragments = true
announce = "none"
ping = false
stateful = false
on-no-real = "reset"
on-all-failed = "drop"
max-down-percent = 50
method = "gue"
gue-port = 9886
ttl = "keep"
df = "copy"
outer-checksum = "full"
[vip.check]
type = "http"
port = 8080
interval = "1500ms"
timeout = 2
jitter = 0.25
rise = 3
fall = 4
path = "/ok"
host = "h"
expect = "200-204"
[[vip.real]]
name = "one"
address = "10.0.0.1"
weight = 7
[[vip.real]]
address = "10.0.0.2"
port = 9
method = "ipip"
mtu = 1400
vlan = 12
[[next-hop]]
real = "10.0.0.2"
mac = "02:00:00:00:00:0a"
interface = "eth1"
)";

}  // namespace

TEST_CASE("a whole file is what it says") {
  const configuration c = parse(file_with_all);
  CHECK(c.capacity.ring_size == 251);
  CHECK(c.seed == "blue");
  CHECK((c.capacity.vips == 10 && c.stated.vips && c.capacity.reals == 64 && !c.stated.reals));
  CHECK(c.capacity.connections == 1000);
  CHECK((c.timeouts.half_open == 5 && c.timeouts.established == 60 &&
         c.timeouts.closing == lb_timeouts{}.closing));
  CHECK((c.limits.new_flows == 7 && c.limits.answers == lb_limits{}.answers));
  CHECK((c.socket == "/run/x.sock" && c.socket_mode == 0660));
  REQUIRE(c.vips.size() == 1);
  const vip_entry& v = c.vips[0];
  CHECK(v.name == "198.51.100.1:any/udp");
  CHECK((v.vip.port == 0 && v.vip.protocol == RW_IP_UDP && v.vip.hash == RW_FLOW_SOURCE && v.vip.fragments));
  CHECK((!v.vip.ping && !v.vip.stateful && v.vip.reset && v.vip.reals.empty()));
  CHECK((v.announce == announce_mode::none && v.on_all_failed == all_failed_policy::drop &&
         v.max_down_percent == 50));
  CHECK((v.check.kind == check_kind::http && v.check.port == 8080 && v.check.interval.count() == 1500));
  CHECK(
      (v.check.timeout.count() == 2000 && v.check.jitter == 0.25 && v.check.rise == 3 && v.check.fall == 4));
  CHECK((v.check.path == "/ok" && v.check.host == "h" && v.check.status_least == 200 &&
         v.check.status_most == 204));
  REQUIRE(v.reals.size() == 2);
  const lb_destination &one = v.reals[0].member.to, &two = v.reals[1].member.to;
  CHECK((v.reals[0].name == "one" && v.reals[0].member.weight == 7 && one.method == RW_METHOD_GUE &&
         one.gue_port == 9886));
  CHECK(one.flags == (RW_REAL_TTL_KEEP | RW_REAL_DF_COPY | RW_REAL_SUM_FULL));
  CHECK(
      (v.reals[1].name == "10.0.0.2:9" && two.method == RW_METHOD_IPIP && two.mtu == 1400 && two.vlan == 12));
  CHECK(two.flags == (RW_REAL_TTL_KEEP | RW_REAL_DF_COPY));
  CHECK(two.source == ip_address::parse("192.0.2.1"));
  REQUIRE(c.next_hops.size() == 1);
  CHECK((c.next_hops[0].mac[5] == 0x0a && c.next_hops[0].interface == "eth1"));
}

TEST_CASE("a time is seconds, or a string with its unit") {
  const auto [written, ms] = GENERATE(table<const char*, int>({{"2", 2000},
                                                               {"0.25", 250},
                                                               {"\"2s\"", 2000},
                                                               {"\"1.5s\"", 1500},
                                                               {"\"500ms\"", 500},
                                                               {"\"1ms\"", 1}}));
  INFO(written);
  const configuration c = parse(fmt::format(
      "[[vip]]\naddress = \"198.51.100.1\"\nport = 80\n[vip.check]\ntype = \"tcp\"\ninterval = {}\n",
      written));
  CHECK(c.vips.at(0).check.interval.count() == ms);
}

TEST_CASE("what is left out is worked out: room for twice as much") {
  std::string text = source;
  for (int i = 0; i < 2000; ++i)
    text += fmt::format(
        "[[vip]]\naddress = \"10.1.{}.{}\"\nport = 80\n[[vip.real]]\naddress = "
        "\"10.2.0.1\"\n[[vip.real]]\naddress = \"10.2.{}.2\"\n",
        i / 250, i % 250, i % 100);
  const configuration c = parse(text);
  REQUIRE(c.vips.size() == 2000);
  CHECK(c.vips[1999].vip.address == ip_address::parse("10.1.7.249"));
  CHECK(c.vips[1999].reals[1].member.to.address == ip_address::parse("10.2.99.2"));
  CHECK(c.capacity.vips == 4000);
  CHECK(c.capacity.reals == 202);
  CHECK(c.capacity.rings == 200);
}

namespace {

template <class Value>
Value one_of(std::mt19937& random, std::initializer_list<Value> all) {
  return *(all.begin() + random() % all.size());
}

real_entry some_real(std::mt19937& random, const lb_vip& v, unsigned i) {
  real_entry r;
  r.name = fmt::format("r \"{}\\", i);
  r.member.weight = random() % 3;
  lb_destination& to = r.member.to;
  to.method = one_of(random, {RW_METHOD_L2, RW_METHOD_IPIP, RW_METHOD_GUE});
  const bool six = to.method == RW_METHOD_L2 ? v.address.family == 6 : random() % 2 != 0;
  to.address = ip_address::parse(six ? fmt::format("2001:db8::{}", i + 1) : fmt::format("10.0.0.{}", i + 1));
  if (to.method != RW_METHOD_L2) to.source = ip_address::parse(six ? "fd00::1" : "192.0.2.1");
  to.port = static_cast<std::uint16_t>(random() % 3);
  to.gue_port = static_cast<std::uint16_t>(1 + random() % 9000);
  to.ttl = static_cast<std::uint8_t>(1 + random() % 255);
  to.mtu = random() % 2 != 0 ? 1400 : 0;
  to.vlan = static_cast<std::uint16_t>(random() % 2 != 0 ? 7 : 0);
  const unsigned sum =
      to.method == RW_METHOD_GUE ? one_of(random, {0U, RW_REAL_SUM_ZERO, RW_REAL_SUM_FULL}) : 0;
  to.flags = static_cast<std::uint8_t>((random() % 4) | sum | (random() % 2 != 0 ? RW_REAL_ENTROPY : 0));
  return r;
}

vip_entry some_vip(std::mt19937& random, unsigned i) {
  vip_entry v;
  const bool six = random() % 2 != 0;
  v.vip.address =
      ip_address::parse(six ? fmt::format("fd01::{}", i + 1) : fmt::format("198.51.100.{}", i + 1));
  v.vip.port = static_cast<std::uint16_t>(random() % 2 != 0 ? 0 : 1 + random() % 65535);
  v.vip.protocol = one_of<std::uint8_t>(random, {RW_IP_TCP, RW_IP_UDP});
  v.vip.hash = static_cast<rw_flow_mode>(random() % RW_FLOW_HASH_COUNT);
  v.vip.ping = random() % 2 != 0;
  v.vip.stateful = random() % 2 != 0;
  v.vip.reset = random() % 2 != 0;
  v.vip.fragments = v.vip.port == 0 && v.vip.hash == RW_FLOW_SOURCE && random() % 2 != 0;
  v.name = fmt::format("v{}", i);
  v.announce = one_of(random, {announce_mode::automatic, announce_mode::arp, announce_mode::none});
  v.on_all_failed =
      one_of(random, {all_failed_policy::keep_all, all_failed_policy::drop, all_failed_policy::reset});
  v.max_down_percent = 1 + random() % 100;
  v.check.kind = one_of(random, {check_kind::none, check_kind::tcp, check_kind::http});
  if (v.check.kind != check_kind::none) {
    const bool own = v.vip.port != 0 && v.vip.protocol == RW_IP_TCP && random() % 2 != 0;
    v.check.port = static_cast<std::uint16_t>(own ? 0 : 1 + random() % 65535);
    v.check.jitter = std::uniform_real_distribution<double>(0, 0.9)(random);
    v.check.timeout = std::chrono::milliseconds(1 + random() % 86'400'000);
    v.check.rise = 1 + random() % 9;
    v.check.interval = std::chrono::milliseconds(1 + random() % 9999);
    v.check.fall = 1 + random() % 9;
  }
  if (v.check.kind == check_kind::http) {
    v.check.path = "/a?b=\"c\"";
    v.check.host = "name";
    v.check.status_most = static_cast<std::uint16_t>(200 + random() % 300);
  }
  for (unsigned r = 0; r < random() % 5; ++r) v.reals.push_back(some_real(random, v.vip, r));
  return v;
}

}  // namespace

TEST_CASE("what is printed says the same") {
  std::mt19937 random(5);
  const auto seconds = [](std::mt19937& r) { return static_cast<std::uint16_t>(1 + r() % 32767); };
  for (int round = 0; round < 200; ++round) {
    configuration c;
    c.seed = "a\tb";
    c.capacity = {.vips = 64, .rings = 64, .reals = 100, .connections = 17, .ring_size = 251};
    c.stated.reals = true;
    c.timeouts = {seconds(random), seconds(random), seconds(random)};
    c.limits = {.new_flows = static_cast<std::uint32_t>(random() % 9), .answers = 0};
    c.socket_mode = random() % 01000;
    c.socket = "/run/\"quoted\".sock";
    for (unsigned i = 0; i < 1 + random() % 6; ++i) c.vips.push_back(some_vip(random, i));
    if (!c.vips[0].reals.empty())
      c.next_hops.push_back({c.vips[0].reals[0].member.to.address, {2, 0xab, 0, 0, 0, 9}, "ns/eth1"});
    const std::string text = print_configuration(c);
    INFO(text);
    const configuration again = parse(text);
    REQUIRE(again.vips == c.vips);
    CHECK(again.next_hops == c.next_hops);
    CHECK((again.seed == c.seed && again.socket == c.socket && again.socket_mode == c.socket_mode));
    CHECK(
        (again.capacity.reals == 100 && again.capacity.connections == 17 && again.capacity.ring_size == 251));
    CHECK((again.stated.reals && !again.stated.vips));
    CHECK((again.limits.new_flows == c.limits.new_flows && again.limits.answers == 0));
    CHECK((again.timeouts.half_open == c.timeouts.half_open &&
           again.timeouts.established == c.timeouts.established &&
           again.timeouts.closing == c.timeouts.closing));
    CHECK(print_configuration(again) == text);
  }
}
