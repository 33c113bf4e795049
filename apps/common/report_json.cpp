// SPDX-License-Identifier: BSD-2-Clause
// The only file that includes nlohmann/json, which is slow to compile.
#include <nlohmann/json.hpp>

#include "report.hpp"

namespace ringway::app {
namespace {

using json = nlohmann::ordered_json;  // as a reader expects them, not by the alphabet

json drops(const report& r, const port_stats& stats) {
  json all = json::object();
  for (std::size_t slot = 0; slot < r.reasons.size(); ++slot)
    if (!r.reasons[slot].empty()) all[r.reasons[slot]] = stats.drops.at(slot);
  return all;
}

json port(const report& r, const port_report& p) {
  const port_stats& s = p.stats;
  json out = {{"name", p.name}, {"queues", p.queues}};
  if (r.way == datapath::afxdp) out["zero_copy"] = p.zero_copy;
  out["attach"] = to_string(p.attach);
  out["rx_packets"] = s.rx_packets;
  out["rx_bytes"] = s.rx_bytes;
  out["tx_packets"] = s.tx_packets;
  out["tx_bytes"] = s.tx_bytes;
  out["passed"] = s.passed;
  out["punted"] = s.punted;
  out["unserved_queue"] = s.unserved_queue;
  out["drops"] = drops(r, s);
  if (r.way != datapath::afxdp) return out;
  out["kernel"] = {{"rx_dropped", s.kernel.rx_dropped}, {"rx_ring_full", s.kernel.rx_ring_full}};
  out["diagnostics"] = {{"rx_fill_ring_empty_descs", s.diagnostics.rx_fill_ring_empty_descs},
                        {"rx_invalid_descs", s.diagnostics.rx_invalid_descs},
                        {"tx_invalid_descs", s.diagnostics.tx_invalid_descs},
                        {"tx_ring_empty_descs", s.diagnostics.tx_ring_empty_descs}};
  return out;
}

json worker(const worker_report& w) {
  return {{"cpu", w.cpu},
          {"turns", w.turns},
          {"kicks", w.kicks},
          {"kick_errors", w.kick_errors},
          {"longest_gap_us", w.longest_gap_us},
          {"busy_us", w.busy_us}};
}

}  // namespace

std::string to_json(const report& r) {
  json all = {{"schema", 1},          {"app", r.app},
              {"version", r.version}, {"datapath", to_string(r.way)},
              {"mode", r.mode},       {"duration_s", r.run.elapsed.count()}};
  all["ports"] = json::array();
  for (const port_report& p : r.run.ports) all["ports"].push_back(port(r, p));
  if (r.way == datapath::afxdp) {
    all["frames"] = {{"total", r.run.frames}, {"leaked", r.run.leaked}};
    all["workers"] = json::array();
    for (const worker_report& w : r.run.workers) all["workers"].push_back(worker(w));
  }
  if (r.running) all["running"] = true;
  if (!r.note.empty()) all["note"] = r.note;
  if (!r.error.empty()) all["error"] = r.error;
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace ringway::app
