// SPDX-License-Identifier: BSD-2-Clause
// Every verb: its request and its answer.
#include <algorithm>

#include "lbapp_control_rig.hpp"
#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;
using test::control_rig;
using test::json;

namespace {

const json& named(const json& rows, const std::string& name, const char* key = "name") {
  const auto at =
      std::find_if(rows.begin(), rows.end(), [&](const json& row) { return row.at(key) == name; });
  if (at == rows.end()) throw std::runtime_error("no row " + name);
  return *at;
}

json real_of(control_rig& r, const char* vip, const char* real) {
  return named(r.ask({{"verb", "reals"}, {"vip", vip}}).at("reals"), real);
}

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

}  // namespace

TEST_CASE("what is no request is refused by name", "[lb]") {
  control_rig r;
  const auto refused = [&](const std::string& line) {
    const json a = json::parse(answer(r.context, line));
    CHECK(a.at("ok") == false);
    return a.at("error").get<std::string>();
  };
  CHECK(refused("") == "the request is no JSON");
  CHECK(refused("{\"verb\":\"status\"") == "the request is no JSON");
  CHECK(refused("\xff\xfe") == "the request is no JSON");
  CHECK(refused(std::string(60'000, '[')) == "the request is no JSON");
  CHECK(refused("[1]") == "the request is no JSON object");
  CHECK(refused("{}") == "the request names no verb");
  CHECK(refused("{\"verb\":7}") == "the request names no verb");
  CHECK_THAT(refused("{\"verb\":\"halt\"}"), test::ContainsSubstring("'halt' is no verb (add-real, config"));
  CHECK(refused("{\"verb\":\"drain\",\"vip\":\"web\"}") == "drain needs real");
  CHECK(refused("{\"verb\":\"drain\",\"vip\":1,\"real\":\"r1\"}") == "vip: 1 is no string");
  CHECK(refused("{\"verb\":\"drain\",\"vip\":\"web\",\"real\":\"r1\",\"undo\":\"yes\"}") ==
        "undo: \"yes\" is neither true nor false");
  CHECK(refused("{\"verb\":\"conns\",\"limit\":-1}") == "limit: -1 is no number from 1 to 100000");
  CHECK(refused("{\"verb\":\"conns\",\"limit\":2.5}") == "limit: 2.5 is no number from 1 to 100000");
}

TEST_CASE("every verb refuses what it does not know, and has then done nothing", "[lb]") {
  const std::vector<json> requests = {
      {{"verb", "status"}},
      {{"verb", "vips"}},
      {{"verb", "reals"}},
      {{"verb", "add-real"}, {"vip", "web"}, {"address", "10.0.0.9"}},
      {{"verb", "remove-real"}, {"vip", "web"}, {"real", "r1"}},
      {{"verb", "set-weight"}, {"vip", "web"}, {"real", "r1"}, {"weight", 3}},
      {{"verb", "drain"}, {"vip", "web"}, {"real", "r1"}},
      {{"verb", "conns"}},
      {{"verb", "stats"}},
      {{"verb", "drops"}},
      {{"verb", "explain"}, {"src", "1.2.3.4:5"}, {"dst", "10.200.1.1:80"}, {"proto", "tcp"}},
      {{"verb", "explain-real"}, {"real", "r1"}},
      {{"verb", "config"}},
      {{"verb", "reload"}}};
  for (json request : requests) {
    INFO(request.dump());
    control_rig r;
    const std::string before = r.ask({{"verb", "reals"}}).dump();
    request["sudo"] = true;
    CHECK(r.refused(request) == request.at("verb").get<std::string>() + " knows no sudo");
    CHECK(r.ask({{"verb", "reals"}}).dump() == before);
    request.erase("sudo");
    CHECK(r.refused(request).empty());
  }
  control_rig r;
  CHECK_FALSE(r.refused({{"verb", "reals"}, {"vip", "nobody"}}).empty());
  for (const char* verb : {"remove-real", "drain"})
    CHECK_FALSE(r.refused({{"verb", verb}, {"vip", "web"}, {"real", "nobody"}}).empty());
}

TEST_CASE("status", "[lb]") {
  control_rig r;
  r.counted.events[RW_LB_CONN_EVICTED_LIVE] = 11;
  json s = r.ask({{"verb", "status"}});
  CHECK(s.at("datapath") == "xdp");
  CHECK(s.at("since") == "2026-01-01T00:00:00Z");
  CHECK_FALSE(s.at("version").get<std::string>().empty());
  CHECK(s.at("uptime_s").get<double>() >= 0);
  CHECK(s.at("ports").size() == 1);
  CHECK(s.at("ports")[0].at("rx_packets") == 7);
  CHECK(s.at("vips").size() == 4);
  CHECK(
      s.at("reals") ==
      json({{"total", 5}, {"healthy", 5}, {"taking", 5}, {"drained", 0}, {"held", 0}, {"no_neighbour", 0}}));
  CHECK(s.at("connections").at("entries") == 512);
  CHECK(s.at("connections").at("evicted_live") == 11);
  CHECK(s.at("memory_bytes") == lb_store::bytes_for(r.file.capacity));
  CHECK(s.at("generation").get<int>() > 0);
  CHECK(s.at("changes").empty());
  CHECK(s.at("rings").at("used") == 3);
  CHECK(s.at("alarms").size() == r.plane.alarms().size());

  r.plane.health("web", "r1", false, "connect: refused");
  r.plane.health("web", "r2", false, "connect: refused");
  r.settle();
  s = r.ask({{"verb", "status"}});
  CHECK(s.at("alarms").size() == r.plane.alarms().size());
  CHECK_FALSE(s.at("alarms").empty());
  CHECK(named(s.at("vips"), "web").at("all_failed") == true);
  CHECK(named(s.at("vips"), "web").at("healthy") == 0);
  CHECK(s.at("reals").at("healthy") == 3);
  CHECK(s.at("reals").at("held") == 2);
}

TEST_CASE("vips and reals", "[lb]") {
  control_rig r;
  const json vips = r.ask({{"verb", "vips"}}).at("vips");
  CHECK(named(vips, "dns").at("service") == "[fc00:1::1]:53/udp");
  CHECK(named(vips, "affine").at("service") == "10.200.1.2:any/tcp");
  CHECK(named(vips, "affine").at("hash") == "source");
  CHECK(named(vips, "empty").at("reals") == 0);
  CHECK(named(vips, "web").at("id").get<int>() >= 0);
  CHECK(r.ask({{"verb", "reals"}}).at("reals").size() == 5);
  const json g1 = real_of(r, "dns", "g1");
  CHECK(g1.at("method") == "gue");
  CHECK(g1.at("source") == "fc00:2307::1337");
  CHECK(g1.at("gue_port") == 6080);
  CHECK(g1.at("state") == "up");
  CHECK_FALSE(real_of(r, "affine", "l1").contains("source"));

  r.plane.health("web", "r1", false, "connect: refused");
  lb_destination to;
  for (const lb_destination& d : r.plane.destinations())
    if (d.address.text() == "10.0.0.2") to = d;
  r.plane.next_hop(to, std::nullopt);
  r.settle();
  CHECK(real_of(r, "web", "r1").at("why") == "connect: refused");
  CHECK(real_of(r, "web", "r1").at("healthy") == false);
  CHECK_THAT(real_of(r, "web", "r1").at("state").get<std::string>(), test::ContainsSubstring("down"));
  CHECK(real_of(r, "web", "r2").at("state") == "no_neighbour");
}

TEST_CASE("run-time changes are made, marked, kept by a reload and dropped by one with discard", "[lb]") {
  control_rig r;
  const json drained = r.ask({{"verb", "drain"}, {"vip", "web"}, {"real", "r1"}});
  CHECK(drained.at("ok") == true);
  CHECK(drained.at("change").at("rings_built") == 1);
  CHECK(r.ask({{"verb", "set-weight"}, {"vip", "web"}, {"real", "r2"}, {"weight", 7}}).at("ok") == true);
  CHECK(r.ask({{"verb", "remove-real"}, {"vip", "affine"}, {"real", "l1"}}).at("ok") == true);
  const json added =
      r.ask({{"verb", "add-real"}, {"vip", "web"}, {"address", "10.0.0.9"}, {"weight", 2}, {"name", "r9"}});
  CHECK(added.at("real") == json({{"address", "10.0.0.9"}, {"method", "ipip"}, {"source", "172.16.1.2"}}));
  for (const bool reloaded : {false, true}) {
    INFO("reloaded: " << reloaded);
    CHECK(real_of(r, "web", "r1").at("state") == "drained");
    CHECK(real_of(r, "web", "r1").at("effective") == 0);
    CHECK(real_of(r, "web", "r2").at("weight") == 7);
    CHECK(real_of(r, "web", "r9").at("weight") == 2);
    CHECK(real_of(r, "web", "r9").at("from_file") == false);
    CHECK(r.ask({{"verb", "reals"}}).at("removed") == json::array({{{"vip", "affine"}, {"name", "l1"}}}));
    const json s = r.ask({{"verb", "status"}});
    CHECK(s.at("changes").size() == 4);
    CHECK(named(s.at("changes"), "r1", "real").at("what") == "drained");
    CHECK(named(s.at("changes"), "r2", "real").at("what") == "weight 7");
    CHECK(named(s.at("changes"), "r9", "real").at("what") == "added");
    CHECK(named(s.at("changes"), "l1", "real").at("what") == "removed");
    CHECK(named(s.at("vips"), "web").at("changed") == true);
    CHECK(named(s.at("vips"), "dns").at("changed") == false);
    if (!reloaded) CHECK(r.ask({{"verb", "reload"}}).at("ok") == true);
  }
  CHECK(r.ask({{"verb", "drain"}, {"vip", "web"}, {"real", "r1"}, {"undo", true}}).at("ok") == true);
  CHECK(real_of(r, "web", "r1").at("changed") == false);
  CHECK(r.ask({{"verb", "reload"}, {"discard", true}}).at("ok") == true);
  CHECK(r.ask({{"verb", "status"}}).at("changes").empty());
  CHECK(r.ask({{"verb", "reals"}}).at("reals").size() == 5);
  r.bad_file = true;
  CHECK(r.refused({{"verb", "reload"}}) == "lb.toml:7: vip.port: 'x' is no port");
}

TEST_CASE("a real that is added is reached as the others of its family are", "[lb]") {
  control_rig r;
  const auto add = [&](json more, const char* vip, const char* address) {
    json request = {{"verb", "add-real"}, {"vip", vip}, {"address", address}};
    request.update(more);
    return r.ask(request);
  };
  CHECK(add(json::object(), "web", "fc00::9").at("real").at("method") == "gue");  // as dns has it
  CHECK(add({{"method", "l2"}}, "web", "10.0.0.8").at("real") ==
        json({{"address", "10.0.0.8"}, {"method", "l2"}}));
  CHECK(add({{"gue_port", 7000}, {"mtu", 1400}, {"vlan", 5}, {"port", 81}}, "dns", "fc00::8").at("real") ==
        json({{"address", "fc00::8"},
              {"method", "gue"},
              {"port", 81},
              {"source", "fc00:2307::1337"},
              {"gue_port", 7000},
              {"mtu", 1400},
              {"vlan", 5}}));
  CHECK_THAT(add({{"method", "gue"}}, "web", "10.0.0.7").at("error").get<std::string>(),
             test::ContainsSubstring("outer source address"));
  CHECK(add({{"method", "gue"}, {"source", "172.16.1.9"}}, "web", "10.0.0.7").at("real").at("source") ==
        "172.16.1.9");
  CHECK(add({{"source", "fc00::1"}}, "web", "10.0.0.6").at("ok") == false);
  CHECK(add({{"method", "l2"}, {"source", "172.16.1.9"}}, "web", "10.0.0.6").at("ok") == false);
  CHECK(add(json::object(), "web", "nowhere").at("ok") == false);
  CHECK(add({{"method", "nat"}}, "web", "10.0.0.6").at("error") == "'nat' is not l2, ipip or gue");
  CHECK(add(json::object(), "web", "10.0.0.1").at("ok") == false);  // is there
}

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
  CHECK(c.at("source") == "192.168.1.9");
  CHECK(c.at("source_port") == 40000);
  CHECK(c.at("destination") == "10.200.1.1");
  CHECK(c.at("destination_port") == 80);
  CHECK(c.at("protocol") == "tcp");
  CHECK(c.at("vip") == "web");
  CHECK(c.at("real") == real);
  CHECK(c.at("state") == "half_open");
  CHECK(c.at("idle_s") == 0);
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
  r.plane.tick(2000);
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
                   {"port", 1}}) == "port 1 (0 to 0)");
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

TEST_CASE("stats and drops", "[lb]") {
  control_rig r;
  const auto own = static_cast<std::uint32_t>(RW_REASON_NF);
  const auto web = static_cast<std::size_t>(r.plane.find("web")->id);
  const auto r2 = static_cast<std::size_t>(real_of(r, "web", "r2").at("element").get<int>());
  r.traffic[web] = {5, 500};
  r.traffic[r.file.capacity.vips + r2] = {4, 400};
  r.counted.events[RW_LB_CONN_NEW] = 9;
  r.counted.drops[0][RW_LB_DROP_NO_REAL - own] = 12;
  r.counted.drops[0][RW_LB_DROP_TTL - own] = 13;
  r.report["ports"][0]["drops"]["ttl_exceeded"] = 14;  // a datapath that reports it itself
  const json s = r.ask({{"verb", "stats"}});
  CHECK(named(s.at("vips"), "web").at("packets") == 5);
  CHECK(named(s.at("vips"), "web").at("bytes") == 500);
  CHECK(named(s.at("vips"), "dns").at("packets") == 0);
  CHECK(s.at("reals").size() == 4);
  CHECK(named(s.at("reals"), "r2").at("packets") == 4);
  CHECK(named(s.at("reals"), "r1").at("vips") == 2);
  CHECK(named(s.at("events"), "conn_new").at("count") == 9);
  CHECK(s.at("events").size() == RW_LB_EVENT_COUNT);
  CHECK(s.at("report").at("ports")[0].at("name") == "lb0");
  const json d = r.ask({{"verb", "drops"}});
  CHECK(d.at("drops").size() == RW_LB_REASON_COUNT + RW_REASON_COUNT);
  CHECK(d.at("drops") == s.at("drops"));
  CHECK(named(d.at("drops"), "no_real").at("packets") == 12);
  CHECK(named(d.at("drops"), "no_real").at("ports") == json({{"lb0", 12}}));
  CHECK(named(d.at("drops"), "no_real").at("text") == "the VIP has no real that takes packets");
  CHECK(named(d.at("drops"), "ttl_exceeded").at("packets") == 14);
  CHECK(named(d.at("drops"), "malformed").at("packets") == 3);
  CHECK(named(d.at("drops"), "malformed").at("origin") == "library");
  CHECK(named(d.at("drops"), "bad_port").at("ports").empty());
  CHECK_FALSE(d.contains("kernel"));
  r.report["ports"][0]["kernel"] = {{"rx_dropped", 2}, {"rx_ring_full", 0}};
  CHECK(r.ask({{"verb", "drops"}}).at("kernel")[0].at("lost").at("rx_dropped") == 2);
}

TEST_CASE("config is what is in force", "[lb]") {
  control_rig r;
  r.ask({{"verb", "set-weight"}, {"vip", "web"}, {"real", "r2"}, {"weight", 7}});
  const std::string toml = r.ask({{"verb", "config"}}).at("toml");
  CHECK_THAT(toml, test::ContainsSubstring("10.200.1.1"));
  CHECK_THAT(toml, test::ContainsSubstring("weight = 7"));
}
