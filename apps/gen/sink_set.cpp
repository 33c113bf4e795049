// SPDX-License-Identifier: BSD-2-Clause
#include "sink_set.hpp"

#include <cerrno>
#include <chrono>
#include <ringway/error.hpp>
#include <ringway/log.hpp>

namespace ringway::gen {
namespace {

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

sink_set::sink_set(const sink_options& o, std::uint32_t flows)
    : asked_(o), histogram_(nullptr, std::fclose), started_(seconds_since_1970()) {
  if (!o.histogram.empty()) {
    histogram_.reset(std::fopen(o.histogram.c_str(), "w"));
    if (!histogram_) throw error(errno, "write the latencies to {}", o.histogram);
  }
  if (!o.pcap_out.empty()) pcap_ = std::make_unique<pcap_out>(o.pcap_out);
  const analyse_settings settings = {
      .sample = o.mode == sink_mode::sample, .capture = pcap_ != nullptr, .flows = flows};
  std::vector<int> captures;
  for (const std::string& name : o.sinks) {
    if (o.mode == sink_mode::count) {
      sinks_.push_back(std::make_unique<counting_sink>(interface(name), o.sink_attach));
      continue;
    }
    auto sink = std::make_unique<analysing_sink>(interface(name), o.sink_attach, settings);
    analysing_.push_back(sink.get());
    captures.push_back(sink->capture_fd());
    sinks_.push_back(std::move(sink));
  }
  if (pcap_) pcap_->start(captures);
}

std::uint64_t sink_set::received() const {
  std::uint64_t sum = 0;
  for (const auto& s : sinks_) sum += s->counts().packets;
  return sum;
}

void sink_set::finish() {
  if (histogram_) write_histogram();
  if (!pcap_) return;
  const auto pcap = std::move(pcap_);
  pcap->finish();
  if (pcap->missed() > 0)
    log(log_level::warning, "{}: {} frames more should be in it, but came too fast", asked_.pcap_out,
        pcap->missed());
}

void sink_set::write_histogram() {
  const auto file = std::move(histogram_);
  const bool log_format = asked_.histogram.ends_with(".hlog");
  std::string text = log_format ? hdr_log_header(started_) : "";
  histogram all;
  for (const analysing_sink* s : analysing_) {
    const histogram here = s->analysed().latency.spread;
    const std::string tag = analysing_.size() > 1 ? s->where().name() : "";
    if (log_format) text += to_hdr_log_line(here, tag, seconds_since_1970() - started_);
    all.add(here);
  }
  if (!log_format) text += to_percentile_table(all);
  if (std::fputs(text.c_str(), file.get()) < 0 || std::fflush(file.get()) != 0)
    throw error(errno, "write the latencies to {}", asked_.histogram);
}

std::vector<sink_report> sink_set::reports(const std::vector<sent_frames>& sent) const {
  std::vector<sink_report> all;
  for (const auto& s : sinks_) {
    sink_report r;
    r.name = s->where().name();
    r.counts = s->counts();
    if (sent.size() == sinks_.size()) r.sent = sent[all.size()];
    for (const analysing_sink* a : analysing_)
      if (a == s.get()) r.analysed = a->analysed();
    all.push_back(std::move(r));
  }
  return all;
}

}  // namespace ringway::gen
