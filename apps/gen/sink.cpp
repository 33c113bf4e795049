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

traffic_sink::traffic_sink(interface where) : where_(std::move(where)) {
  if (!where_.up()) throw error(ENETDOWN, "count at {}", where_.name());
  warn_of_gro(where_);
}

void traffic_sink::attach(int program_fd, tc_mode mode) {
  attachment_ = std::make_unique<tc_attachment>(where_, program_fd, mode);
}

void traffic_sink::add_up_cpus(int map_fd, std::uint64_t* sum, std::size_t words) const {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) throw error(cpus, "count the CPUs");
  std::vector<std::uint64_t> each(static_cast<std::size_t>(cpus) * words);
  const std::uint32_t first = 0;
  const int failure = bpf_map_lookup_elem(map_fd, &first, each.data());
  if (failure != 0) throw error(failure, "read the counters of {}", where_.name());
  for (std::size_t i = 0; i < each.size(); ++i) sum[i % words] += each[i];
}

counting_sink::counting_sink(const interface& where, tc_mode mode)
    : traffic_sink(where), skeleton_(sink__open_and_load(), sink__destroy) {
  if (!skeleton_) throw error(errno, "load the sink's program (needs root)");
  attach(bpf_program__fd(skeleton_->progs.rw_sink), mode);
}

sink_counts counting_sink::counts() const {
  return sum_of_cpus<sink_counts>(bpf_map__fd(skeleton_->maps.received));
}

}  // namespace ringway::gen
