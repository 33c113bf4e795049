// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "analyse.hpp"
#include "options_sink.hpp"
#include "pcap_out.hpp"
#include "report_sink.hpp"
#include "sink.hpp"

namespace ringway::gen {

/// All places of a run where frames arrive, and the files that are made of what does.
class sink_set {
 public:
  /// `flows`: how many different ones are expected. Files are opened here: one that cannot be written is
  /// found out first. Throws error.
  sink_set(const sink_options& o, std::uint32_t flows);

  bool empty() const noexcept { return sinks_.empty(); }
  std::uint64_t received() const;

  /// After the last frame: completes the files. Idempotent. Throws error if one could not be written.
  void finish();

  /// `sent`: what was sent to the first sink, to the second ... Of another number than there are sinks:
  /// nobody knows who was to receive what.
  std::vector<sink_report> reports(const std::vector<sent_frames>& sent) const;

 private:
  void write_histogram();

  sink_options asked_;
  std::vector<std::unique_ptr<traffic_sink>> sinks_;
  std::vector<const analysing_sink*> analysing_;  // those of sinks_ that are
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> histogram_;
  std::unique_ptr<pcap_out> pcap_;
  double started_;  // seconds since 1970
};

}  // namespace ringway::gen
