// SPDX-License-Identifier: BSD-2-Clause
// What is refused, and where.
#include <config_file.hpp>
#include <ringway/error.hpp>
#include <utility>
#include <vector>

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

/// A file, and how what is said about it begins.
const std::vector<std::pair<std::string, std::string>> wrong_files = {
    {"[balancer\n", "lb.toml:1: "},
    {"[nonsense]\na = 1\n", "lb.toml:1: unknown key 'nonsense' in the file"},
    {"[balancer]\nrings = 3\n", "lb.toml:2: unknown key 'rings' in [balancer]"},
    {"[balancer]\nring-size = 250\n", "lb.toml:2: ring-size: 250 is not within 251 to 131071"},
    {"[balancer]\nring-size = 252\n", "lb.toml:2: ring-size: 252 is not prime"},
    {"[balancer]\nring-size = \"251\"\n", "lb.toml:2: ring-size: a whole number is expected"},
    {"[balancer]\nseed = 3\n", "lb.toml:2: seed: a string in quotes is expected"},
    {"[balancer]\nsource-v4 = \"::1\"\n", "lb.toml:2: source-v4: an IPv4 address is expected"},
    {"[balancer]\nsource-v6 = \"10.0.0.1\"\n", "lb.toml:2: source-v6: an IPv6 address is expected"},
    {"[balancer]\nsource-v6 = \"ff02::1\"\n", "lb.toml:2: source-v6: ff02::1 is a multicast address"},
    {"[balancer]\nsource-v6 = \"::\"\n", "lb.toml:2: source-v6: :: is the unspecified address"},
    {"[balancer]\nsource-v6 = \"::1\"\n", "lb.toml:2: source-v6: ::1 is the loopback address"},
    {"[balancer]\nsource-v6 = \"::ffff:1.2.3.4\"\n",
     "lb.toml:2: source-v6: ::ffff:1.2.3.4 is an IPv4 address written as IPv6"},
    {"[balancer]\nsource-v4 = \"0.0.0.0\"\n", "lb.toml:2: source-v4: 0.0.0.0 is an unspecified address"},
    {"[[balancer]]\n", "lb.toml:1: balancer: a table is expected: [balancer]"},
    {"[vip]\n", "lb.toml:1: vip: tables are expected: [[vip]]"},
    {"[timeouts]\nhalf-open = 0\n", "lb.toml:2: half-open: 0 is not within 1 to 32767"},
    {"[limits]\nanswers = -1\n", "lb.toml:2: answers: -1 is not within"},
    {"[control]\nsocket = \"x\"\n", "lb.toml:2: socket: an absolute path"},
    {"[control]\nmode = \"9\"\n", "lb.toml:2: mode: '9' is no file mode"},
    {"[control]\nmode = \"1000\"\n", "lb.toml:2: mode: '1000' is no file mode"},
    {"[control]\nz = 1\na = 1\n", "lb.toml:2: unknown key 'z' in [control]"},
    {"[control]\nmode = \"-660\"\n", "lb.toml:2: mode: '-660' is no file mode"},
    {"[control]\nmode = 660\n", "lb.toml:2: mode: a string in quotes is expected"},
    {"[control]\n\"a\\nb\" = 660\n", "lb.toml:2: unknown key 'a\\x0ab' in [control]"},
    {"[capacity]\nconnections = 1.5\n", "lb.toml:2: connections: a whole number is expected"},
    {whole + "[capacity]\nreals = 0\n", "lb.toml:10: reals: 0 is not within"},
    {whole + "[[vip]]\naddress = \"198.51.100.2\"\nport = 80\n[capacity]\nvips = 1\n",
     "lb.toml:13: vips: 2 are in this file, 1 is too small"},
    {whole + "[[vip.real]]\naddress = \"10.0.0.2\"\n[capacity]\nreals = 1\n",
     "lb.toml:12: reals: 2 are in this file, 1 is too small"},
    {whole + "[[vip]]\naddress = \"198.51.100.2\"\nport = 80\n[[vip.real]]\naddress = \"10.0.0.1\"\n" +
         "weight = 2\n[capacity]\nrings = 1\n",
     "lb.toml:16: rings: 2 are in this file, 1 is too small"},
    {source + "[[vip]]\nport = 80\n", "lb.toml:4: [[vip]]: address is missing"},
    {source + "[[vip]]\naddress = \"198.51.100.1\"\n", "lb.toml:4: [[vip]]: port is missing"},
    {source + "[[vip]]\naddress = \"198.51.100\"\nport = 80\n",
     "lb.toml:5: address: '198.51.100' is no IPv4 or IPv6 address"},
    {source + "[[vip]]\naddress = \"198.51.100.1\"\nport = \"all\"\n",
     "lb.toml:6: port: a number or \"any\" is expected"},
    {source + "[[vip]]\naddress = \"224.0.0.1\"\nport = 80\n",
     "lb.toml:5: address: 224.0.0.1 is a multicast address"},
    {source + "[[vip]]\naddress = \"127.0.0.1\"\nport = 80\n",
     "lb.toml:5: address: 127.0.0.1 is a loopback address"},
    {source + "[[vip]]\naddress = \"255.255.255.255\"\nport = 80\n",
     "lb.toml:5: address: 255.255.255.255 is the broadcast address"},
    {source + "[[vip]]\naddress = \"198.51.100.1\"\nport = 65536\n",
     "lb.toml:6: port: 65536 is not within 1 to 65535"},
    {vip + "name = \"\"\n", "lb.toml:7: name: it is empty"},
    {vip + "name = \"a\\nb\"\n", "lb.toml:7: name: 'a\\x0ab' has control characters"},
    {vip + "method = \"nat\"\n", "lb.toml:7: method: 'nat' is not ipip, gue or l2"},
    {vip + "on-no-real = \"a\\nb\"\n", "lb.toml:7: on-no-real: 'a\\x0ab' is not drop or reset"},
    {vip + "ttl = \"copy\"\n", "lb.toml:7: ttl: 'copy' is not decrement or keep"},
    {vip + "df = \"clear\"\n", "lb.toml:7: df: 'clear' is not set or copy"},
    {vip + "vlan = 4095\n", "lb.toml:7: vlan: 4095 is not within 1 to 4094"},
    {vip + "gue-port = 0\n", "lb.toml:7: gue-port: 0 is not within 1 to 65535"},
    {vip + "real = 3\n", "lb.toml:7: real: tables are expected: [[vip.real]]"},
    {vip + "check = true\n", "lb.toml:7: check: a table is expected: [vip.check]"},
    {vip + "[vip.check]\ntype = \"http\"\nexpect = \"+20-300\"\n", "lb.toml:9: expect: a status such as 200"},
    {vip + "[vip.check]\ntype = \"http\"\nexpect = 99\n", "lb.toml:9: expect: 99 is not within 100 to 599"},
    {vip + "[vip.check]\ntype = \"http\"\nhost = \"a b\"\n", "lb.toml:9: host: it should be a host name"},
    {vip + "[vip.check]\ntype = \"tcp\"\ntimeout = nan\n", "lb.toml:9: timeout: a time from 1 ms"},
    {vip + "[[vip.real]]\naddress = \"198.51.100.1\"\n", "lb.toml:8: address: it is the VIP's own"},
    {vip + "protocol = \"icmp\"\n", "lb.toml:7: protocol: 'icmp' is not tcp or udp"},
    {vip + "hash = \"ip\"\n", "lb.toml:7: hash: 'ip' is not 5tuple, source, dst-port or no-dst-port"},
    {vip + "fragments = true\n", "lb.toml:7: fragments: only a VIP with port"},
    {vip + "hash = \"source\"\nfragments = true\n", "lb.toml:8: fragments: only a VIP with port"},
    {source + "[[vip]]\naddress = \"198.51.100.1\"\nport = \"any\"\nfragments = true\n",
     "lb.toml:7: fragments: only a VIP with port"},
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
    {vip + "[vip.check]\ninterval = 1\n", "lb.toml:7: [vip.check]: type is missing"},
    {vip + "[vip.check]\ntype = \"ping\"\n", "lb.toml:8: type: 'ping' is not tcp or http"},
    {vip + "[vip.check]\ntype = \"tcp\"\npath = \"/\"\n", "lb.toml:9: unknown key 'path' in [vip.check]"},
    {vip + "[vip.check]\ntype = \"tcp\"\ninterval = \"2m\"\n", "lb.toml:9: interval: '2m' is no time"},
    {vip + "[vip.check]\ntype = \"tcp\"\ntimeout = 0\n", "lb.toml:9: timeout: a time from 1 ms to a day"},
    {vip + "[vip.check]\ntype = \"tcp\"\njitter = 1\n", "lb.toml:9: jitter: 1 is not within 0 to 0.9"},
    {vip + "[vip.check]\ntype = \"http\"\npath = \"x\"\n", "lb.toml:9: path: it should begin with /"},
    {vip + "[vip.check]\ntype = \"http\"\nexpect = \"399-200\"\n", "lb.toml:9: expect: a status such as 200"},
    {source + "[[vip]]\naddress = \"198.51.100.1\"\nport = \"any\"\n[vip.check]\ntype = \"tcp\"\n",
     "lb.toml:7: [vip.check]: port is missing: the VIP takes any"},
    {vip + "protocol = \"udp\"\n[vip.check]\ntype = \"tcp\"\n",
     "lb.toml:8: [vip.check]: port is missing: checks are TCP"},
    {vip + "[[vip.real]]\nweight = 1\n", "lb.toml:7: [[vip.real]]: address is missing"},
    {vip + "[[vip.real]]\naddress = \"10.0.0.1\"\nweight = -1\n",
     "lb.toml:9: weight: -1 is not within 0 to 65535"},
    {vip + "[[vip.real]]\naddress = \"10.0.0.1\"\nport = 0\n", "lb.toml:9: port: 0 is not within 1 to 65535"},
    {vip + "[[vip.real]]\naddress = \"fe80::1\"\nmethod = \"l2\"\n",
     "lb.toml:8: address: with method l2 it must be of the VIP's family, IPv4"},
    {"[[vip]]\naddress = \"198.51.100.1\"\nport = 80\n[[vip.real]]\naddress = \"10.0.0.1\"\n",
     "lb.toml:4: [[vip.real]]: real 10.0.0.1: source-v4 is missing"},
    {whole + "[[vip.real]]\naddress = \"10.0.0.1\"\nname = \"other\"\n",
     "lb.toml:9: [[vip.real]]: real 10.0.0.1 is there twice"},
    {whole + "[[vip.real]]\naddress = \"10.0.0.2\"\nname = \"10.0.0.1\"\n",
     "lb.toml:9: [[vip.real]]: real '10.0.0.1' is there twice"},
    {whole + "[[next-hop]]\nreal = \"10.0.0.9\"\nmac = \"02:00:00:00:00:01\"\ninterface = \"a\"\n",
     "lb.toml:10: real: no VIP has the real 10.0.0.9"},
    {whole + "[[next-hop]]\nreal = \"10.0.0.1\"\nmac = \"02:00:00:00:00\"\ninterface = \"a\"\n",
     "lb.toml:11: mac: '02:00:00:00:00' is no MAC"},
    {whole + "[[next-hop]]\nreal = \"10.0.0.1\"\nmac = \"03:00:00:00:00:01\"\ninterface = \"a\"\n",
     "lb.toml:11: mac: it is the address of a group"},
    {whole + "[[next-hop]]\nreal = \"10.0.0.1\"\nmac = \"02:-1:00:00:00:01\"\ninterface = \"a\"\n",
     "lb.toml:11: mac: '02:-1:00:00:00:01' is no MAC"},
    {whole + "[[next-hop]]\nreal = \"10.0.0.1\"\nmac = \"02:00:00:00:00-01\"\ninterface = \"a\"\n",
     "lb.toml:11: mac: '02:00:00:00:00-01' is no MAC"},
    {whole + "[[next-hop]]\nreal = \"10.0.0.1\"\nmac = \"00:00:00:00:00:00\"\ninterface = \"a\"\n",
     "lb.toml:11: mac: it is no station's"},
    {whole + "[[next-hop]]\nreal = \"10.0.0.1\"\nmac = \"02:00:00:00:00:01\"\ninterface = \"a\"\n" +
         "[[next-hop]]\nreal = \"10.0.0.1\"\nmac = \"02:00:00:00:00:02\"\ninterface = \"a\"\n",
     "lb.toml:14: real: 10.0.0.1 has two next hops"},
    {whole + "[[next-hop]]\nreal = \"10.0.0.1\"\nmac = \"02:00:00:00:00:01\"\n",
     "lb.toml:9: [[next-hop]]: interface is missing"},
};

}  // namespace

TEST_CASE("what is wrong is named with file, line and key") {
  for (const auto& [text, says] : wrong_files) {
    INFO(text);
    const std::string got = refusal(text);
    INFO(got);
    CHECK(got.rfind(says, 0) == 0);
    CHECK(got.find('\n') == std::string::npos);
  }
}

TEST_CASE("room ends where the tables' does, and more is refused with both numbers") {
  std::string text = source + "[[vip]]\naddress = \"198.51.100.1\"\nport = 80\n";
  for (unsigned i = 0; i < 32767; ++i)
    text += fmt::format("[[vip.real]]\naddress = \"10.{}.{}.1\"\n", i / 256, i % 256);
  CHECK(parse(text).capacity.reals == 32767);
  CHECK(refusal(text + "[[vip.real]]\naddress = \"10.200.0.1\"\n") ==
        "lb.toml:1: the file: 32768 reals are in this file, more than 32767 cannot be");
}
