// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <cerrno>
#include <ringway/error.hpp>

#include "../common/fragments.hpp"
#include "datapaths.hpp"
#ifndef _Bool
#define _Bool bool  // as the skeleton has it, and clang++ has not
#endif
// clang-format off
#include <l2fwd.skel.h>  // after core/l2.h, whose struct it holds
// clang-format on

namespace ringway::l2fwd {
namespace {

using skeleton = std::unique_ptr<::l2fwd, void (*)(::l2fwd*)>;

int share(bpf_map* map, const bpf_map* with) {
  return with == nullptr ? 0 : bpf_map__reuse_fd(map, bpf_map__fd(with));
}

skeleton load(const interface& port, const rw_l2& rule, const ::l2fwd* first) {
  skeleton s(::l2fwd::open(), ::l2fwd::destroy);
  if (!s) throw error(errno, "open the XDP program of {}", port.name());
  s->rodata->l2 = rule;
  if (app::needs_fragments(port)) {
    s->rodata->multi_buffer = true;
    const auto flags = bpf_program__flags(s->progs.rw_l2fwd);
    bpf_program__set_flags(s->progs.rw_l2fwd, flags | BPF_F_XDP_HAS_FRAGS);
  }
  int e = share(s->maps.ports, first == nullptr ? nullptr : first->maps.ports);
  if (e == 0) e = share(s->maps.counters, first == nullptr ? nullptr : first->maps.counters);
  if (e == 0) e = ::l2fwd::load(s.get());
  if (e == -EPERM)
    throw error(e, "load the XDP program of {} (run as root, or with CAP_BPF and CAP_NET_ADMIN)",
                port.name());
  if (e != 0) throw error(e, "load the XDP program of {} (-vv shows what the verifier says)", port.name());
  return s;
}

}  // namespace

app::loaded_programs load_programs(const options& o, const std::vector<interface>& ports,
                                   const std::vector<rw_l2>& rules) {
  auto loaded = std::make_shared<std::vector<skeleton>>();
  app::loaded_programs programs;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    loaded->push_back(load(ports[i], rules[i], loaded->empty() ? nullptr : loaded->front().get()));
    programs.config.ports.push_back({.where = ports[i],
                                     .program_fd = bpf_program__fd(loaded->back()->progs.rw_l2fwd),
                                     .egress = rules[i].out});
  }
  programs.config.devmap_fd = bpf_map__fd(loaded->front()->maps.ports);
  programs.config.counters_fd = bpf_map__fd(loaded->front()->maps.counters);
  programs.config.attach = o.common.attach;
  programs.config.replace = o.common.replace;
  programs.config.promiscuous = !o.common.no_promisc;
  programs.owner = std::move(loaded);
  return programs;
}

}  // namespace ringway::l2fwd
