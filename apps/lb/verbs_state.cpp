// SPDX-License-Identifier: BSD-2-Clause
// status, vips, reals, config: what is in force.
#include <algorithm>
#include <set>

#include "command_line.hpp"
#include "config_file.hpp"
#include "verbs_request.hpp"
#include "verbs_words.hpp"

namespace ringway::lb_app {
namespace {

bool takes_new(const real_view& r) { return r.effective > 0 && r.state.neighbour; }

/// What was changed at run time, a line of it each.
json changes_of(const vip_view& v) {
  json all = json::array();
  const auto add = [&](const std::string& real, const std::string& what) {
    all.push_back({{"vip", v.entry.name}, {"real", real}, {"what", what}});
  };
  for (const real_view& r : v.reals) {
    if (!r.changed && r.from_file) continue;
    std::string what = r.from_file ? "weight " + std::to_string(r.entry.member.weight) : "added";
    if (r.state.drained) what = r.from_file ? "drained" : "added, drained";
    add(r.entry.name, what);
  }
  for (const std::string& name : v.removed) add(name, "removed");
  return all;
}

json vip_json(const vip_view& v) {
  const lb_vip& vip = v.entry.vip;
  std::size_t healthy = 0, taking = 0;
  for (const real_view& r : v.reals) {
    healthy += r.state.healthy && r.state.neighbour ? 1 : 0;
    taking += takes_new(r) ? 1 : 0;
  }
  return {{"name", v.entry.name},
          {"service", service_text(vip)},
          {"address", vip.address.text()},
          {"port", vip.port},
          {"protocol", protocol_word(vip.protocol)},
          {"hash", hash_word(static_cast<std::uint8_t>(vip.hash))},
          {"stateful", vip.stateful},
          {"announced", v.announced},
          {"ping", vip.ping},
          {"reals", v.reals.size()},
          {"healthy", healthy},
          {"taking", taking},
          {"all_failed", v.all_failed},
          {"holding", v.holding},
          {"changed", !changes_of(v).empty()},
          {"id", v.id}};
}

json real_json(const vip_view& v, const real_view& r) {
  json j = {{"vip", v.entry.name},
            {"name", r.entry.name},
            {"state", state_word(r)},
            {"weight", r.entry.member.weight},
            {"effective", r.effective}};
  j.update(destination_json(r.entry.member.to));
  j["healthy"] = r.state.healthy;
  j["held"] = r.state.held;
  j["neighbour"] = r.state.neighbour;
  j["drained"] = r.state.drained;
  j["why"] = r.state.why;
  j["from_file"] = r.from_file;
  j["changed"] = r.changed;
  j["element"] = r.element;
  return j;
}

json ports_of(const json& report) {
  json ports = json::array();
  for (const json& p : report.value("ports", json::array())) {
    json& port = ports.emplace_back(json::object());
    for (const char* key : {"name", "attach", "zero_copy", "rx_packets", "tx_packets", "passed", "punted"})
      if (p.contains(key)) port[key] = p.at(key);
  }
  return ports;
}

json connections_of(const control_plane& plane, const rw_lb_local& counted) {
  const lb_occupancy o = plane.occupancy();
  const std::uint64_t used = o.half_open + o.established + o.closing;
  return {{"entries", std::uint64_t{plane.store().memory().conn_count} * RW_CONN_WAYS},
          {"used", used},
          {"counted_within_s", plane.occupancy_seconds()},
          {"half_open", o.half_open},
          {"established", o.established},
          {"closing", o.closing},
          {"evicted_live", counted.events[RW_LB_CONN_EVICTED_LIVE]},
          {"evicted_half", counted.events[RW_LB_CONN_EVICTED_HALF]},
          {"gated", counted.events[RW_LB_CONN_GATED]}};
}

std::uint32_t generation_of(const rw_lb_memory& memory) {
  return memory.vips[RW_READ_ONCE(&memory.control->vips_base)].head.serial;
}

/// A real counts in each of its VIPs.
json totals_of(const std::vector<vip_view>& vips) {
  std::size_t reals = 0, healthy = 0, taking = 0, drained = 0, held = 0, unresolved = 0;
  std::set<lb_destination> different;
  for (const vip_view& v : vips) {
    for (const real_view& r : v.reals) {
      ++reals;
      different.insert(r.entry.member.to);
      healthy += r.state.healthy && r.state.neighbour ? 1 : 0;
      taking += takes_new(r) ? 1 : 0;
      drained += r.state.drained ? 1 : 0;
      held += r.state.held ? 1 : 0;
      unresolved += r.state.neighbour ? 0 : 1;
    }
  }
  return {{"total", reals},
          {"different", different.size()},
          {"healthy", healthy},
          {"taking", taking},
          {"drained", drained},
          {"held", held},
          {"no_neighbour", unresolved}};
}

}  // namespace

std::string state_word(const real_view& real) {
  std::string word;
  const auto add = [&](bool holds, const char* what) {
    if (holds) word += std::string(word.empty() ? "" : ", ") + what;
  };
  add(!real.state.healthy && !real.state.held, "down");
  add(!real.state.healthy && real.state.held, "held");
  add(!real.state.neighbour, "no_neighbour");
  add(real.state.drained, "drained");
  add(real.entry.member.weight == 0 && !real.state.drained, "weight 0");
  return word.empty() ? "up" : word;
}

json destination_json(const lb_destination& to) {
  json j = {{"address", to.address.text()}, {"method", method_word(static_cast<std::uint8_t>(to.method))}};
  if (to.port != 0) j["port"] = to.port;
  if (to.method != RW_METHOD_L2) j["source"] = to.source.text();
  if (to.method == RW_METHOD_GUE) j["gue_port"] = to.gue_port;
  if (to.mtu != 0) j["mtu"] = to.mtu;
  if (to.vlan != 0) j["vlan"] = to.vlan;
  return j;
}

void answer_status(verb_context& c, verb_request& r, json& out) {
  r.done();
  const std::vector<vip_view> vips = c.plane.vips();
  const lb_store& store = c.plane.store();
  const lb_capacity& most = store.capacity();
  out["version"] = app::version();
  out["datapath"] = c.datapath;
  out["since"] = c.since;
  out["uptime_s"] = uptime_of(c);
  out["ports"] = ports_of(json::parse(c.report()));
  out["generation"] = generation_of(store.memory());
  out["vips"] = json::array();
  out["changes"] = json::array();
  for (const vip_view& v : vips) {
    out["vips"].push_back(vip_json(v));
    for (json& change : changes_of(v)) out["changes"].push_back(std::move(change));
  }
  out["reals"] = totals_of(vips);
  out["alarms"] = c.alarms();
  out["connections"] = connections_of(c.plane, c.counted());
  out["rings"] = {{"used", c.plane.tables().rings_in_use()}, {"size", most.ring_size}};
  out["capacity"] = {{"vips", most.vips}, {"rings", most.rings}, {"reals", most.reals}};
  out["memory_bytes"] = lb_store::bytes_for(most);
}

void answer_vips(verb_context& c, verb_request& r, json& out) {
  r.done();
  out["vips"] = json::array();
  for (const vip_view& v : c.plane.vips()) out["vips"].push_back(vip_json(v));
}

void answer_reals(verb_context& c, verb_request& r, json& out) {
  const auto name = r.text_if("vip");
  r.done();
  out["reals"] = json::array();
  json removed = json::array();
  const auto add = [&](const vip_view& v) {
    for (const real_view& real : v.reals) out["reals"].push_back(real_json(v, real));
    for (const std::string& gone : v.removed) removed.push_back({{"vip", v.entry.name}, {"name", gone}});
  };
  if (name)
    add(vip_named(c.plane, *name));
  else
    for (const vip_view& v : c.plane.vips()) add(v);
  out["removed"] = std::move(removed);
}

void answer_config(verb_context& c, verb_request& r, json& out) {
  r.done();
  out["toml"] = c.shared + (c.shared.empty() ? "" : "\n") + print_configuration(c.plane.in_force());
}

}  // namespace ringway::lb_app
