// SPDX-License-Identifier: BSD-2-Clause
// Counters, connections and explanations for people.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "verbs_print.hpp"
#include "verbs_table.hpp"

namespace ringway::lb_app {
namespace {

std::string text_of(const json& j) {
  if (j.is_null()) return "-";
  return j.is_string() ? j.get<std::string>() : j.dump();
}

/// The rows of an answer, by what tells them apart.
std::map<std::string, const json*> by_key(const json* answer, const char* rows, const char* key) {
  std::map<std::string, const json*> all;
  if (answer != nullptr)
    for (const json& row : answer->at(rows)) all[text_of(row.at(key))] = &row;
  return all;
}

double seconds_between(const json& answer, const json* before) {
  return before == nullptr ? 0 : answer.at("uptime_s").get<double>() - before->at("uptime_s").get<double>();
}

/// Of `what` in a row, a second; "-" without an earlier one.
std::string rate_of(const json& row, const json* earlier, const char* what, double seconds,
                    double times = 1) {
  if (earlier == nullptr) return "-";
  return rate_text(row.at(what).get<double>() * times, earlier->at(what).get<double>() * times, seconds);
}

template <class Cells>
void add_rows(text_table& t, const json& answer, const json* before, const char* rows, const char* key,
              const Cells& cells) {
  const auto earlier = by_key(before, rows, key);
  for (const json& row : answer.at(rows)) {
    const auto at = earlier.find(text_of(row.at(key)));
    t.row(cells(row, at == earlier.end() ? nullptr : at->second));
  }
}

std::string who(const json& real) {
  const auto others = real.at("vips").get<std::size_t>() - 1;
  return text_of(real.at("vip")) + (others == 0 ? "" : fmt::format(" and {} more", others));
}

std::string real_line(const json& r) {
  std::string line = fmt::format("{} ({}, {}", text_of(r.at("name")), text_of(r.value("address", json())),
                                 text_of(r.value("method", json())));
  if (r.contains("source")) line += ", from " + text_of(r.at("source"));
  line += ")";
  if (r.contains("state") && r.at("state") != "up") line += " " + text_of(r.at("state"));
  return line;
}

std::string connection_line(const json& c) {
  if (c.is_null()) return "none";
  return fmt::format("bucket {} slot {}, {}, idle {} s, real {}", text_of(c.at("bucket")),
                     text_of(c.at("slot")), text_of(c.at("state")), text_of(c.at("idle_s")),
                     text_of(c.at("real")));
}

std::string verdict_line(const json& v) {
  if (v.at("kind") == "kernel") return "passed to the kernel";
  if (v.at("kind") == "drop") return "dropped: " + text_of(v.at("reason"));
  return fmt::format("sent from port {} ({})", text_of(v.at("port")), text_of(v.value("port_name", json())));
}

std::string print_hex(const std::string& hex) {
  std::string all;
  for (std::size_t i = 0; i < hex.size(); i += 32) {
    all += fmt::format("  {:04x} ", i / 2);
    for (std::size_t j = i; j < std::min(hex.size(), i + 32); j += 4) all += " " + hex.substr(j, 4);
    all += "\n";
  }
  return all;
}

}  // namespace

std::string print_stats(const json& a, const json* before) {
  const double seconds = seconds_between(a, before);
  text_table vips({"VIP", "SERVICE", ">PACKETS", ">BYTES", ">PACKETS/S", ">BIT/S"});
  add_rows(vips, a, before, "vips", "name", [&](const json& v, const json* was) -> std::vector<std::string> {
    return {text_of(v.at("name")),
            text_of(v.at("service")),
            text_of(v.at("packets")),
            text_of(v.at("bytes")),
            rate_of(v, was, "packets", seconds),
            rate_of(v, was, "bytes", seconds, 8)};
  });
  text_table reals({"REAL", "OF VIP", "ADDRESS", "METHOD", ">PACKETS", ">BYTES", ">PACKETS/S", ">BIT/S"});
  add_rows(reals, a, before, "reals", "element",
           [&](const json& r, const json* was) -> std::vector<std::string> {
             return {text_of(r.at("name")),
                     who(r),
                     text_of(r.at("address")),
                     text_of(r.at("method")),
                     text_of(r.at("packets")),
                     text_of(r.at("bytes")),
                     rate_of(r, was, "packets", seconds),
                     rate_of(r, was, "bytes", seconds, 8)};
           });
  text_table events({"COUNTER", ">COUNT", ">A SECOND", "WHAT"});
  add_rows(events, a, before, "events", "name",
           [&](const json& e, const json* was) -> std::vector<std::string> {
             return {text_of(e.at("name")), text_of(e.at("count")), rate_of(e, was, "count", seconds),
                     text_of(e.at("text"))};
           });
  return vips.text() + "\n" + reals.text() + "\n" + events.text();
}

std::string print_drops(const json& a, const json* before) {
  const double seconds = seconds_between(a, before);
  text_table t({"REASON", ">PACKETS", ">A SECOND", "WHAT"});
  add_rows(t, a, before, "drops", "name", [&](const json& d, const json* was) -> std::vector<std::string> {
    return {text_of(d.at("name")), text_of(d.at("packets")), rate_of(d, was, "packets", seconds),
            text_of(d.at("text"))};
  });
  std::string all = t.text();
  for (const json& k : a.value("kernel", json::array()))
    for (const auto& [name, packets] : k.at("lost").items())
      if (packets != 0)
        all += fmt::format("{}: the kernel lost {} before they came here ({})\n", text_of(k.at("port")),
                           packets.dump(), name);
  return all;
}

std::string print_conns(const json& a) {
  text_table t({"CLIENT", "DESTINATION", "", "VIP", "REAL", "STATE", ">IDLE", ">BUCKET", ">SLOT"});
  const auto end = [](const json& c, const char* address, const char* port, bool known) {
    const std::string name = text_of(c.at(address));
    return fmt::format(fmt::runtime(name.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}"), name,
                       known ? text_of(c.at(port)) : "any");
  };
  for (const json& c : a.at("conns")) {
    const bool by_source = c.at("by_source").get<bool>();
    t.row({end(c, "source", "source_port", !by_source),
           end(c, "destination", "destination_port", !by_source || c.at("destination_port") != 0),
           text_of(c.at("protocol")), text_of(c.at("vip")), text_of(c.at("real")), text_of(c.at("state")),
           text_of(c.at("idle_s")), text_of(c.at("bucket")), text_of(c.at("slot"))});
  }
  const auto matching = a.at("matching").get<std::size_t>();
  std::string all = t.text();
  if (matching > a.at("conns").size())
    all += fmt::format("... {} of {}: --limit shows more\n", a.at("conns").size(), matching);
  return all;
}

std::string print_explain(const json& a) {
  std::string all;
  const auto line = [&](const char* what, const std::string& text) {
    all += fmt::format("{:<13}{}\n", what, text);
  };
  const json& q = a.at("question");
  line("packet", fmt::format("{} -> {} {}, in by port {} ({})", text_of(q.at("src")), text_of(q.at("dst")),
                             text_of(q.at("proto")), text_of(q.at("port")), text_of(q.at("port_name"))));
  line("VIP", a.at("vip").is_null() ? "none" : text_of(a.at("vip")));
  line("outcome", text_of(a.at("outcome")));
  line("verdict", verdict_line(a.at("verdict")));
  if (!a.at("vip").is_null()) {
    line("connection", connection_line(a.at("connection")));
    line("ring slot", fmt::format("{} (hash {})", text_of(a.at("slot")), text_of(a.at("hash"))));
    line("real", a.at("real").is_null() ? "none" : real_line(a.at("real")));
  }
  if (a.at("headers").empty()) return all;
  all += fmt::format("\nleaves as {} bytes\n", text_of(a.at("bytes")));
  for (const json& header : a.at("headers")) all += "  " + text_of(header) + "\n";
  return all + "\n" + print_hex(a.at("hex"));
}

std::string print_explain_real(const json& a) {
  std::string all = fmt::format("# On real {}, as root, for:\n", text_of(a.at("real")));
  for (const json& s : a.at("serves"))
    all += fmt::format("#   {} ({}), {} to {}\n", text_of(s.at("vip")), text_of(s.at("service")),
                       text_of(s.at("method")), text_of(s.at("address")));
  const auto command = [&](const json& c) {
    if (const auto why = text_of(c.at("why")); !why.empty()) all += "\n# " + why + "\n";
    all += (c.at("by_hand") == true ? "# " : "") + text_of(c.at("run")) + "\n";
  };
  for (const json& c : a.at("commands")) command(c);
  if (!a.at("instead").is_null())
    all += fmt::format(
        "\n# Or, where the kernel has no such tunnels, instead of these (modprobe, ip link, ip fou):\n# {}\n",
        text_of(a.at("instead")));
  return all;
}

}  // namespace ringway::lb_app
