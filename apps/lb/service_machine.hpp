// SPDX-License-Identifier: BSD-2-Clause
// What the balancer has to know of the machine that it runs on.
#pragma once
#include <ringway/interface.hpp>
#include <vector>

#include "plane.hpp"

namespace ringway::lb_app {

struct machine {
  std::vector<port_facts> ports;
  std::vector<ip_address> local;  // addresses, of all interfaces
};

/// As it is now, in the namespace of the ports. Throws ringway::error, ENODEV for a port that is gone.
machine look_at(const std::vector<interface>& ports);

bool same(const port_facts& a, const port_facts& b);

/// Throws usage_error unless all ports are in one namespace: routes, neighbours and probes are looked for
/// there.
const netns& namespace_of(const std::vector<interface>& ports);

}  // namespace ringway::lb_app
