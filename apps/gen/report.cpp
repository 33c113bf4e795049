// SPDX-License-Identifier: BSD-2-Clause
#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace ringway::gen {
namespace {

std::string sizes_text(const std::vector<std::uint32_t>& sizes) {
  if (sizes.size() == 1) return fmt::format("{}", sizes.front());
  const auto [least, most] = std::ranges::minmax_element(sizes);
  return fmt::format("{} to {}", *least, *most);
}

std::string names(const std::vector<port_report>& ports) {
  std::string text;
  for (const port_report& p : ports) text += (text.empty() ? "" : ", ") + p.name;
  return text;
}

std::string pacing_text(const report& r) {
  const engine_counters& c = r.sent;
  std::vector<std::string> parts;
  if (r.asked.rate > 0) parts.push_back(fmt::format("longest burst {} frames", c.longest_burst));
  if (c.longest_gap)
    parts.push_back(fmt::format("longest gap {:.1f} us", static_cast<double>(*c.longest_gap) / 1e3));
  if (c.late_departures && c.late_departures->frames > 0)
    parts.push_back(
        fmt::format("99 % left within {:.1f} us", static_cast<double>(c.late_departures->p99) / 1e3));
  if (c.restarts > 0)
    parts.push_back(fmt::format("engine restarted {} times: {:.1f} ms without frames", c.restarts,
                                static_cast<double>(c.restart_gap.value_or(0)) / 1e6));
  std::string text = "pacing    ";
  for (std::size_t i = 0; i < parts.size(); ++i) text += (i > 0 ? ", " : "") + parts[i];
  return parts.empty() ? "" : text + "\n";
}

std::string sent_text(const report& r) {
  const engine_counters& c = r.sent;
  return fmt::format(
             "sent      {} frames of {} bytes in {:.3f} s, {:.0f} a second (asked: {}), accepted by {} ({}, "
             "engine {})\n"
             "not sent  {} late (skipped), {} refused\n",
             c.offered, sizes_text(r.asked.frames.sizes), r.duration, r.mean_rate(), r.asked.rate_text,
             names(r.ports), r.ports.front().accepted_by, name_of(r.asked.engine), c.late, c.refused) +
         pacing_text(r);
}

template <class T>
void take_larger(std::optional<T>& into, const std::optional<T>& other) {
  if (other) into = std::max(into.value_or(*other), *other);
}

void add_departures(std::optional<departures>& into, const std::optional<departures>& other) {
  if (!other) return;
  if (!into) into.emplace();
  into->frames += other->frames;
  into->p50 = std::max(into->p50, other->p50);
  into->p90 = std::max(into->p90, other->p90);
  into->p99 = std::max(into->p99, other->p99);
  into->max = std::max(into->max, other->max);
}

}  // namespace

engine_counters add_up(const std::vector<port_report>& ports) {
  if (ports.empty()) return {};
  engine_counters all = ports.front().sent;
  for (std::size_t i = 1; i < ports.size(); ++i) {
    const engine_counters& c = ports[i].sent;
    all.offered += c.offered;
    all.refused += c.refused;
    all.late += c.late;
    all.attempted += c.attempted;
    all.unmapped += c.unmapped;
    all.restarts += c.restarts;
    all.done = all.done && c.done;
    all.idle_turns += c.idle_turns;
    all.longest_burst = std::max(all.longest_burst, c.longest_burst);
    if (c.first) all.first = std::min(all.first.value_or(*c.first), *c.first);
    take_larger(all.last, c.last);
    take_larger(all.longest_gap, c.longest_gap);
    take_larger(all.restart_gap, c.restart_gap);
    take_larger(all.turn_ns, c.turn_ns);
    all.interruptions.insert(all.interruptions.end(), c.interruptions.begin(), c.interruptions.end());
    add_departures(all.late_departures, c.late_departures);
  }
  return all;
}

std::uint64_t report::received() const noexcept {
  return std::accumulate(sinks.begin(), sinks.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const sink_report& s) { return sum + s.arrived(); });
}

std::optional<std::int64_t> report::lost() const noexcept {
  if (ports.empty() || sinks.empty()) return std::nullopt;
  return static_cast<std::int64_t>(sent.offered) - static_cast<std::int64_t>(received());
}

double report::mean_rate() const noexcept {
  const double sending = duration - static_cast<double>(sent.restart_gap.value_or(0)) / 1e9;
  return sending > 0 ? static_cast<double>(sent.offered) / sending : 0;
}

std::optional<std::uint64_t> report::offered_bytes() const noexcept {
  const std::vector<std::uint32_t>& sizes = asked.frames.sizes;
  if (std::ranges::count(sizes, sizes.front()) == std::ssize(sizes)) return sent.offered * sizes.front();
  std::uint64_t bytes = 0;
  for (const port_report& p : ports) {
    if (p.sent.offered != p.sent.attempted) return std::nullopt;
    const std::uint64_t mixes = p.sent.offered / sizes.size(), rest = p.sent.offered % sizes.size();
    bytes += mixes * std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
    bytes +=
        std::accumulate(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(rest), std::uint64_t{0});
  }
  return bytes;
}

std::string to_text(const report& r) {
  std::string text;
  if (!r.ports.empty()) text += sent_text(r);
  for (const sink_report& s : r.sinks) text += to_text(s);
  if (const auto lost = r.lost()) {
    const double share =
        r.sent.offered > 0 ? 100.0 * static_cast<double>(*lost) / static_cast<double>(r.sent.offered) : 0;
    text += fmt::format("lost      {} frames ({:.4f} %)\n", *lost, share);
  }
  return text;
}

}  // namespace ringway::gen
