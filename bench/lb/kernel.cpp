// SPDX-License-Identifier: BSD-2-Clause
#include "kernel.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <ringway/core/lb_tables.h>  // what the skeletons name

#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>
#include <ringway/lb_explain.hpp>

#include "lb.skel.h"
#include "lb_front.skel.h"
#include "lb_reference.skel.h"
#include "reference.h"

namespace ringway::lb_bench {
namespace {

template <class Skeleton>
struct destroyer {
  void operator()(Skeleton* s) const { Skeleton::destroy(s); }
};
template <class Skeleton>
using owned = std::unique_ptr<Skeleton, destroyer<Skeleton>>;

template <class Skeleton>
owned<Skeleton> opened(const char* name) {
  owned<Skeleton> s(Skeleton::open());
  if (!s) throw error(errno, "open the program {}", name);
  return s;
}

template <class Skeleton>
void loaded(Skeleton* s, const char* name) {
  if (const int err = Skeleton::load(s)) throw error(err, "load the program {} (run as root)", name);
}

template <class Key, class Value>
void put(const bpf_map* map, const Key& key, const Value& value) {
  if (bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_ANY) != 0)
    throw error(errno, "fill the map {}", bpf_map__name(map));
}

/// A device that the map may name; TEST_RUN stops before anything is sent.
void enter_loopback(const bpf_map* devmap) { put(devmap, out_port, if_nametoindex("lo")); }

}  // namespace

const char* name_of(target t) {
  return t == target::empty ? "empty" : t == target::ringway ? "ringway" : "reference";
}

struct kernel::programs {
  owned<lb_front> front = opened<lb_front>("lb_front");
  owned<::lb> ringway = opened<::lb>("rw_lb");
  owned<lb_reference> reference;

  int of(target t) const {
    if (t == target::empty) return bpf_program__fd(front->progs.lb_empty);
    if (t == target::ringway) return bpf_program__fd(ringway->progs.rw_lb);
    return bpf_program__fd(reference->progs.lb_reference);
  }
  void load_ringway(const world& w) {
    const rw_lb_sizes sizes = w.store.sizes(in_port, flow_key);
    std::memcpy(const_cast<rw_lb_sizes*>(&ringway->rodata->sizes), &sizes, sizeof(sizes));
    for (const lb_store::shared_map& m : w.store.maps()) {
      bpf_map* const map = bpf_object__find_map_by_name(ringway->obj, m.name);
      if (map == nullptr) throw error(ENOENT, "share the map {}", m.name);
      if (const int err = bpf_map__reuse_fd(map, m.fd)) throw error(err, "share the map {}", m.name);
    }
    loaded(ringway.get(), "rw_lb");
    enter_loopback(ringway->maps.ports);
  }
  void load_reference(const world& w);
  void fill_reference(const world& w);
};

void kernel::programs::load_reference(const world& w) {
  reference = opened<lb_reference>("lb_reference");
  const lb_capacity& c = w.store.capacity();
  const std::uint32_t reals = w.store.memory().real_count;
  auto& constants = *reference->rodata;
  constants.in_port = in_port;
  constants.ring_size = c.ring_size;
  constants.first_real = c.vips;
  constants.key_first = flow_key.first;
  constants.key_last = flow_key.last;
  const std::pair<bpf_map*, std::uint32_t> rooms[] = {{reference->maps.ref_vips, c.vips},
                                                      {reference->maps.ref_flows, c.connections},
                                                      {reference->maps.ref_rings, c.ring_size},
                                                      {reference->maps.ref_reals, reals},
                                                      {reference->maps.ref_traffic, c.vips + reals}};
  for (const auto& [map, room] : rooms)
    if (const int err = bpf_map__set_max_entries(map, room)) throw error(err, "size the reference's maps");
  loaded(reference.get(), "lb_reference");
  enter_loopback(reference->maps.ref_ports);
  fill_reference(w);
}

