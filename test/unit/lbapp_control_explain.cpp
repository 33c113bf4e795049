// SPDX-License-Identifier: BSD-2-Clause
// explain and conns: what the core would do, and what it has kept.
#include "lbapp_control_rig.hpp"
#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;
using test::control_rig;
using test::json;

namespace {

/// The frame that would leave, taken out of its tunnel and addressed to the balancer's port again.
std::vector<std::uint8_t> as_it_came(const json& explained) {
  const std::string hex = explained.at("hex");
  std::vector<std::uint8_t> frame = {2, 0, 0, 0, 0, 1};
  for (std::size_t i = 6; i < hex.size() / 2; ++i) {
    const bool outer = explained.at("outcome") == "ipip" && i >= 14 && i < 34;
    if (!outer) frame.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(2 * i, 2), nullptr, 16)));
  }
  return frame;
}

/// The one that 192.168.1.9:40000 has made.
void check_connection(const json& c, const std::string& real) {
  CHECK(c.at("source") == "192.168.1.9");
  CHECK(c.at("source_port") == 40000);
  CHECK(c.at("destination") == "10.200.1.1");
  CHECK(c.at("destination_port") == 80);
  CHECK(c.at("protocol") == "tcp");
  CHECK(c.at("vip") == "web");
  CHECK(c.at("real") == real);
  CHECK(c.at("state") == "half_open");
  CHECK(c.at("idle_s") == 0);
}

}  // namespace

TEST_CASE("explain says what the core does, and conns shows it afterwards", "[lb]") {
  control_rig r;
  const json request = {
      {"verb", "explain"}, {"src", "192.168.1.9:40000"}, {"dst", "10.200.1.1:80"}, {"proto", "tcp"}};
  const json e = r.ask(request);
  CHECK(e.at("outcome") == "ipip");
  CHECK(e.at("vip") == "web");
  CHECK(e.at("hash") == "5tuple");
  CHECK(e.at("slot").is_number());
  CHECK(e.at("connection").is_null());
  CHECK(e.at("verdict") == json({{"kind", "send"}, {"port", 0}, {"port_name", "lb0"}}));
  const std::string real = e.at("real").at("name");
  const std::string address = real == "r1" ? "10.0.0.1" : "10.0.0.2";
  CHECK(e.at("real").at("address") == address);
  REQUIRE(e.at("headers").size() == 4);
  CHECK(e.at("headers")[0] == "Ethernet 02:00:00:00:00:01 -> 0a:00:00:00:00:01 type 0x0800");
  CHECK_THAT(e.at("headers")[1].get<std::string>(),
             test::ContainsSubstring("IPv4 172.16.1.2 -> " + address + " protocol 4 ttl 64"));
  CHECK_THAT(e.at("headers")[2].get<std::string>(),
             test::ContainsSubstring("192.168.1.9 -> 10.200.1.1 protocol 6 ttl 63"));
  CHECK_THAT(e.at("headers")[3].get<std::string>(), test::ContainsSubstring("TCP 40000 -> 80 [ACK]"));
  CHECK(e.at("hex").get<std::string>().size() == 2 * e.at("bytes").get<std::size_t>());
  CHECK(r.ask({{"verb", "conns"}}).at("conns").empty());

  // The packet itself, taken out of its tunnel again, makes the connection.
  test::lb_native native(r.store, 0, control_rig::key);
  native.run(as_it_came(e));
  REQUIRE(native.stage() == RW_STAGE_IPIP);
  const json all = r.ask({{"verb", "conns"}});
  REQUIRE(all.at("conns").size() == 1);
  CHECK(all.at("matching") == 1);
  const json& c = all.at("conns")[0];
  check_connection(c, real);
  const json again = r.ask(request);
  CHECK(again.at("connection").at("bucket") == c.at("bucket"));
  CHECK(again.at("connection").at("slot") == c.at("slot"));
  CHECK(again.at("connection").at("real") == real);
  CHECK(r.ask({{"verb", "conns"}, {"vip", "web"}, {"real", real}}).at("conns").size() == 1);
  CHECK(r.ask({{"verb", "conns"}, {"vip", "dns"}}).at("conns").empty());
  CHECK(r.ask({{"verb", "conns"}, {"real", real == "r1" ? "r2" : "r1"}}).at("conns").empty());
  CHECK(r.refused({{"verb", "conns"}, {"vip", "nobody"}}) == "no VIP has the name 'nobody'");
  CHECK(r.refused({{"verb", "conns"}, {"real", "nobody"}}) == "no real has the name 'nobody'");

  // Of a real that is gone the connection is nobody's; after its time it is none.
  r.ask({{"verb", "remove-real"}, {"vip", "web"}, {"real", real}});
  if (real == "r1") r.ask({{"verb", "remove-real"}, {"vip", "affine"}, {"real", real}});
  CHECK(r.ask({{"verb", "conns"}}).at("conns")[0].at("real").is_null());
  REQUIRE(r.ask({{"verb", "add-real"}, {"vip", "web"}, {"address", "10.0.0.9"}, {"name", "heir"}}).at("ok") ==
          true);
  const json reals = r.ask({{"verb", "reals"}, {"vip", "web"}}).at("reals");
  REQUIRE(reals.back().at("name") == "heir");
  REQUIRE(reals.back().at("element") == e.at("real").at("element"));  // it has its place now
  CHECK(r.ask({{"verb", "conns"}}).at("conns")[0].at("real").is_null());
  r.store.memory().control->tick = 2000;  // nobody has swept
  CHECK(r.ask({{"verb", "conns"}}).at("conns").empty());
}

