// SPDX-License-Identifier: BSD-2-Clause
#include <nlohmann/json.hpp>

#include "report.hpp"

namespace ringway::gen {
namespace {

using json = nlohmann::ordered_json;

/// Microseconds, or null for what nobody measured.
json microseconds(const std::optional<std::uint64_t>& ns) {
  return ns ? json(static_cast<double>(*ns) / 1e3) : json(nullptr);
}

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json sinks(const report& r) {
  json list = json::array();
  for (const sink_report& s : r.sinks) {
    // With several sinks nobody knows which of them a lost frame was for.
    list.push_back(to_json(s, r.sinks.size() == 1 ? r.lost() : std::nullopt));
  }
  return list;
}

json departure(const std::optional<departures>& d) {
  if (!d || d->frames == 0) return nullptr;
  return {{"p50", d->p50}, {"p90", d->p90}, {"p99", d->p99}, {"max", d->max}};
}

/// Restarts, counted from the first frame.
json intervals(const engine_counters& c) {
  json list = json::array();
  for (const interruption& i : c.interruptions)
    list.push_back({{"at_s", static_cast<double>(i.at - c.first.value_or(i.at)) / 1e9},
                    {"gap_us", static_cast<double>(i.gap) / 1e3}});
  return list;
}

/// What is told of all ports together, and of each.
json counters(const engine_counters& c, bool paced) {
  return {{"offered", c.offered},
          {"refused", c.refused},
          {"late", c.late},
          {"longest_gap_us", microseconds(c.longest_gap)},
          {"longest_burst", paced ? json(c.longest_burst) : json(nullptr)},
          {"departure_ns", departure(c.late_departures)},
          {"idle_turns", c.idle_turns},
          {"turn_ns", or_null(c.turn_ns)},
          {"restarts", c.restarts},
          {"restart_gap_us", microseconds(c.restart_gap)},
          {"intervals", intervals(c)}};
}

/// [[seconds since the change, frames offered, frames received], ...], from the beginning of the run.
json after(const report& r) {
  json list = json::array();
  for (const moment& m : r.after) list.push_back({m.seconds, m.offered, m.received});
  return list;
}

json ports(const report& r) {
  json list = json::array();
  for (const port_report& p : r.ports) {
    json one = {{"port", p.name}};
    one.update(counters(p.sent, r.asked.rate > 0));
    list.push_back(one);
  }
  return list;
}

std::string names(const report& r) {
  std::string text;
  for (const port_report& p : r.ports) text += (text.empty() ? "" : ",") + p.name;
  return text;
}

json sent(const report& r) {
  const traffic_options& f = r.asked.frames;
  json all = {{"engine", name_of(r.asked.engine)},
              {"port", names(r)},
              {"rate_asked", r.asked.rate > 0 ? json(r.asked.rate) : json("max")},
              {"burst", r.asked.burst > 0 ? json(r.asked.burst) : json(nullptr)},
              {"size", f.sizes.size() == 1 ? json(f.sizes.front()) : json(f.sizes)},
              {"flows", f.flows},
              {"stamped", f.stamp},
              {"duration_s", r.duration},
              {"rate", r.mean_rate()},
              {"offered_bytes", or_null(r.offered_bytes())},
              {"accepted_by", r.ports.front().accepted_by}};
  all.update(counters(r.sent, r.asked.rate > 0));
  all["ports"] = ports(r);
  if (r.asked.then.seconds > 0) {
    all["then"] = {{"rate", r.asked.then.rate}, {"seconds", r.asked.then.seconds}, {"timeline", after(r)}};
  }
  return all;
}

}  // namespace

std::string to_json(const report& r) {
  json all = {{"schema", 1}, {"app", "ringway-gen"}, {"version", RINGWAY_VERSION}};
  if (r.ports.empty())
    all["duration_s"] = r.duration;
  else
    all.update(sent(r));
  all["sink_mode"] = name_of(r.asked.mode);
  all["sinks"] = sinks(r);
  all["lost"] = or_null(r.lost());
  return all.dump(2) + "\n";
}

}  // namespace ringway::gen
