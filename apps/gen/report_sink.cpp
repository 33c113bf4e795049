// SPDX-License-Identifier: BSD-2-Clause
#include "report_sink.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace ringway::gen {
namespace {

using json = nlohmann::ordered_json;

json latency_json(const latencies& l) {
  if (l.count == 0) return nullptr;
  return {{"min", l.min},
          {"mean", l.mean()},
          {"p50", l.percentile(50)},
          {"p90", l.percentile(90)},
          {"p99", l.percentile(99)},
          {"p99.9", l.percentile(99.9)},
          {"max", l.max},
          {"pdv_p99", l.pdv_p99()},
          {"count", l.count},
          {"histogram", to_hdr_base64(l.spread)}};
}

void add_analysis(json& entry, const sink_report& s) {
  const analysis& a = *s.analysed;
  const missing_frames m = missing(a, s.sent);
  // Where nobody knows which frames were for this sink, it goes by the numbers that it saw.
  entry["lost"] = m.lost ? json(*m.lost) : json(nullptr);
  entry["lost_of"] = m.of;
  entry["lost_by"] = m.by_span ? "span" : "sent";
  entry["one_in"] = a.sampled ? 64 : 1;
  entry["unique"] = a.unique;
  entry["duplicated"] = a.duplicated;
  entry["reordered"] = a.reordered;
  entry["corrupted"] = a.corrupted;
  entry["foreign"] = a.foreign;
  entry["merged"] = a.merged;
  entry["beyond_window"] = a.beyond_window;
  entry["unknown_flow"] = a.unknown_flow;
  entry["early"] = a.early;
  entry["contended"] = a.contended;
  entry["latency"] = latency_json(a.latency);
}

double microseconds(double ns) { return ns / 1e3; }
double microseconds(std::uint64_t ns) { return microseconds(static_cast<double>(ns)); }

std::string latency_text(const latencies& l) {
  if (l.count == 0) return "latency   not known: no stamped frame arrived\n";
  return fmt::format(
      "latency   min {:.1f}, mean {:.1f}, p50 {:.1f}, p90 {:.1f}, p99 {:.1f}, p99.9 {:.1f}, max {:.1f} us, "
      "PDV (p99 - min) {:.1f} us\n",
      microseconds(l.min), microseconds(l.mean()), microseconds(l.percentile(50)),
      microseconds(l.percentile(90)), microseconds(l.percentile(99)), microseconds(l.percentile(99.9)),
      microseconds(l.max), microseconds(l.pdv_p99()));
}

/// What makes the figures above it worth less.
std::string doubts_text(const analysis& a) {
  std::string text;
  const auto add = [&text](std::uint64_t frames, const char* why) {
    if (frames > 0) text += fmt::format("          {} frames {}\n", frames, why);
  };
  add(a.merged, "came merged by GRO and were not looked into: they count as lost");
  add(a.beyond_window, "came so late that nobody can tell them from duplicates: they count as lost");
  add(a.contended, "were not judged, for the analyser had no CPU: they count as lost");
  add(a.unknown_flow, "of unknown flows were not judged for their order");
  add(a.early, "were here before they should have left: no latency");
  return text;
}

std::string analysis_text(const sink_report& s) {
  const analysis& a = *s.analysed;
  const missing_frames m = missing(a, s.sent);
  std::string text =
      fmt::format("analysed  {}{} frames, each once; {} duplicated, {} reordered, {} corrupted, {} foreign\n",
                  a.sampled ? "1 in 64: " : "", a.unique, a.duplicated, a.reordered, a.corrupted, a.foreign);
  const std::string whole =
      fmt::format("of {} {}", m.of, m.by_span ? "between the first and the last" : "sent");
  if (m.lost)
    text += fmt::format("missing   {} {}\n", *m.lost, whole);
  else
    text +=
        fmt::format("missing   not known, {}: some of these were refused, and nobody knows which\n", whole);
  return text + doubts_text(a) + latency_text(a.latency);
}

}  // namespace

std::uint64_t sink_report::arrived() const noexcept {
  return analysed && !analysed->sampled ? analysed->unique : counts.packets;
}

json to_json(const sink_report& s, const std::optional<std::int64_t>& lost) {
  json entry = {{"name", s.name},
                {"packets", s.counts.packets},
                {"bytes", s.counts.bytes},
                {"lost", lost ? json(*lost) : json(nullptr)}};
  if (s.analysed) add_analysis(entry, s);
  return entry;
}

std::string to_text(const sink_report& s) {
  std::string text =
      fmt::format("received  {} frames, {} bytes at {}\n", s.counts.packets, s.counts.bytes, s.name);
  if (s.analysed) text += analysis_text(s);
  return text;
}

}  // namespace ringway::gen