TEST_CASE("conns of a VIP that chooses by source has sources, and a limit", "[lb]") {
  control_rig r;
  test::lb_native native(r.store, 0, control_rig::key);
  for (int i = 1; i <= 5; ++i) {
    const json e = r.ask({{"verb", "explain"},
                          {"src", fmt::format("192.168.1.{}:4000", i)},
                          {"dst", "10.200.1.2:99"},
                          {"proto", "tcp"},
                          {"syn", true}});
    native.run(as_it_came(e));
  }
  const json all = r.ask({{"verb", "conns"}, {"limit", 3}});
  CHECK(all.at("conns").size() == 3);
  CHECK(all.at("matching") == 5);
  for (const json& c : all.at("conns")) {
    CHECK(c.at("vip") == "affine");
    CHECK(c.at("by_source") == true);
    CHECK(c.at("source_port") == 0);
    CHECK(c.at("destination_port") == 0);
    CHECK(c.at("real").is_string());
  }
}

TEST_CASE("explain: what has no real, what is the kernel's, what is asked wrongly", "[lb]") {
  control_rig r;
  const auto ask = [&](const char* src, const char* dst, const char* proto = "tcp") {
    return r.ask({{"verb", "explain"}, {"src", src}, {"dst", dst}, {"proto", proto}});
  };
  json e = ask("192.168.1.9:40000", "10.200.1.3:80");
  CHECK(e.at("vip") == "empty");
  CHECK(e.at("verdict") == json({{"kind", "drop"}, {"reason", "no_real"}}));
  CHECK(e.at("real").is_null());
  CHECK(e.at("headers").empty());
  e = ask("192.168.1.9:40000", "10.99.1.3:80");
  CHECK(e.at("vip").is_null());
  CHECK(e.at("verdict").at("kind") == "kernel");
  e = ask("[fc00:9::9]:4000", "[fc00:1::1]:53", "udp");
  CHECK(e.at("outcome") == "gue");
  REQUIRE(e.at("headers").size() == 5);
  CHECK_THAT(e.at("headers")[2].get<std::string>(), test::ContainsSubstring("-> 6080 (GUE variant 1)"));
  CHECK_THAT(e.at("headers")[3].get<std::string>(),
             test::ContainsSubstring("IPv6 fc00:9::9 -> fc00:1::1 next 17"));
  CHECK_THAT(e.at("headers")[4].get<std::string>(), test::ContainsSubstring("UDP 4000 -> 53 length 8"));
  CHECK(ask("192.168.1.9:40000", "[fc00:1::1]:53", "udp").at("ok") == false);
  CHECK(ask("192.168.1.9", "10.200.1.1:80").at("ok") == false);
  CHECK(ask("fc00:9::9:80", "[fc00:1::1]:53").at("ok") == false);
  CHECK(ask("[10.0.0.1]:80", "10.200.1.1:80").at("ok") == false);
  CHECK(ask("10.0.0.1:65536", "10.200.1.1:80").at("ok") == false);
  CHECK(ask("10.0.0.1:1", "10.200.1.1:80", "sctp").at("error") == "'sctp' is not tcp or udp");
  CHECK(r.refused({{"verb", "explain"},
                   {"src", "1.2.3.4:5"},
                   {"dst", "10.200.1.1:80"},
                   {"proto", "tcp"},
                   {"port", 1}}) == "there is no port 1: they are 0 to 0");
  CHECK(r.refused({{"verb", "explain"},
                   {"src", "1.2.3.4:5"},
                   {"dst", "10.200.1.1:80"},
                   {"proto", "udp"},
                   {"syn", true}}) == "syn: only TCP has it");
}

TEST_CASE("explain --real: the commands of each method and family", "[lb]") {
  control_rig r;
  const auto commands = [&](const char* vip, const char* real) {
    const json a = r.ask({{"verb", "explain-real"}, {"real", real}, {"vip", vip}});
    std::string all;
    for (const json& c : a.at("commands")) all += c.at("run").get<std::string>() + "\n";
    return all + a.at("instead").dump();
  };
  CHECK(commands("web", "r1") ==
        "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2\n"
        "ip addr add 10.200.1.1/32 dev lo\n"
        "modprobe ipip\nip link set tunl0 up\n"
        "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.tunl0.rp_filter=0\n"
        "ip route change default via GATEWAY advmss 1440\n"
        "\"ringway-decap --for 10.0.0.1 INTERFACE\"");
  CHECK(commands("affine", "l1") ==
        "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2\n"
        "ip addr add 10.200.1.2/32 dev lo\nnull");
  CHECK(commands("dns", "g1") ==
        "ip -6 addr add fc00:1::1/128 dev lo\n"
        "modprobe ip6_tunnel\nip link add name ringway6 type ip6tnl mode any external\nip link set ringway6 "
        "up\n"
        "modprobe fou6\nip -6 fou add port 6080 gue\n"
        "\"ringway-decap --for fc00::1 INTERFACE\"");
  const json both = r.ask({{"verb", "explain-real"}, {"real", "r1"}});
  CHECK(both.at("serves").size() == 2);
  CHECK(std::count_if(both.at("commands").begin(), both.at("commands").end(),
                      [](const json& c) { return c.at("run") == "modprobe ipip"; }) == 1);
  CHECK(r.refused({{"verb", "explain-real"}, {"real", "r7"}}) == "no VIP has a real of the name 'r7'");
  CHECK(r.refused({{"verb", "explain-real"}, {"real", "g1"}, {"vip", "web"}}) ==
        "VIP web has no real of the name 'g1'");
}