/// The same VIPs, the same ring, the same reals under the same numbers.
void kernel::programs::fill_reference(const world& w) {
  const rw_lb_memory& m = w.store.memory();
  const std::vector<lb_vip>& vips = w.tables.vips();
  lb_question q;
  q.source = ip_address::parse("198.18.0.1");
  q.destination = vips[0].address;
  q.destination_port = vips[0].port;
  q.protocol = vips[0].protocol;
  const auto vip = explain(w.store, in_port, flow_key, q).vip;
  if (!vip || vip->ring >= m.ring_count) throw error(ENOENT, "find the VIPs' ring");
  for (std::uint32_t slot = 0; slot < w.store.capacity().ring_size; ++slot)
    put(reference->maps.ref_rings, slot,
        std::uint32_t{m.rings[std::size_t{vip->ring} * m.ring_stride + slot]});
  for (const lb_vip& v : vips) {
    ref_vip_key key{};
    std::copy(v.address.words.begin(), v.address.words.end(), key.addr);
    key.port = RW_BE16(v.port);
    key.proto = v.protocol;
    key.family = v.address.family;
    put(reference->maps.ref_vips, key, ref_vip{static_cast<std::uint32_t>(w.tables.vip_id(v)), 0});
  }
  for (std::uint32_t i = 0; i < m.real_count; ++i) {
    if (w.tables.destination_of(i) == nullptr) continue;
    const rw_lb_real& from = m.reals[i];
    const rw_hop hop = rw_hop_of(from.hop);
    const rw_lb_port port = rw_lb_port_of(m.control->port[hop.port]);
    ref_real to{};
    to.src = from.src[0], to.dst = from.dst[0];
    std::copy_n(hop.mac, 6, to.mac);
    std::copy_n(port.mac, 6, to.of);
    to.port = hop.port;
    to.mtu = port.mtu;
    to.method = from.method == RW_METHOD_L2 ? REF_L2 : from.method == RW_METHOD_IPIP ? REF_IPIP : REF_GUE;
    to.gue_port = from.port;
    to.up = hop.state == RW_HOP_UP;
    to.ttl = from.ttl;
    put(reference->maps.ref_reals, i, to);
  }
}

kernel::kernel(const world& w, const shape& s, bool reference)
    : programs_(std::make_unique<programs>()), in_(LB_FRAME), out_(512) {
  loaded(programs_->front.get(), "lb_front");
  programs_->front->bss->flows = flows_of(s);
  programs_->load_ringway(w);
  if (reference) programs_->load_reference(w);
  choose(target::empty);
}

kernel::~kernel() = default;

void kernel::choose(target t) {
  put(programs_->front->maps.front_target, std::uint32_t{0}, programs_->of(t));
  chosen_ = t;
}

std::uint32_t kernel::time(target t, std::uint32_t packets) {
  choose(t);
  programs_->front->bss->flows.next = 0;
  bpf_test_run_opts run{};
  run.sz = sizeof(run);
  run.data_in = in_.data();
  run.data_size_in = LB_FRAME;
  run.repeat = static_cast<int>(packets);
  if (const int err = bpf_prog_test_run_opts(bpf_program__fd(programs_->front->progs.lb_front), &run))
    throw error(err, "BPF_PROG_TEST_RUN of {}", name_of(t));
  const std::uint32_t wanted = t == target::empty ? XDP_DROP : XDP_REDIRECT;
  if (run.retval != wanted)
    throw error(EPROTO, "{}: the last packet's action was {}", name_of(t), run.retval);
  return run.duration;
}

std::uint32_t kernel::one(target t, std::uint32_t flow) {
  if (t != chosen_) choose(t);
  programs_->front->bss->flows.next = flow;
  bpf_test_run_opts run{};
  run.sz = sizeof(run);
  run.data_in = in_.data();
  run.data_size_in = LB_FRAME;
  run.data_out = out_.data();
  run.data_size_out = static_cast<std::uint32_t>(out_.size());
  run.repeat = 1;
  if (const int err = bpf_prog_test_run_opts(bpf_program__fd(programs_->front->progs.lb_front), &run))
    throw error(err, "BPF_PROG_TEST_RUN of flow {}", flow);
  out_size_ = run.data_size_out;
  return run.retval;
}

}  // namespace ringway::lb_bench
