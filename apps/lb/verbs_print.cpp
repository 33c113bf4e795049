// SPDX-License-Identifier: BSD-2-Clause
#include "verbs_print.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "verbs_table.hpp"

namespace ringway::lb_app {
namespace {

constexpr std::size_t vips_in_status = 20, alarms_in_status = 10;

std::string text_of(const json& j) { return j.is_string() ? j.get<std::string>() : j.dump(); }
std::string number_of(const json& j, const char* key) { return text_of(j.at(key)); }
const char* mark(const json& j) { return j.at("changed").get<bool>() ? "*" : ""; }

const char* const legend = "* changed at run time; `ringway-lb reload --discard` goes back to the file\n";

std::string vip_table(const json& vips, std::size_t most) {
  text_table t({"VIP", "SERVICE", ">REALS", ">HEALTHY", ">TAKING", "HASH", ""});
  bool marked = false;
  for (std::size_t i = 0; i < std::min(most, vips.size()); ++i) {
    const json& v = vips[i];
    std::string notes = mark(v);
    marked = marked || !notes.empty();
    const auto note = [&](bool holds, const char* what) {
      if (holds) notes += (notes.empty() ? "" : " ") + std::string(what);
    };
    note(v.at("all_failed").get<bool>(), "all failed");
    note(v.at("holding").get<bool>(), "holding");
    note(v.at("announced").get<bool>(), "announced");
    note(!v.at("stateful").get<bool>(), "stateless");
    t.row({v.at("name"), v.at("service"), number_of(v, "reals"), number_of(v, "healthy"),
           number_of(v, "taking"), v.at("hash"), notes});
  }
  std::string all = t.text();
  if (vips.size() > most) all += fmt::format("... and {} more: ringway-lb vips\n", vips.size() - most);
  return all + (marked ? legend : "");
}

std::string ports_line(const json& ports) {
  std::string line;
  for (const json& p : ports)
    line +=
        fmt::format("{}{} ({})", line.empty() ? "" : ", ", text_of(p.at("name")), text_of(p.at("attach")));
  return line;
}

std::string reals_line(const json& r) {
  std::string line = fmt::format("{} of {} healthy, {} take new flows", number_of(r, "healthy"),
                                 number_of(r, "total"), number_of(r, "taking"));
  for (const char* key : {"drained", "held", "no_neighbour"})
    if (r.at(key) != 0) line += fmt::format(", {} {}", number_of(r, key), key);
  return line;
}

std::string connections_line(const json& c) {
  std::string line = fmt::format(
      "{} of {} entries: {} half open, {} established, {} closing; evicted {} live, {} others",
      number_of(c, "used"), number_of(c, "entries"), number_of(c, "half_open"), number_of(c, "established"),
      number_of(c, "closing"), number_of(c, "evicted_live"), number_of(c, "evicted_half"));
  if (const auto within = c.at("counted_within_s").get<std::uint32_t>(); within > 1)
    line += fmt::format(" (counted within the last {} s)", within);
  return line;
}

std::string print_status(const json& a) {
  std::string all = fmt::format("ringway-lb {}, datapath {}, up {}\n\n", text_of(a.at("version")),
                                text_of(a.at("datapath")), duration_text(a.at("uptime_s").get<double>()));
  const auto line = [&](const char* what, const std::string& text) {
    all += fmt::format("{:<13}{}\n", what, text);
  };
  const json& most = a.at("capacity");
  line("since", text_of(a.at("since")));
  line("ports", ports_line(a.at("ports")));
  line("VIPs", fmt::format("{} (capacity {})", a.at("vips").size(), number_of(most, "vips")));
  line("reals", fmt::format("{} ({} different, capacity {})", reals_line(a.at("reals")),
                            number_of(a.at("reals"), "different"), number_of(most, "reals")));
  line("rings", fmt::format("{} in use, of {} slots each (capacity {})", number_of(a.at("rings"), "used"),
                            number_of(a.at("rings"), "size"), number_of(most, "rings")));
  line("connections", connections_line(a.at("connections")));
  line("memory", size_text(a.at("memory_bytes").get<double>()));
  line("generation", number_of(a, "generation"));
  const json& alarms = a.at("alarms");
  for (std::size_t i = 0; i < std::min(alarms_in_status, alarms.size()); ++i)
    line("ALARM", text_of(alarms[i]));
  if (alarms.size() > alarms_in_status)
    line("ALARM", fmt::format("... and {} more: ringway-lb status --json", alarms.size() - alarms_in_status));
  all.append("\n").append(vip_table(a.at("vips"), vips_in_status));
  if (a.at("changes").empty()) return all;
  all += "\n";
  text_table t({"* VIP", "REAL", "CHANGED AT RUN TIME"});
  for (const json& c : a.at("changes"))
    t.row({fmt::format("* {}", text_of(c.at("vip"))), c.at("real"), c.at("what")});
  return all + t.text();
}

std::string print_reals(const json& a) {
  text_table t({"VIP", "REAL", "ADDRESS", "METHOD", ">WEIGHT", ">IN RING", "STATE", ""});
  bool marked = false;
  for (const json& r : a.at("reals")) {
    std::string notes = mark(r);
    marked = marked || !notes.empty();
    if (!r.at("from_file").get<bool>()) notes += " added";
    if (const auto why = text_of(r.at("why")); !why.empty()) notes += (notes.empty() ? "" : " ") + why;
    t.row({r.at("vip"), r.at("name"), r.at("address"), r.at("method"), number_of(r, "weight"),
           number_of(r, "effective"), r.at("state"), notes});
  }
  for (const json& r : a.at("removed")) {
    marked = true;
    t.row({r.at("vip"), r.at("name"), "-", "-", "-", "-", "removed", "*"});
  }
  return t.text() + (marked ? legend : "");
}

std::string print_change(const json& a) {
  const json& c = a.at("change");
  return fmt::format(
      "in force: generation {}, {} rings built and {} shared, {} reals added and {} removed, {:.1f} ms\n",
      number_of(c, "generation"), number_of(c, "rings_built"), number_of(c, "rings_shared"),
      number_of(c, "reals_added"), number_of(c, "reals_removed"),
      (c.at("building_us").get<double>() + c.at("waiting_us").get<double>()) / 1000);
}

}  // namespace

std::string rate_text(double now, double before, double seconds) {
  return seconds > 0 && now >= before ? fmt::format("{:.0f}", (now - before) / seconds) : "-";
}

std::string print_answer(const json& request, const json& answer, const json* before) {
  const std::string verb = request.at("verb");
  if (verb == "status") return print_status(answer);
  if (verb == "vips") return vip_table(answer.at("vips"), answer.at("vips").size());
  if (verb == "reals") return print_reals(answer);
  if (verb == "conns") return print_conns(answer);
  if (verb == "stats") return print_stats(answer, before);
  if (verb == "drops") return print_drops(answer, before);
  if (verb == "explain") return print_explain(answer);
  if (verb == "explain-real") return print_explain_real(answer);
  if (verb == "config") return answer.at("toml");
  return print_change(answer);
}

}  // namespace ringway::lb_app
