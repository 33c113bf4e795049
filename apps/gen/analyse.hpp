// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "histogram.hpp"
#include "options_sink.hpp"
#include "sink.hpp"

struct analyse;  // the skeleton

namespace ringway::gen {

/// Of the frames that were looked at, from their first arrival each. Nanoseconds.
struct latencies {
  std::uint64_t min = 0, max = 0, sum = 0, count = 0;  ///< exact
  histogram spread;

  double mean() const noexcept;
  /// Not more than the longest that there was, to which the end of its bucket would add up to 0.1 %.
  std::uint64_t percentile(double percent) const noexcept;
  /// RFC 5481, 4.2: how much longer than the shortest, for 99 % of them.
  std::uint64_t pdv_p99() const noexcept { return percentile(99) - min; }
};

/// What an analysing sink saw. Which frame is which is told by bpf/analyse.h.
struct analysis {
  bool sampled = false;  ///< only of frames whose number is chosen
  std::uint64_t unique = 0, duplicated = 0, reordered = 0, beyond_window = 0;
  std::uint64_t corrupted = 0, foreign = 0, merged = 0;
  std::uint64_t unknown_flow = 0, early = 0, contended = 0;
  std::int64_t first = 0, last = -1;  ///< numbers seen, the lowest and the highest; last < first: none
  latencies latency;
};

/// What a generator put into the world: numbers 0 ... attempted - 1, of which the device refused some.
struct sent_frames {
  std::uint64_t accepted = 0, attempted = 0;
};

/// Frames that did not arrive, or arrived damaged or too late to be told from duplicates.
struct missing_frames {
  std::uint64_t of = 0;              ///< of how many that were to be seen
  std::optional<std::int64_t> lost;  ///< nothing: it cannot be said, because refused frames may be among them
  bool by_span = false;  ///< nobody said what was sent: of all from the first to the last one seen
};
missing_frames missing(const analysis& a, const std::optional<sent_frames>& sent) noexcept;

/// How many of `count` numbers from `first` on a sampling sink looks at.
std::uint64_t sampled_among(std::uint64_t first, std::uint64_t count) noexcept;

struct analyse_settings {
  bool sample = false;
  bool capture = false;
  std::uint32_t flows = 1;
};

/// Looks at the stamp of each frame, or of 1 in 64.
class analysing_sink : public traffic_sink {
 public:
  analysing_sink(const interface& where, tc_mode mode, const analyse_settings& s);
  sink_counts counts() const override;
  /// Copies a quarter of a megabyte; not to be called in a hurry.
  analysis analysed() const;
  int capture_fd() const noexcept;  ///< the BPF ring buffer of struct rw_capture

 private:
  void configure(const analyse_settings& s);

  std::unique_ptr<::analyse, void (*)(::analyse*)> skeleton_;
  bool sampled_;
};

}  // namespace ringway::gen
