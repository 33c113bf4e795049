// SPDX-License-Identifier: BSD-2-Clause
#include "xdp_programs.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <iterator>
#include <ringway/error.hpp>

namespace ringway::test {

unique_fd load_pass(const std::string& name) {
  const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS},
                           {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  unique_fd fd(
      bpf_prog_load(BPF_PROG_TYPE_XDP, name.c_str(), "Dual BSD/GPL", pass, std::size(pass), nullptr));
  if (!fd) throw error(errno, "load test program {}", name);
  return fd;
}

std::uint32_t program_id(int fd) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (int e = bpf_obj_get_info_by_fd(fd, &info, &size)) throw error(e, "ask for a test program's id");
  return info.id;
}

l2fwd_programs::l2fwd_programs(const std::vector<way>& ports) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    std::unique_ptr<l2fwd, closer> s(l2fwd::open());
    if (!s) throw error(errno, "open l2fwd");
    if (i > 0) {
      bpf_map__reuse_fd(s->maps.counters, config_.counters_fd);
      bpf_map__reuse_fd(s->maps.ports, config_.devmap_fd);
    }
    s->rodata->l2.port = static_cast<__u16>(i);
    s->rodata->l2.out = static_cast<__u16>(ports[i].to);
    s->rodata->l2.mode = RW_L2_IO;
    if (int e = l2fwd::load(s.get())) throw error(e, "load l2fwd");
    if (i == 0) {
      config_.counters_fd = bpf_map__fd(s->maps.counters);
      config_.devmap_fd = bpf_map__fd(s->maps.ports);
    }
    config_.ports.push_back(
        {ports[i].from, bpf_program__fd(s->progs.rw_l2fwd), static_cast<int>(ports[i].to)});
    loaded_.push_back(std::move(s));
  }
}

}  // namespace ringway::test
