// SPDX-License-Identifier: BSD-2-Clause
// The verbs' command lines, and what is printed of their answers.
#include <ringway/error.hpp>
#include <verbs_forms.hpp>
#include <verbs_frame.hpp>
#include <verbs_print.hpp>
#include <verbs_table.hpp>

#include "lbapp_control_rig.hpp"
#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;
using test::control_rig;
using json = nlohmann::ordered_json;

namespace {

verb_call parse(const char* verb, const std::vector<std::string>& arguments) {
  const verb_form* form = find_verb(verb);
  if (form == nullptr) throw std::runtime_error("no verb");
  return parse_verb(*form, arguments);
}

std::string refusal_of(const char* verb, const std::vector<std::string>& arguments) {
  try {
    parse(verb, arguments);
  } catch (const usage_error& e) {
    return e.what();
  }
  return "";
}

std::string printed(control_rig& r, const char* verb, const std::vector<std::string>& arguments) {
  const verb_call call = parse(verb, arguments);
  const json answer = r.ask(call.request);
  if (answer.at("ok") != true) throw std::runtime_error(answer.at("error").get<std::string>());
  return print_answer(call.request, answer, nullptr);
}

/// With one space for many.
std::string squeezed(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  return out;
}

}  // namespace

TEST_CASE("a verb's command line becomes its request", "[lb]") {
  CHECK(parse("status", {}).request == json({{"verb", "status"}}));
  CHECK(parse("status", {}).socket == "/run/ringway-lb.sock");
  CHECK(parse("status", {"--socket", "/a", "--json"}).socket == "/a");
  CHECK(parse("status", {"--socket=/a", "--json"}).json);
  CHECK(parse("reals", {"web"}).request == json({{"verb", "reals"}, {"vip", "web"}}));
  CHECK(parse("add-real",
              {"web", "10.0.0.9", "--weight", "3", "--name=r9", "--method", "gue", "--gue-port", "7000"})
            .request == json({{"verb", "add-real"},
                              {"vip", "web"},
                              {"address", "10.0.0.9"},
                              {"weight", 3},
                              {"name", "r9"},
                              {"method", "gue"},
                              {"gue_port", 7000}}));
  CHECK(parse("set-weight", {"web", "r1", "0"}).request ==
        json({{"verb", "set-weight"}, {"vip", "web"}, {"real", "r1"}, {"weight", 0}}));
  CHECK(parse("drain", {"--undo", "web", "r1"}).request ==
        json({{"verb", "drain"}, {"undo", true}, {"vip", "web"}, {"real", "r1"}}));
  CHECK(parse("explain", {"--src", "[fc00::1]:5", "--dst", "[fc00::2]:80", "--syn"}).request ==
        json({{"verb", "explain"},
              {"src", "[fc00::1]:5"},
              {"dst", "[fc00::2]:80"},
              {"syn", true},
              {"proto", "tcp"}}));
  CHECK(parse("explain", {"--real", "r1", "--vip", "web"}).request ==
        json({{"verb", "explain-real"}, {"real", "r1"}, {"vip", "web"}}));
  CHECK(parse("stats", {"--watch"}).watch == 1);
  CHECK(parse("stats", {"--watch", "5"}).watch == 5);
  CHECK(parse("stats", {"--watch=7", "--json"}).watch == 7);
  CHECK(parse("drops", {"--watch", "--json"}).json);
  CHECK(parse("drops", {}).watch == 0);
  CHECK(parse("reload", {"--discard"}).request == json({{"verb", "reload"}, {"discard", true}}));
  CHECK(parse("drain", {"--help"}).help);
}

