// SPDX-License-Identifier: BSD-2-Clause
// How a probe gets to one real: a marked socket, a route of its own for marked packets, and a program at
// that route's end (bpf/lb_probe.bpf.c), which writes the outer headers as the balancer's own core does and
// sends the packet out of the port of the real's next hop. The kernel never asks for the VIP's link address.
//
// The answer comes from the VIP, straight to an address of this machine: the one that the kernel would send
// from to the real; if the VIP is of the other family, one of that family at the port of the real's next hop.
// The VIP is no address of this machine, or the kernel would keep the probe to itself. A reverse path filter
// (IPv4) may drop the answer, for the route to the VIP need not lead to the port that it comes in on; that is
// said once, by a log line with the setting, and left to the user.
#pragma once
#include <memory>
#include <ringway/interface.hpp>
#include <ringway/lb_store.hpp>
#include <ringway/lb_tables.hpp>
#include <vector>

#include "health.hpp"

namespace ringway::lb_app {

class probe_path {
 public:
  /// Makes rules, routes and interfaces in the namespace of the ports (marked_route.hpp); CAP_NET_ADMIN,
  /// CAP_BPF. `store` is one of maps. Throws ringway::error.
  probe_path(const lb_store& store, const std::vector<interface>& ports);
  ~probe_path();  // removes all of it
  /// To that element of `reals`, for a socket that connects to the VIP. Throws ringway::error.
  probe_way way_to(std::uint32_t element, const lb_destination& to, const ip_address& vip);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway::lb_app
