// SPDX-License-Identifier: BSD-2-Clause
#include "report.hpp"

#include <fmt/format.h>

#include <numeric>

namespace ringway::gen {
namespace {

std::string sent_text(const report& r) {
  const engine_counters& c = r.sent;
  std::string text = fmt::format(
      "sent      {} frames of {} bytes in {:.3f} s, {:.0f} a second (asked: {}), accepted by {} ({})\n"
      "not sent  {} late (skipped), {} refused\n",
      c.offered, r.asked.size, r.duration, r.mean_rate(), r.asked.rate_text, r.asked.port,
      r.traced ? "tracepoint" : "its own counters", c.late, c.refused);
  if (r.asked.rate > 0) text += fmt::format("pacing    longest burst {} frames", c.longest_burst);
  if (r.asked.rate > 0 && c.longest_gap) text += ", ";
  if (r.asked.rate <= 0 && c.longest_gap) text += "pacing    ";
  if (c.longest_gap) text += fmt::format("longest gap {:.1f} us", static_cast<double>(*c.longest_gap) / 1e3);
  if (c.restarts > 0)
    text += fmt::format(", engine restarted {} times: {:.1f} ms without frames", c.restarts,
                        static_cast<double>(c.restart_gap.value_or(0)) / 1e6);
  return text + "\n";
}

}  // namespace

std::uint64_t report::received() const noexcept {
  return std::accumulate(sinks.begin(), sinks.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const sink_report& s) { return sum + s.counts.packets; });
}

std::optional<std::int64_t> report::lost() const noexcept {
  if (asked.port.empty() || sinks.empty()) return std::nullopt;
  return static_cast<std::int64_t>(sent.offered) - static_cast<std::int64_t>(received());
}

double report::mean_rate() const noexcept {
  const double sending = duration - static_cast<double>(sent.restart_gap.value_or(0)) / 1e9;
  return sending > 0 ? static_cast<double>(sent.offered) / sending : 0;
}

std::string to_text(const report& r) {
  std::string text;
  if (!r.asked.port.empty()) text += sent_text(r);
  for (const sink_report& s : r.sinks) text += to_text(s);
  if (const auto lost = r.lost()) {
    const double share =
        r.sent.offered > 0 ? 100.0 * static_cast<double>(*lost) / static_cast<double>(r.sent.offered) : 0;
    text += fmt::format("lost      {} frames ({:.4f} %)\n", *lost, share);
  }
  return text;
}

}  // namespace ringway::gen