TEST_CASE("a verb's command line that is wrong in itself is refused before anybody is asked", "[lb]") {
  CHECK(refusal_of("status", {"now"}) == "status: 'now' is one argument too many");
  CHECK(refusal_of("status", {"--now"}) == "status: there is no --now");
  CHECK(refusal_of("status", {"--socket"}) == "status: --socket needs a value");
  CHECK(refusal_of("status", {"--json=yes"}) == "status: --json takes no value");
  CHECK(refusal_of("drain", {"web"}) == "drain: REAL is missing");
  CHECK(refusal_of("set-weight", {"web", "r1", "many"}) ==
        "set-weight: WEIGHT: 'many' is not a number from 0 to 65535");
  CHECK(refusal_of("set-weight", {"web", "r1"}) == "set-weight: WEIGHT is missing");
  CHECK(refusal_of("add-real", {"web", "nowhere"}) ==
        "add-real: ADDRESS: 'nowhere' is no IPv4 or IPv6 address");
  CHECK(refusal_of("add-real", {"web", "1.2.3.4", "--method", "nat"}) ==
        "add-real: --method: 'nat' is not l2, ipip or gue");
  CHECK(refusal_of("add-real", {"web", "1.2.3.4", "--weight", "1", "--weight", "2"}) ==
        "add-real: --weight is given twice");
  CHECK(refusal_of("conns", {"--limit", "0"}) == "conns: --limit: '0' is not a number from 1 to 100000");
  CHECK(refusal_of("explain", {}) == "explain: --src is missing");
  CHECK(refusal_of("explain", {"--src", "1.2.3.4:5"}) == "explain: --dst is missing");
  CHECK_THAT(refusal_of("explain", {"--src", "1.2.3.4"}), test::ContainsSubstring("ADDRESS:PORT"));
  CHECK(refusal_of("explain", {"--vip", "web"}) == "explain: --vip goes with --real");
  CHECK(refusal_of("explain", {"--real", "r1", "--syn"}) == "explain: --syn does not go with --real");
  CHECK(refusal_of("stats", {"--watch=0"}) == "stats: --watch: '0' is not a number from 1 to 3600");
  CHECK(refusal_of("stats", {"--watch", "0.5"}) == "stats: --watch: '0.5' is not a number from 1 to 3600");
  CHECK(refusal_of("stats", {"--watch", "-1"}) == "stats: --watch: '-1' is not a number from 1 to 3600");
  CHECK(refusal_of("set-weight", {"web", "r1", "-1"}) ==
        "set-weight: WEIGHT: '-1' is not a number from 0 to 65535");
  CHECK(refusal_of("add-real", {"web", "1.2.3.4", "--mtu", "10"}) ==
        "add-real: --mtu: '10' is not a number from 576 to 65535");
  CHECK(refusal_of("explain", {"--src", "1.2.3.4:5", "--dst", "1.2.3.5:6", "--proto", "udp", "--syn"}) ==
        "explain: --syn: only TCP has it");
  CHECK(refusal_of("explain", {"--src", "1.2.3.4:5", "--dst", "[fc00::1]:6"}) ==
        "explain: --src and --dst are not of one family");
  CHECK(find_verb("halt") == nullptr);
}

TEST_CASE("help names every verb and every option", "[lb]") {
  for (const verb_form& f : verb_forms()) {
    CHECK_THAT(list_of_verbs(), test::ContainsSubstring(fmt::format("  {:<12} {}\n", f.name, f.purpose)));
    const std::string help = help_of(f);
    for (const verb_argument& a : f.places) CHECK_THAT(help, test::ContainsSubstring(a.name));
    for (const verb_argument& a : f.options) CHECK_THAT(help, test::ContainsSubstring(a.name));
    CHECK_THAT(help, test::ContainsSubstring("--socket PATH"));
  }
}

