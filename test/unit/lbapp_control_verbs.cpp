// SPDX-License-Identifier: BSD-2-Clause
// Every verb but explain and conns: its request and its answer.
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
  CHECK(refused("{\"verb\":\"conns\",\"limit\":100001}") == "limit: 100001 is no number from 1 to 100000");
  CHECK(refused("{\"verb\":\"conns\",\"limit\":4294967297}") ==
        "limit: 4294967297 is no number from 1 to 100000");
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
  CHECK(s.at("reals") == json({{"total", 5},
                               {"different", 4},
                               {"healthy", 5},
                               {"taking", 5},
                               {"drained", 0},
                               {"held", 0},
                               {"no_neighbour", 0}}));
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
  const auto add = [&](const json& more, const char* vip, const char* address) {
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

TEST_CASE("a real that the file could not have is not added either", "[lb]") {
  control_rig r;
  const auto refused = [&](const json& more, const char* address) {
    json request = {{"verb", "add-real"}, {"vip", "web"}, {"address", address}};
    request.update(more);
    return r.refused(request);
  };
  const std::string own = r.plane.find("web")->entry.vip.address.text();
  CHECK(refused(json::object(), own.c_str()) == "address: it is the VIP's own: packets would never leave");
  CHECK(refused(json::object(), "127.0.0.1") == "address: 127.0.0.1 is a loopback address");
  CHECK(refused({{"mtu", 10}}, "10.0.0.8") == "mtu: 10 is no number from 576 to 65535");
  CHECK(refused({{"method", "l2"}}, "fc00::9") ==
        "address: with method l2 it must be of the VIP's family, IPv4");
  CHECK(r.plane.find("web")->reals.size() == r.file.vips[0].reals.size());
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
  CHECK(toml.starts_with("datapath = \"xdp\"\n"));
  CHECK_THAT(toml, test::ContainsSubstring(fmt::format("rings = {}\nreals = {}\n", r.file.capacity.rings,
                                                       r.file.capacity.reals)));
  CHECK_THAT(toml, test::ContainsSubstring("10.200.1.1"));
  CHECK_THAT(toml, test::ContainsSubstring("weight = 7"));
}
