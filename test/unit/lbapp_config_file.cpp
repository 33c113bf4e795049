// SPDX-License-Identifier: BSD-2-Clause
// What a file says, what is refused and where, and that what is printed says the same.
#include <config_file.hpp>
#include <random>
#include <ringway/error.hpp>

#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;

namespace {

configuration parse(const std::string& text) { return parse_configuration(text, "lb.toml"); }

std::string refusal(const std::string& text) {
  try {
    parse(text);
  } catch (const usage_error& e) {
    return e.what();
  }
  return "accepted";
}

const std::string source =
    "[balancer]\nsource-v4 = \"192.0.2.1\"\nsource-v6 = \"2001:db8::1\"\n";           // three lines
const std::string vip = source + "[[vip]]\naddress = \"198.51.100.1\"\nport = 80\n";  // six
const std::string whole = vip + "[[vip.real]]\naddress = \"10.0.0.1\"\n";             // eight

}  // namespace

TEST_CASE("a whole file is what it says") {
  const configuration c = parse(R"(ports = ["eth1"]
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
)");
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

TEST_CASE("what is wrong is named with file, line and key") {
  const auto [text, says] = GENERATE_REF(table<std::string, std::string>({
      {"[balancer\n", "lb.toml:1: "},
      {"[nonsense]\na = 1\n", "lb.toml:1: unknown key 'nonsense' in the file"},
      {"[balancer]\nrings = 3\n", "lb.toml:2: unknown key 'rings' in [balancer]"},
      {"[balancer]\nring-size = 250\n", "lb.toml:2: ring-size: 250 is not within 251 to 131071"},
      {"[balancer]\nring-size = 252\n", "lb.toml:2: ring-size: 252 is not prime"},
      {"[balancer]\nring-size = \"251\"\n", "lb.toml:2: ring-size: a whole number is expected"},
      {"[balancer]\nseed = 3\n", "lb.toml:2: seed: a string in quotes is expected"},
      {"[balancer]\nsource-v4 = \"::1\"\n", "lb.toml:2: source-v4: an IPv4 address is expected"},
      {"[balancer]\nsource-v6 = \"10.0.0.1\"\n", "lb.toml:2: source-v6: an IPv6 address is expected"},
      {"[[balancer]]\n", "lb.toml:1: balancer: a table is expected: [balancer]"},
      {"[vip]\n", "lb.toml:1: vip: tables are expected: [[vip]]"},
      {"[timeouts]\nhalf-open = 0\n", "lb.toml:2: half-open: 0 is not within 1 to 32767"},
      {"[limits]\nanswers = -1\n", "lb.toml:2: answers: -1 is not within"},
      {"[control]\nsocket = \"x\"\n", "lb.toml:2: socket: an absolute path"},
      {"[control]\nmode = \"9\"\n", "lb.toml:2: mode: '9' is no file mode"},
      {"[capacity]\nconnections = 1.5\n", "lb.toml:2: connections: a whole number is expected"},
      {whole + "[capacity]\nreals = 0\n", "lb.toml:10: reals: 0 is not within"},
      {whole + "[[vip]]\naddress = \"198.51.100.2\"\nport = 80\n[capacity]\nvips = 1\n",
       "lb.toml:13: vips: 2 are in this file, 1 is too small"},
      {source + "[[vip]]\nport = 80\n", "lb.toml:4: [[vip]]: address is missing"},
      {source + "[[vip]]\naddress = \"198.51.100.1\"\n", "lb.toml:4: [[vip]]: port is missing"},
      {source + "[[vip]]\naddress = \"198.51.100\"\nport = 80\n",
       "lb.toml:5: address: '198.51.100' is no IPv4 or IPv6 address"},
      {source + "[[vip]]\naddress = \"198.51.100.1\"\nport = \"all\"\n",
       "lb.toml:6: port: a number or \"any\" is expected"},
      {vip + "protocol = \"icmp\"\n", "lb.toml:7: protocol: 'icmp' is not tcp or udp"},
      {vip + "hash = \"ip\"\n", "lb.toml:7: hash: 'ip' is not 5tuple, source, dst-port or no-dst-port"},
      {vip + "fragments = true\n", "lb.toml:7: fragments: only a VIP with port"},
      {vip + "announce = \"yes\"\n", "lb.toml:7: announce: 'yes' is not auto, arp or none"},
      {vip + "ping = 1\n", "lb.toml:7: ping: true or false is expected"},
      {vip + "on-all-failed = \"keep\"\n", "lb.toml:7: on-all-failed: 'keep' is not keep-all, drop or reset"},
      {vip + "max-down-percent = 0\n", "lb.toml:7: max-down-percent: 0 is not within 1 to 100"},
      {vip + "outer-checksum = \"none\"\n", "lb.toml:7: outer-checksum: 'none' is not auto, zero or full"},
      {vip + "mtu = 100\n", "lb.toml:7: mtu: 100 is not within 576 to 65535"},
      {vip + "port2 = 100\n", "lb.toml:7: unknown key 'port2' in [[vip]]"},
      {vip + "name = \"a\"\n[[vip]]\nname = \"a\"\naddress = \"198.51.100.2\"\nport = 80\n",
       "lb.toml:8: [[vip]]: there are two VIPs named 'a'"},
      {vip + "name = \"a\"\n[[vip]]\nname = \"b\"\naddress = \"198.51.100.1\"\nport = 80\n",
       "lb.toml:8: [[vip]]: VIP 198.51.100.1:80/tcp is there twice"},
      {vip + "[vip.check]\ninterval = 1\n", "lb.toml:7: [check]: type is missing"},
      {vip + "[vip.check]\ntype = \"ping\"\n", "lb.toml:8: type: 'ping' is not tcp or http"},
      {vip + "[vip.check]\ntype = \"tcp\"\npath = \"/\"\n", "lb.toml:9: unknown key 'path' in [check]"},
      {vip + "[vip.check]\ntype = \"tcp\"\ninterval = \"2m\"\n", "lb.toml:9: interval: '2m' is no time"},
      {vip + "[vip.check]\ntype = \"tcp\"\ntimeout = 0\n", "lb.toml:9: timeout: a time from 1 ms to a day"},
      {vip + "[vip.check]\ntype = \"tcp\"\njitter = 1\n", "lb.toml:9: jitter: 1 is not within 0 to 0.9"},
      {vip + "[vip.check]\ntype = \"http\"\npath = \"x\"\n", "lb.toml:9: path: it should begin with /"},
      {vip + "[vip.check]\ntype = \"http\"\nexpect = \"399-200\"\n",
       "lb.toml:9: expect: a status such as 200"},
      {source + "[[vip]]\naddress = \"198.51.100.1\"\nport = \"any\"\n[vip.check]\ntype = \"tcp\"\n",
       "lb.toml:7: [check]: port is missing: the VIP takes any"},
      {vip + "protocol = \"udp\"\n[vip.check]\ntype = \"tcp\"\n",
       "lb.toml:8: [check]: port is missing: checks are TCP"},
      {vip + "[[vip.real]]\nweight = 1\n", "lb.toml:7: [[real]]: address is missing"},
      {vip + "[[vip.real]]\naddress = \"10.0.0.1\"\nweight = -1\n",
       "lb.toml:9: weight: -1 is not within 0 to 65535"},
      {vip + "[[vip.real]]\naddress = \"10.0.0.1\"\nport = 0\n",
       "lb.toml:9: port: 0 is not within 1 to 65535"},
      {vip + "[[vip.real]]\naddress = \"fe80::1\"\nmethod = \"l2\"\n",
       "lb.toml:8: address: with method l2 it must be of the VIP's family, IPv4"},
      {"[[vip]]\naddress = \"198.51.100.1\"\nport = 80\n[[vip.real]]\naddress = \"10.0.0.1\"\n",
       "lb.toml:4: [[real]]: real 10.0.0.1: source-v4 is missing"},
      {whole + "[[vip.real]]\naddress = \"10.0.0.1\"\nname = \"other\"\n",
       "lb.toml:9: [[real]]: real 10.0.0.1 is there twice"},
      {whole + "[[vip.real]]\naddress = \"10.0.0.2\"\nname = \"10.0.0.1\"\n",
       "lb.toml:9: [[real]]: real '10.0.0.1' is there twice"},
      {whole + "[[next-hop]]\nreal = \"10.0.0.9\"\nmac = \"02:00:00:00:00:01\"\ninterface = \"a\"\n",
       "lb.toml:10: real: no VIP has the real 10.0.0.9"},
      {whole + "[[next-hop]]\nreal = \"10.0.0.1\"\nmac = \"02:00:00:00:00\"\ninterface = \"a\"\n",
       "lb.toml:11: mac: '02:00:00:00:00' is no MAC"},
      {whole + "[[next-hop]]\nreal = \"10.0.0.1\"\nmac = \"03:00:00:00:00:01\"\ninterface = \"a\"\n",
       "lb.toml:11: mac: it is the address of a group"},
      {whole + "[[next-hop]]\nreal = \"10.0.0.1\"\nmac = \"02:00:00:00:00:01\"\n",
       "lb.toml:9: [[next-hop]]: interface is missing"},
  }));
  INFO(text);
  const std::string got = refusal(text);
  INFO(got);
  CHECK(got.rfind(says, 0) == 0);
  CHECK(got.find('\n') == std::string::npos);
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
    v.check.port = static_cast<std::uint16_t>(1 + random() % 65535);
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
  for (int round = 0; round < 200; ++round) {
    configuration c;
    c.seed = "a\tb";
    c.capacity = {.vips = 64, .rings = 64, .reals = 100, .connections = 17, .ring_size = 251};
    c.stated.reals = true;
    c.timeouts.closing = 77;
    c.limits.answers = 0;
    c.socket_mode = 0640;
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
    CHECK((again.timeouts.closing == 77 && again.limits.answers == 0));
    CHECK(print_configuration(again) == text);
  }
}