TEST_CASE("answers for people", "[lb]") {
  control_rig r;
  r.ask({{"verb", "drain"}, {"vip", "web"}, {"real", "r1"}});
  const std::string status = printed(r, "status", {});
  CHECK_THAT(status, test::ContainsSubstring("datapath xdp, up 0 s"));
  CHECK_THAT(status, test::ContainsSubstring(
                         "5 of 5 healthy, 4 take new flows, 1 drained (4 different, capacity 16)"));
  CHECK_THAT(status, test::ContainsSubstring("lb0 (native)"));
  CHECK_THAT(status, test::ContainsSubstring("* web  r1    drained\n"));
  CHECK_THAT(status, test::ContainsSubstring("* changed at run time; `ringway-lb reload --discard`"));
  CHECK_THAT(printed(r, "vips", {}), test::ContainsSubstring("[fc00:1::1]:53/udp"));
  const std::string reals = printed(r, "reals", {"web"});
  CHECK_THAT(reals, test::ContainsSubstring("drained  *\n"));
  CHECK_THAT(reals, test::ContainsSubstring("up\n"));
  CHECK(printed(r, "reals", {"dns"}).find("changed at run time") == std::string::npos);
  CHECK_THAT(printed(r, "drain", {"web", "r1", "--undo"}), test::ContainsSubstring("in force: generation"));
  CHECK_THAT(printed(r, "explain", {"--src", "192.168.1.9:4000", "--dst", "10.200.1.1:80"}),
             test::ContainsSubstring("\n  TCP 4000 -> 80 [ACK]"));
  CHECK_THAT(printed(r, "explain", {"--real", "r1"}), test::ContainsSubstring("\nmodprobe ipip\n"));
  CHECK_THAT(printed(r, "conns", {}), test::ContainsSubstring("CLIENT"));
  CHECK_THAT(printed(r, "drops", {}), test::ContainsSubstring("no_neighbour"));
  CHECK_THAT(printed(r, "config", {}), test::ContainsSubstring("[[vip]]"));
}

TEST_CASE("rates are between two answers", "[lb]") {
  control_rig r;
  const json request = {{"verb", "stats"}};
  json before = r.ask(request), now = before;
  now["uptime_s"] = before.at("uptime_s").get<double>() + 2;
  now["vips"][0]["packets"] = 3000;
  now["vips"][0]["bytes"] = 300'000;
  now["events"][1]["count"] = 50;
  const std::string text = squeezed(print_answer(request, now, &before));
  CHECK_THAT(text, test::ContainsSubstring("3000 300000 1500 1200000\n"));
  CHECK_THAT(text, test::ContainsSubstring("conn_new 50 25 flows entered\n"));
  CHECK_THAT(squeezed(print_answer(request, now, nullptr)), test::ContainsSubstring("3000 300000 - -\n"));
  now["vips"][0]["packets"] = 0, before["vips"][0]["packets"] = 5;  // another VIP has the name now
  CHECK_THAT(squeezed(print_answer(request, now, &before)), test::ContainsSubstring(" 0 300000 - 1200000\n"));
}

TEST_CASE("frames that are cut off, and columns", "[lb]") {
  std::vector<std::uint8_t> frame(14 + 40, 0);
  for (const std::size_t n : {0u, 5u, 13u})
    CHECK(headers_of(std::vector<std::uint8_t>(n), 0).front() == "Ethernet: cut off");
  frame[12] = 0x81, frame[13] = 0, frame[14] = 0x20, frame[15] = 100, frame[16] = 0x86, frame[17] = 0xdd;
  const auto lines = headers_of(frame, 0);
  REQUIRE(lines.size() >= 3);
  CHECK(lines[1] == "VLAN 100 priority 1 type 0x86dd");
  CHECK(lines[2] == "IPv6: cut off");
  for (std::size_t n = 0; n < frame.size(); ++n) CHECK_FALSE(headers_of({frame.data(), n}, 6080).empty());
  text_table t({"A", ">N"});
  CHECK(t.empty());
  t.row({"long", "1"});
  t.row({"x", "100"});
  CHECK(t.text() == "A       N\nlong    1\nx     100\n");
  CHECK(duration_text(3 * 86400 + 4 * 3600) == "3 d 4 h");
  CHECK(duration_text(725) == "12 min 5 s");
  CHECK(size_text(1536) == "1.5 KiB");
  CHECK(size_text(3) == "3 bytes");
}
