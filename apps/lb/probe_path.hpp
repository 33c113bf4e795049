// SPDX-License-Identifier: BSD-2-Clause
// How a probe gets to one real: a marked socket, a route of its own for marked packets, and a program at
// that route's egress (bpf/lb_probe.bpf.c), which writes the outer headers as the balancer's own core does.
// The answer comes from the VIP, straight to an address of this machine.
#pragma once
#include <memory>
#include <ringway/interface.hpp>
#include <ringway/lb_store.hpp>
#include <ringway/lb_tables.hpp>
#include <vector>

namespace ringway::lb_app {

class probe_path {
 public:
  /// Makes rules, routes and programs in the namespace of the ports; CAP_NET_ADMIN, CAP_BPF. Throws
  /// ringway::error.
  probe_path(const lb_store& store, const std::vector<interface>& ports);
  ~probe_path();  // removes all of it
  /// The mark for packets to that element of `reals`.
  std::uint32_t mark_of(std::uint32_t element) const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway::lb_app
