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

json sent(const report& r) {
  const engine_counters& c = r.sent;
  return {{"engine", "xdp"},
          {"port", r.asked.port},
          {"rate_asked", r.asked.rate > 0 ? json(r.asked.rate) : json("max")},
          {"size", r.asked.size},
          {"flows", r.asked.flows},
          {"duration_s", r.duration},
          {"rate", r.mean_rate()},
          {"offered", c.offered},
          {"offered_bytes", c.offered * r.asked.size},
          {"refused", c.refused},
          {"late", c.late},
          {"longest_gap_us", microseconds(c.longest_gap)},
          {"longest_burst", r.asked.rate > 0 ? json(c.longest_burst) : json(nullptr)},
          {"restarts", c.restarts},
          {"restart_gap_us", microseconds(c.restart_gap)},
          {"accepted_by", r.traced ? "tracepoint" : "netdev"}};
}

}  // namespace

std::string to_json(const report& r) {
  json all = {{"schema", 1}, {"app", "ringway-gen"}, {"version", RINGWAY_VERSION}};
  if (r.asked.port.empty())
    all["duration_s"] = r.duration;
  else
    all.update(sent(r));
  all["sinks"] = sinks(r);
  all["lost"] = or_null(r.lost());
  return all.dump(2) + "\n";
}

}  // namespace ringway::gen
