// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <ringway/core/lb.h>

#include <algorithm>
#include <ringway/nf/lb.hpp>

#include "../common/fragments.hpp"
#include "datapath.hpp"
#include "datapath_programs.hpp"
#ifndef _Bool
#define _Bool bool  // as the skeleton has it, and clang++ has not
#endif
// clang-format off
#include <lb.skel.h>  // after the core, whose structs it holds
// clang-format on

namespace ringway::lb_app {
namespace {

using skeleton = std::unique_ptr<::lb, void (*)(::lb*)>;

/// A chain of programs: all of them or none.
void take_fragments(::lb& s) {
  s.rodata->multi_buffer = true;
  bpf_program* p = nullptr;
  bpf_object__for_each_program(p, s.obj) {
    bpf_program__set_flags(p, bpf_program__flags(p) | BPF_F_XDP_HAS_FRAGS);
  }
}

void share(bpf_map* map, const bpf_map* with) {
  if (const int e = bpf_map__reuse_fd(map, bpf_map__fd(with)); e != 0)
    throw error(e, "share the map {}", bpf_map__name(map));
}

skeleton load(const interface& port, std::uint32_t number, const lb_store& store, const rw_hash_key& flow_key,
              const ::lb* first) {
  skeleton s(::lb::open(), ::lb::destroy);
  if (!s) throw error(errno, "open the XDP program of {}", port.name());
  s->rodata->sizes = store.sizes(number, flow_key);
  s->rodata->redirect_back = port.is_veth();
  if (app::needs_fragments(port)) take_fragments(*s);
  share_tables(s->obj, store);
  if (first != nullptr) {
    share(s->maps.ports, first->maps.ports);
    share(s->maps.counters, first->maps.counters);
  }
  check_loaded(::lb::load(s.get()), "the XDP programs", port);
  return s;
}

/// The stages are reached through a map that empties itself once nobody has it open: the owner keeps it.
app::loaded_programs load_all(const options& o, const std::vector<interface>& ports, const lb_store& store,
                              const rw_hash_key& flow_key) {
  auto loaded = std::make_shared<std::vector<skeleton>>();
  app::loaded_programs programs;
  for (std::uint32_t i = 0; i < ports.size(); ++i) {
    loaded->push_back(load(ports[i], i, store, flow_key, loaded->empty() ? nullptr : loaded->front().get()));
    programs.config.ports.push_back({.where = ports[i],
                                     .program_fd = bpf_program__fd(loaded->back()->progs.rw_lb),
                                     .egress = static_cast<int>(i)});
  }
  programs.config.devmap_fd = bpf_map__fd(loaded->front()->maps.ports);
  programs.config.counters_fd = bpf_map__fd(loaded->front()->maps.counters);
  programs.config.attach = o.common.attach;
  programs.config.replace = o.common.replace;
  programs.config.promiscuous = !o.common.no_promisc;
  programs.owner = std::move(loaded);
  return programs;
}

/// The balancer's own at the end, as forwarder_base::reason_name() has them.
std::vector<std::string> with_own_reasons(std::vector<std::string> library) {
  library.resize(RW_REASON_SLOTS);
  std::copy(nf::lb::drop_names.begin(), nf::lb::drop_names.end(), library.begin() + RW_REASON_LIB_SLOTS);
  return library;
}

class kernel_path final : public packet_path {
 public:
  kernel_path(app::loaded_programs programs, const lb_store& store)
      : store_(store), programs_(app::in_kernel(std::move(programs))) {}

  void start() override { programs_->start(); }
  void watch(std::chrono::milliseconds timeout) override { programs_->watch(timeout); }
  void stop() noexcept override { programs_->stop(); }
  std::string note() const override { return programs_->note(); }
  std::vector<std::string> reasons() const override { return with_own_reasons(programs_->reasons()); }

  forwarder_stats stats() const override {
    forwarder_stats s = programs_->stats();
    const rw_lb_local own = store_.counted();
    for (std::size_t port = 0; port < s.ports.size(); ++port)
      for (std::uint32_t r = 0; r < RW_LB_REASON_COUNT; ++r)
        s.ports[port].stats.drops[RW_REASON_LIB_SLOTS + r] += own.drops[port][r];
    return s;
  }

  void wait_for_workers() const override {}
  rw_lb_local counted() const override { return store_.counted(); }
  std::vector<rw_lb_traffic> traffic() const override { return store_.traffic(); }

 private:
  const lb_store& store_;
  std::unique_ptr<app::forwarding> programs_;
};

}  // namespace

std::unique_ptr<packet_path> open_in_kernel(const options& o, const std::vector<interface>& ports,
                                            const lb_store& store, const rw_hash_key& flow_key) {
  return std::make_unique<kernel_path>(load_all(o, ports, store, flow_key), store);
}

}  // namespace ringway::lb_app
