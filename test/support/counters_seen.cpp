// SPDX-License-Identifier: BSD-2-Clause
#include "counters_seen.hpp"

#include <cstdlib>
#include <fstream>
#include <set>

#include "catch.hpp"

namespace ringway::test {
namespace {

void note(const std::string& name, std::uint64_t value) {
  static const char* const path = std::getenv("RINGWAY_COUNTERS_SEEN");
  if (path == nullptr || value == 0) return;
  static std::ofstream file(path, std::ios::trunc);
  static std::set<std::string> seen;
  if (seen.insert(name).second)
    file << name << '\t' << Catch::getResultCapture().getCurrentTestName() << std::endl;
}

}  // namespace

void note_counters(const port_stats& s) {
  note("rx_packets", s.rx_packets);
  note("rx_bytes", s.rx_bytes);
  note("tx_packets", s.tx_packets);
  note("tx_bytes", s.tx_bytes);
  note("passed", s.passed);
  note("punted", s.punted);
  note("unserved_queue", s.unserved_queue);
  note("taken", s.taken);
  for (std::uint32_t i = 0; const char* name = library_reason_name(i); ++i) note(name, s.drops[i]);
  note("rx_dropped", s.kernel.rx_dropped);
  note("rx_ring_full", s.kernel.rx_ring_full);
  note("rx_fill_ring_empty_descs", s.diagnostics.rx_fill_ring_empty_descs);
  note("rx_invalid_descs", s.diagnostics.rx_invalid_descs);
  note("tx_invalid_descs", s.diagnostics.tx_invalid_descs);
  note("tx_ring_empty_descs", s.diagnostics.tx_ring_empty_descs);
}

void note_counters(const forwarder_stats& s) {
  for (const port_report& p : s.ports) note_counters(p.stats);
  for (const worker_report& w : s.workers) {
    note("turns", w.turns);
    note("kicks", w.kicks);
    note("rx_kicks", w.rx_kicks);
    note("kick_errors", w.kick_errors);
    note("longest_gap_us", w.longest_gap_us);
    note("stalls", w.stalls);
    note("pool_empty", w.pool_empty);
    note("busy_us", w.busy_us);
  }
}

}  // namespace ringway::test
