// SPDX-License-Identifier: BSD-2-Clause
#include "sink.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sink.skel.h>

#include <cerrno>
#include <ringway/error.hpp>
#include <ringway/log.hpp>
#include <vector>

namespace ringway::gen {
namespace {

/// The peer of a sink that has no NAPI refuses what XDP sends to it, all of it and without a word.
void warn_of_gro(const interface& where) {
  if (where.features().gro == false && where.is_veth()) {
    log(log_level::warning,
        "GRO is off at {}: frames redirected to it by XDP are refused; mend it by: {}ethtool -K {} gro on",
        where.name(), where.ns().command_prefix(), where.ifname());
  }
}

}  // namespace

counting_sink::counting_sink(const interface& where, tc_mode mode)
    : where_(where), skeleton_(sink__open_and_load(), sink__destroy) {
  if (!skeleton_) throw error(errno, "load the sink's program (needs root)");
  if (!where.up()) throw error(ENETDOWN, "count at {}", where.name());
  warn_of_gro(where);
  attachment_ = std::make_unique<tc_attachment>(where, bpf_program__fd(skeleton_->progs.rw_sink), mode);
}

counting_sink::~counting_sink() = default;
counting_sink::counting_sink(counting_sink&&) noexcept = default;

sink_counts counting_sink::counts() const {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) throw error(cpus, "count the CPUs");
  std::vector<sink_counts> each(static_cast<std::size_t>(cpus));
  const std::uint32_t first = 0;
  const int failure = bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.received), &first, each.data());
  if (failure != 0) throw error(failure, "read the counters of {}", where_.name());
  sink_counts sum;
  for (const sink_counts& c : each) {
    sum.packets += c.packets;
    sum.bytes += c.bytes;
  }
  return sum;
}

}  // namespace ringway::gen
