// SPDX-License-Identifier: BSD-2-Clause
#include "service_machine.hpp"

#include <algorithm>
#include <limits>
#include <ringway/addresses.hpp>
#include <ringway/error.hpp>

namespace ringway::lb_app {

machine look_at(const std::vector<interface>& ports) {
  machine m;
  const std::vector<local_address> addresses = addresses_of(namespace_of(ports));
  for (const local_address& a : addresses) m.local.push_back(a.address);
  constexpr unsigned most = std::numeric_limits<std::uint16_t>::max();
  for (const interface& port : ports) {
    port_facts& facts = m.ports.emplace_back();
    facts.name = port.name();
    facts.mac = port.mac();
    facts.mtu = static_cast<std::uint16_t>(std::min(port.mtu(), most));
    for (const local_address& a : addresses)
      if (a.ifindex == port.index()) facts.prefixes.emplace_back(a.address, a.prefix);
  }
  return m;
}

bool same(const port_facts& a, const port_facts& b) {
  return a.mac == b.mac && a.mtu == b.mtu && a.prefixes == b.prefixes;
}

const netns& namespace_of(const std::vector<interface>& ports) {
  const netns& first = ports.front().ns();
  for (const interface& port : ports)
    if (!(port.ns() == first))
      throw usage_error("{} and {} are in different network namespaces: a balancer's ports are in one",
                        ports.front().name(), port.name());
  return first;
}

}  // namespace ringway::lb_app
