// SPDX-License-Identifier: BSD-2-Clause
// stats and drops: what is counted.
#include <array>

#include "verbs_request.hpp"
#include "verbs_words.hpp"

namespace ringway::lb_app {
namespace {

struct described {
  const char* name;
  const char* text;
};

constexpr std::array<described, RW_LB_EVENT_COUNT> events = {{
#define RW_X(suffix, name, text) {name, text},
    RW_LB_EVENTS(RW_X)
#undef RW_X
}};
constexpr std::array<described, RW_LB_REASON_COUNT> own_reasons = {{
#define RW_X(suffix, name, text) {name, text},
    RW_LB_REASONS(RW_X)
#undef RW_X
}};
constexpr std::array<described, RW_REASON_COUNT> library_reasons = {{
#define RW_X(suffix, name, text) {name, text},
    RW_REASONS(RW_X)
#undef RW_X
}};

rw_lb_traffic traffic_at(const std::vector<rw_lb_traffic>& all, std::size_t element) {
  return element < all.size() ? all[element] : rw_lb_traffic{};
}

json vip_rows(const std::vector<vip_view>& vips, const std::vector<rw_lb_traffic>& traffic) {
  json rows = json::array();
  for (const vip_view& v : vips) {
    const auto t = v.id < 0 ? rw_lb_traffic{} : traffic_at(traffic, static_cast<std::size_t>(v.id));
    rows.push_back({{"name", v.entry.name},
                    {"service", service_text(v.entry.vip)},
                    {"packets", t.packets},
                    {"bytes", t.bytes}});
  }
  return rows;
}

/// One that serves several VIPs is counted once, under the first name that it has.
json real_rows(const verb_context& c, const std::vector<vip_view>& vips,
               const std::vector<rw_lb_traffic>& traffic) {
  std::map<int, json> by_element;
  for (const vip_view& v : vips) {
    for (const real_view& r : v.reals) {
      if (r.element < 0) continue;
      json& row = by_element[r.element];
      if (!row.is_null()) {
        row["vips"] = row["vips"].get<std::size_t>() + 1;
        continue;
      }
      const auto t =
          traffic_at(traffic, c.plane.store().capacity().vips + static_cast<std::size_t>(r.element));
      row = {{"name", r.entry.name},
             {"vip", v.entry.name},
             {"vips", std::size_t{1}},
             {"address", r.entry.member.to.address.text()},
             {"method", method_word(static_cast<std::uint8_t>(r.entry.member.to.method))},
             {"element", r.element},
             {"packets", t.packets},
             {"bytes", t.bytes}};
    }
  }
  json rows = json::array();
  for (auto& [element, row] : by_element) rows.push_back(std::move(row));
  return rows;
}

/// Of one port, by name: from the report where it has that name, else, of the balancer's own reasons, from
/// what the programs have counted.
std::uint64_t drops_of(const json& port, const rw_lb_local& counted, std::size_t number, const char* name,
                       std::size_t own) {
  const json drops = port.value("drops", json::object());
  if (const auto at = drops.find(name); at != drops.end()) return at->get<std::uint64_t>();
  return number < RW_PORTS_MAX && own < RW_LB_REASON_COUNT ? counted.drops[number][own] : 0;
}

json reason_row(const json& ports, const rw_lb_local& counted, const described& reason, std::size_t own) {
  std::uint64_t all = 0;
  json by_port = json::object();
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::uint64_t n = drops_of(ports[i], counted, i, reason.name, own);
    all += n;
    if (n != 0) by_port[ports[i].value("name", std::to_string(i))] = n;
  }
  return {{"name", reason.name},
          {"packets", all},
          {"text", reason.text},
          {"origin", own < RW_LB_REASON_COUNT ? "balancer" : "library"},
          {"ports", std::move(by_port)}};
}

json reason_rows(const json& ports, const rw_lb_local& counted) {
  json rows = json::array();
  for (std::size_t i = 0; i < own_reasons.size(); ++i)
    rows.push_back(reason_row(ports, counted, own_reasons[i], i));
  for (const described& reason : library_reasons)
    rows.push_back(reason_row(ports, counted, reason, RW_LB_REASON_COUNT));
  return rows;
}

}  // namespace

void answer_stats(verb_context& c, verb_request& r, json& out) {
  r.done();
  const std::vector<vip_view> vips = c.plane.vips();
  const std::vector<rw_lb_traffic> traffic = c.traffic();
  const rw_lb_local counted = c.counted();
  json report = json::parse(c.report());
  out["uptime_s"] = uptime_of(c);
  out["vips"] = vip_rows(vips, traffic);
  out["reals"] = real_rows(c, vips, traffic);
  out["events"] = json::array();
  for (std::size_t i = 0; i < events.size(); ++i)
    out["events"].push_back(
        {{"name", events[i].name}, {"count", counted.events[i]}, {"text", events[i].text}});
  out["drops"] = reason_rows(report.value("ports", json::array()), counted);
  out["report"] = std::move(report);
}

void answer_drops(verb_context& c, verb_request& r, json& out) {
  r.done();
  const json report = json::parse(c.report());
  out["uptime_s"] = uptime_of(c);
  out["drops"] = reason_rows(report.value("ports", json::array()), c.counted());
  json kernel = json::array();
  for (const json& port : report.value("ports", json::array()))
    if (port.contains("kernel")) kernel.push_back({{"port", port.at("name")}, {"lost", port.at("kernel")}});
  if (!kernel.empty()) out["kernel"] = std::move(kernel);
}

}  // namespace ringway::lb_app
