// SPDX-License-Identifier: BSD-2-Clause
#include "analyse.hpp"

#include <analyse.h>
#include <analyse.skel.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ringway/error.hpp>

namespace ringway::gen {
namespace {

// A sink may be started alone, and then does not know how many flows will come.
constexpr std::uint32_t flows_at_least = 1u << 16;

constexpr std::uint32_t capture_first = 1000, capture_one_in = 1024;
constexpr std::uint32_t raw_ethertype = 0x88b5;  // for experiments (IEEE 802)

std::uint64_t monotonic_ns() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

}  // namespace

analysing_sink::analysing_sink(const interface& where, tc_mode mode, const analyse_settings& s)
    : traffic_sink(where), skeleton_(analyse__open(), analyse__destroy), sampled_(s.sample) {
  if (!skeleton_) throw error(errno, "open the analysing sink's program");
  configure(s);
  if (const int failure = analyse__load(skeleton_.get()); failure != 0)
    throw error(failure, "load the analysing sink's program (needs root)");
  attach(bpf_program__fd(skeleton_->progs.rw_analyse), mode);
}

void analysing_sink::configure(const analyse_settings& s) {
  rw_analyse_config& c = skeleton_->rodata->config;
  c.since_ns = monotonic_ns();
  c.sample = s.sample ? 1 : 0;
  c.raw_type = raw_ethertype;
  c.capture_first = s.capture ? capture_first : 0;
  c.capture_mask = capture_one_in - 1;
  bpf_map__set_max_entries(skeleton_->maps.flows, std::max(s.flows, flows_at_least));
  if (!s.capture)
    bpf_map__set_max_entries(skeleton_->maps.captured, static_cast<std::uint32_t>(::getpagesize()));
}

sink_counts analysing_sink::counts() const {
  const auto all = sum_of_cpus<rw_arrivals>(bpf_map__fd(skeleton_->maps.received));
  return {.packets = all.packets, .bytes = all.bytes};
}

int analysing_sink::capture_fd() const noexcept { return bpf_map__fd(skeleton_->maps.captured); }

analysis analysing_sink::analysed() const {
  const auto state = std::make_unique<rw_analysis>();
  const std::uint32_t first = 0;
  const int failure = bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.analysis), &first, state.get());
  if (failure != 0) throw error(failure, "read what the sink at {} saw", where().name());
  const rw_analysis& seen = *state;
  const auto all = sum_of_cpus<rw_arrivals>(bpf_map__fd(skeleton_->maps.received));
  analysis a;
  a.sampled = sampled_;
  a.unique = seen.unique;
  a.duplicated = seen.duplicated;
  a.reordered = seen.reordered;
  a.beyond_window = seen.beyond_window;
  a.unknown_flow = seen.unknown_flow;
  a.early = seen.early;
  a.corrupted = all.corrupted;
  a.foreign = all.foreign;
  a.merged = all.merged;
  a.contended = all.contended;
  if (seen.unique > 0) {
    a.first = static_cast<std::int64_t>(seen.lowest - RW_SEQUENCE_BASE);
    a.last = static_cast<std::int64_t>(seen.highest - RW_SEQUENCE_BASE);
  }
  a.latency = {.min = seen.latency_min,
               .max = seen.latency_max,
               .sum = seen.latency_sum,
               .count = seen.latency_count,
               .spread = histogram({std::begin(seen.histogram), std::end(seen.histogram)})};
  return a;
}

}  // namespace ringway::gen
