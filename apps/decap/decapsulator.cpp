// SPDX-License-Identifier: BSD-2-Clause
#include "decapsulator.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <ringway/error.hpp>
#include <vector>
// clang-format off
#include <decap.skel.h>  // after core/decap.h, whose struct it holds
// clang-format on

namespace ringway::decap_app {
namespace {

// As bpf/decap.bpf.c numbers them.
enum : std::uint32_t { taken, left, dropped, failed };

std::uint64_t sum_of_cpus(int map_fd, std::uint32_t key) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) throw error(cpus, "count the CPUs");
  std::vector<std::uint64_t> each(static_cast<std::size_t>(cpus));
  if (const int e = bpf_map_lookup_elem(map_fd, &key, each.data()); e != 0) throw error(e, "read a counter");
  std::uint64_t sum = 0;
  for (const std::uint64_t count : each) sum += count;
  return sum;
}

}  // namespace

decapsulator::decapsulator(const interface& port, const rw_decap& config, attach_mode mode, bool replace)
    : skeleton_(::decap::open(), ::decap::destroy) {
  if (!skeleton_) throw error(errno, "open the XDP program of {}", port.name());
  skeleton_->rodata->decap = config;
  const int e = ::decap::load(skeleton_.get());
  if (e == -EPERM)
    throw error(e, "load the XDP program of {} (run as root, or with CAP_BPF and CAP_NET_ADMIN)",
                port.name());
  if (e != 0) throw error(e, "load the XDP program of {} (-vv shows what the verifier says)", port.name());
  attachment_ = std::make_unique<attachment>(port, bpf_program__fd(skeleton_->progs.rw_decap), mode, replace);
}

decap_counts decapsulator::counts() const {
  const int map = bpf_map__fd(skeleton_->maps.decapped);
  return {.taken = sum_of_cpus(map, taken),
          .left = sum_of_cpus(map, left),
          .dropped = sum_of_cpus(map, dropped),
          .failed = sum_of_cpus(map, failed)};
}

void decapsulator::stop() noexcept { attachment_.reset(); }

}  // namespace ringway::decap_app
