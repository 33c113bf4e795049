// SPDX-License-Identifier: BSD-2-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report.hpp"

namespace ringway::app {
namespace {

/// 1,234,567
std::string grouped(std::uint64_t n) {
  const std::string digits = std::to_string(n);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::uint64_t per_second(std::uint64_t now, std::uint64_t before, double seconds) {
  if (seconds <= 0 || now < before) return 0;
  return static_cast<std::uint64_t>(std::llround(static_cast<double>(now - before) / seconds));
}

std::string loss_text(const report& r, const port_stats& stats) {
  std::string text;
  for (const loss& l : losses(r, stats))
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", l.name, grouped(l.packets));
  return text;
}

std::string worker_text(const worker_report& w, double seconds) {
  std::string text = w.cpu < 0 ? "worker, not pinned" : fmt::format("worker on CPU {}", w.cpu);
  const double busy = seconds > 0 ? 100.0 * static_cast<double>(w.busy_us) / (seconds * 1e6) : 0;
  text +=
      fmt::format(": {} turns, busy {:.0f} %, {} kicks, {} errors, longest gap {} us", grouped(w.turns),
                  std::min(busy, 100.0), grouped(w.kicks), grouped(w.kick_errors), grouped(w.longest_gap_us));
  const std::pair<const char*, std::uint64_t> rare[] = {{"stalls", w.stalls},
                                                        {"refills without a free frame", w.pool_empty},
                                                        {"foreign completions", w.bad_completions}};
  for (const auto& [name, n] : rare)
    if (n != 0) text += fmt::format(", {} {}", grouped(n), name);
  return text + "\n";
}

std::string whole_text(const report& r) {
  if (r.way != datapath::afxdp) return {};
  std::string text;
  for (const worker_report& w : r.run.workers) text += worker_text(w, r.run.elapsed.count());
  return text + fmt::format("{} frames, {} leaked\n", grouped(r.run.frames), grouped(r.run.leaked));
}

}  // namespace

std::string_view to_string(datapath way) noexcept { return way == datapath::xdp ? "xdp" : "afxdp"; }

std::vector<loss> losses(const report& r, const port_stats& s) {
  std::vector<loss> all;
  const auto add = [&](std::string name, std::uint64_t n) {
    if (n != 0) all.push_back({std::move(name), n});
  };
  add("unserved_queue", s.unserved_queue);
  add("passed", s.passed);
  add("rx_dropped", s.kernel.rx_dropped);
  add("rx_ring_full", s.kernel.rx_ring_full);
  for (std::size_t slot = 0; slot < s.drops.size(); ++slot) {
    const bool named = slot < r.reasons.size() && !r.reasons[slot].empty();
    add(named ? r.reasons[slot] : fmt::format("reason {}", slot), s.drops[slot]);
  }
  add("punted", s.punted);
  return all;
}

std::string to_table(const report& r, const forwarder_stats* before, bool whole) {
  const double seconds = r.run.elapsed.count() - (before != nullptr ? before->elapsed.count() : 0.0);
  std::size_t width = 4;
  for (const port_report& p : r.run.ports) width = std::max(width, p.name.size());
  std::string text = fmt::format("{} {} after {:.1f} s\n", to_string(r.way), r.mode, r.run.elapsed.count());
  text += fmt::format("{:<{}} {:>16} {:>12} {:>16} {:>12}  {}\n", "port", width, "rx packets", "rx/s",
                      "tx packets", "tx/s", "lost");
  for (std::size_t i = 0; i < r.run.ports.size(); ++i) {
    const port_stats& now = r.run.ports[i].stats;
    const port_stats then =
        before != nullptr && i < before->ports.size() ? before->ports[i].stats : port_stats{};
    const std::string line = fmt::format(
        "{:<{}} {:>16} {:>12} {:>16} {:>12}  {}", r.run.ports[i].name, width, grouped(now.rx_packets),
        grouped(per_second(now.rx_packets, then.rx_packets, seconds)), grouped(now.tx_packets),
        grouped(per_second(now.tx_packets, then.tx_packets, seconds)), loss_text(r, now));
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  if (whole) text += whole_text(r);
  if (!r.note.empty()) text += r.note + "\n";
  return text;
}

}  // namespace ringway::app
