// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <ringway/core/wire.h>
#include <txtrace.skel.h>

#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>
#include <ringway/tx_trace.hpp>

#include "../bpf/txtrace.h"

namespace ringway {

struct tx_trace::state {
  struct closer {
    void operator()(txtrace* t) const noexcept { txtrace::destroy(t); }
  };
  std::unique_ptr<txtrace, closer> programs;  // null: could not be loaded
  std::size_t ports = 0;
  std::vector<unique_fd> links;
  std::vector<std::string> missing;

  void attach_each();
  int load(const std::vector<interface>& interfaces, int devmap_fd);
};

int tx_trace::state::load(const std::vector<interface>& interfaces, int devmap_fd) {
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  if (int e = bpf_obj_get_info_by_fd(devmap_fd, &info, &size)) return e;
  programs.reset(txtrace::open());
  if (!programs) return -errno;
  programs->rodata->devmap_id = info.id;
  if (int e = txtrace::load(programs.get())) return e;
  for (std::uint32_t i = 0; i < interfaces.size(); ++i) {
    const rw_txtrace_device key{static_cast<__u32>(interfaces[i].ns().inode()), interfaces[i].index()};
    if (int e = bpf_map_update_elem(bpf_map__fd(programs->maps.devices), &key, &i, BPF_ANY)) return e;
  }
  return 0;
}

void tx_trace::state::attach_each() {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, programs->obj) {
    const char* section = bpf_program__section_name(program);
    const char* tracepoint = std::strrchr(section, '/') + 1;
    // Not through bpf_program__attach(): libbpf would keep the link, but log the refusal that we report.
    const int fd = bpf_raw_tracepoint_open(tracepoint, bpf_program__fd(program));
    if (fd < 0)
      missing.push_back(fmt::format("{}: {}", tracepoint, std::strerror(-fd)));
    else
      links.emplace_back(fd);
  }
}

tx_trace::tx_trace(const std::vector<interface>& ports, int devmap_fd) : state_(std::make_unique<state>()) {
  if (ports.size() > RW_PORTS_MAX)
    throw error(E2BIG, "count the losses of {} ports (at most {})", ports.size(), RW_PORTS_MAX);
  state_->ports = ports.size();
  if (int e = state_->load(ports, devmap_fd)) {
    state_->missing.push_back(fmt::format("all transmit tracepoints: {}", std::strerror(e < 0 ? -e : e)));
    state_->programs.reset();
    return;
  }
  state_->attach_each();
}

tx_trace::~tx_trace() = default;
tx_trace::tx_trace(tx_trace&&) noexcept = default;
tx_trace& tx_trace::operator=(tx_trace&&) noexcept = default;

const std::vector<std::string>& tx_trace::missing() const noexcept { return state_->missing; }

std::vector<tx_trace::losses> tx_trace::read() const {
  std::vector<losses> sums(state_->ports);
  if (!state_->programs) return sums;
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) throw error(cpus, "count the possible CPUs");
  std::vector<rw_txtrace_losses> each(static_cast<std::size_t>(cpus));
  for (std::uint32_t i = 0; i < sums.size(); ++i) {
    if (int e = bpf_map_lookup_elem(bpf_map__fd(state_->programs->maps.losses), &i, each.data()))
      throw error(e, "read the transmit losses of port {}", i);
    for (const rw_txtrace_losses& one : each) {
      sums[i].device += one.device;
      sums[i].refused += one.refused;
    }
  }
  return sums;
}

}  // namespace ringway
