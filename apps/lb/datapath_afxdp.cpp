// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/libbpf.h>
#include <ringway/core/lb.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <ringway/nf/lb.hpp>

#include "datapath.hpp"
#include "datapath_programs.hpp"
#ifndef _Bool
#define _Bool bool  // as the skeleton has it, and clang++ has not
#endif
// clang-format off
#include <lb_redirect.skel.h>  // after the core, whose structs it holds
// clang-format on

namespace ringway::lb_app {
namespace {

/// VIPs' packets to the sockets, all others to the kernel.
steering_program load_steering(const lb_store& store, const rw_hash_key& flow_key, const interface& where,
                               port_id id) {
  ::lb_redirect* opened = ::lb_redirect::open();
  if (opened == nullptr) throw error(errno, "open the steering program of {}", where.name());
  const std::shared_ptr<::lb_redirect> s(opened, ::lb_redirect::destroy);
  s->rodata->sizes = store.sizes(id, flow_key);
  bpf_map__set_max_entries(s->maps.sockets, std::max(1u, where.rx_queues()));
  share_tables(s->obj, store);
  check_loaded(::lb_redirect::load(s.get()), "the steering program", where);
  return {.program_fd = bpf_program__fd(s->progs.rw_lb_redirect),
          .sockets_fd = bpf_map__fd(s->maps.sockets),
          .counters_fd = bpf_map__fd(s->maps.counters),
          .owner = s};
}

/// What one worker counts, on cache lines that are nobody else's.
struct alignas(64) worker_counts {
  struct alignas(64) line {
    std::array<rw_lb_traffic, 4> of{};
  };

  rw_lb_local local{};
  std::vector<line> lines;

  explicit worker_counts(std::uint32_t elements) : lines((elements + 3) / 4) {}
  std::span<rw_lb_traffic> traffic(std::uint32_t elements) { return {lines.front().of.data(), elements}; }
};
static_assert(sizeof(worker_counts::line) == 4 * sizeof(rw_lb_traffic), "one array without gaps");

/// A word that its worker may be writing.
std::uint64_t read(const __u64& word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); }

class worker_path final : public packet_path {
 public:
  worker_path(const options& o, const lb_store& store, const rw_hash_key& flow_key)
      : elements_(store.traffic_elements()), counts_(std::max<std::size_t>(1, o.common.cpus.size())) {
    forwarder_config config = app::library_config(o.common);
    for (port_config& p : config.ports)
      p.steering = [&store, flow_key](const interface& where, port_id id) {
        return load_steering(store, flow_key, where, id);
      };
    // On the worker's own thread, so that what it counts is in memory near it.
    const auto make = [this, &store, flow_key](unsigned worker) {
      counts_[worker] = std::make_unique<worker_counts>(elements_);
      worker_counts& mine = *counts_[worker];
      return nf::lb(store.memory(), store.sizes(0, flow_key), mine.local, mine.traffic(elements_));
    };
    std::unique_ptr<forwarder_base> workers;
    if (o.common.batch == 64)
      workers = std::make_unique<forwarder<nf::lb, 64>>(config, make);
    else
      workers = std::make_unique<forwarder<nf::lb, 256>>(config, make);
    workers_ = workers.get();
    way_ = app::over_afxdp(std::move(workers));
  }

  void start() override { way_->start(); }
  void watch(std::chrono::milliseconds timeout) override { way_->watch(timeout); }
  void stop() noexcept override { way_->stop(); }
  std::string note() const override { return way_->note(); }
  std::vector<std::string> reasons() const override { return way_->reasons(); }
  forwarder_stats stats() const override { return way_->stats(); }
  void wait_for_workers() const override { workers_->wait_for_turns(); }

  rw_lb_local counted() const override {
    rw_lb_local sum{};
    for (const auto& c : counts_)
      for (std::size_t i = 0; i < RW_LB_EVENT_SLOTS; ++i) sum.events[i] += read(c->local.events[i]);
    const forwarder_stats s = stats();  // the workers count reasons with those of the library
    for (std::size_t port = 0; port < s.ports.size(); ++port)
      for (std::uint32_t r = 0; r < RW_LB_REASON_COUNT; ++r)
        sum.drops[port][r] = s.ports[port].stats.drops[RW_REASON_LIB_SLOTS + r];
    return sum;
  }

  std::vector<rw_lb_traffic> traffic() const override {
    std::vector<rw_lb_traffic> sum(elements_);
    for (const auto& c : counts_) {
      const std::span<const rw_lb_traffic> from = c->traffic(elements_);
      for (std::size_t i = 0; i < sum.size(); ++i) {
        sum[i].packets += read(from[i].packets);
        sum[i].bytes += read(from[i].bytes);
      }
    }
    return sum;
  }

 private:
  std::uint32_t elements_;
  std::vector<std::unique_ptr<worker_counts>> counts_;  // one a worker, who writes it
  forwarder_base* workers_ = nullptr;                   // way_'s
  std::unique_ptr<app::forwarding> way_;                // goes before what the workers write to
};

}  // namespace

std::unique_ptr<packet_path> open_over_afxdp(const options& o, const lb_store& store,
                                             const rw_hash_key& flow_key) {
  return std::make_unique<worker_path>(o, store, flow_key);
}

}  // namespace ringway::lb_app
