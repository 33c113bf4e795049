// SPDX-License-Identifier: BSD-2-Clause
#include "dut.hpp"

#include <fmt/format.h>

#include <mutex>
#include <ringway/log.hpp>
#include <vector>

#include "counters_seen.hpp"

namespace ringway::test {
namespace {

struct log_lines {
  std::mutex mutex;
  std::vector<std::pair<log_level, std::string>> all;
};

log_lines& lines() {
  static log_lines l;
  return l;
}

}  // namespace

dut_testbed::dut_testbed(const veth_options& options) {
  make_veth(gen, "g0", dut, "d0", options);
  make_veth(gen, "g1", dut, "d1", options);
}

forwarder_config dut_testbed::config() const {
  return {.ports = {{.interface = dut.path("d0")}, {.interface = dut.path("d1")}},
          .socket = {.ring_size = 256}};
}

std::uint64_t received(const forwarder_stats& s) {
  std::uint64_t sum = 0;
  for (const port_report& p : s.ports) sum += p.stats.rx_packets;
  return sum;
}

std::uint64_t drops(const forwarder_stats& s, rw_reason reason) {
  std::uint64_t sum = 0;
  for (const port_report& p : s.ports) sum += p.stats.drops[rw_reason_slot(reason)];
  return sum;
}

std::uint64_t kernel_losses(const forwarder_stats& s) {
  std::uint64_t sum = 0;
  for (const port_report& p : s.ports) sum += p.stats.kernel.rx_dropped + p.stats.kernel.rx_ring_full;
  return sum;
}

std::string imbalance(const forwarder_stats& s) {
  note_counters(s);
  std::uint64_t in = 0, out = 0;
  for (const port_report& p : s.ports) {
    in += p.stats.rx_packets + p.stats.made;
    out += p.stats.tx_packets + p.stats.dropped() + p.stats.punted + p.stats.taken;
  }
  std::string wrong;
  if (in != out) wrong += fmt::format("received + made {} != sent + dropped + punted + taken {}; ", in, out);
  if (s.leaked != 0) wrong += fmt::format("{} of {} frames leaked; ", s.leaked, s.frames);
  if (s.frames == 0) wrong += "no frames at all; ";
  for (const worker_report& w : s.workers)
    if (w.bad_completions != 0) wrong += fmt::format("{} bad completions; ", w.bad_completions);
  return wrong;
}

log_capture::log_capture() {
  const std::lock_guard lock(lines().mutex);
  lines().all.clear();
  set_log_sink([](log_level level, std::string_view line) {
    const std::lock_guard inner(lines().mutex);
    lines().all.emplace_back(level, line);
  });
}

log_capture::~log_capture() { set_log_sink({}); }

std::string log_capture::text(log_level least) const {
  const std::lock_guard lock(lines().mutex);
  std::string all;
  for (const auto& [level, line] : lines().all)
    if (level >= least) all += line + "\n";
  return all;
}

}  // namespace ringway::test
