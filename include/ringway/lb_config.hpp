// SPDX-License-Identifier: BSD-2-Clause
// What a load balancer is told: VIPs, each with its reals. Values without invariants; lb_tables::apply()
// judges them.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/lb_tables.h"

namespace ringway {

/// An IPv4 or IPv6 address; of IPv4 the first word. Family 0: none.
struct ip_address {
  std::uint8_t family = 0;        // 4 or 6
  std::array<__be32, 4> words{};  // as on the wire
  /// Throws usage_error for what is no address.
  static ip_address parse(std::string_view text);
  std::string text() const;
  explicit operator bool() const noexcept { return family != 0; }
  auto operator<=>(const ip_address&) const = default;
};

/// Where a real's packets go, and how: what makes two reals the same one.
struct lb_destination {
  ip_address address;      // of the real: outer destination, or, with l2, who gets the frame
  std::uint16_t port = 0;  // only tells reals apart, and enters the ring's hash; no packet shows it
  rw_lb_method method = RW_METHOD_L2;
  ip_address source;              // outer source; none with l2
  std::uint16_t gue_port = 6080;  // with gue
  std::uint8_t ttl = 64;          // of the outer header
  std::uint8_t flags = 0;         // RW_REAL_*
  std::uint16_t mtu = 0;          // of the path, IP bytes; 0: that of the egress port
  std::uint16_t vlan = 0;         // TCI of the next hop's VLAN; 0: untagged
  auto operator<=>(const lb_destination&) const = default;
};

struct lb_member {
  lb_destination to;
  std::uint32_t weight = 1;  // 0: no new flows; those that are there stay (drained)
  bool operator==(const lb_member&) const = default;
};

struct lb_vip {
  ip_address address;
  std::uint16_t port = 0;  // 0: every port that has no VIP of its own
  std::uint8_t protocol = RW_IP_TCP;
  rw_flow_mode hash = RW_FLOW_5TUPLE;
  bool announce = true;    // answer ARP and neighbour solicitations for the address
  bool ping = true;        // answer echo requests to it
  bool stateful = true;    // keep flows in the connection table
  bool reset = false;      // no real: answer TCP with a reset; else drop
  bool fragments = false;  // send fragments on; needs port 0 and hash = source
  std::vector<lb_member> reals;
  bool operator==(const lb_vip&) const = default;
};

/// Sizes that are fixed while the process runs.
struct lb_capacity {
  std::uint32_t vips = 64;
  /// Different sets of reals; twice as many elements, so that all can be replaced at once.
  std::uint32_t rings = 64;
  std::uint32_t reals = 64;
  std::uint32_t connections = 1u << 16;  // 0: none are kept
  std::uint32_t ring_size = 65537;       // slots; a prime from 251 to 131071
};

struct lb_timeouts {  // seconds; below 32,768
  std::uint16_t half_open = 20, established = 900, closing = 10;
};

struct lb_limits {                    // a second and CPU (or worker)
  std::uint32_t new_flows = 125'000;  // beyond it flows are balanced but not kept; 0: no limit
  std::uint32_t answers = 1000;       // ICMP errors and resets; 0: none
};

/// The link address that a real's packets are sent to.
struct lb_next_hop {
  std::array<std::uint8_t, 6> mac{};
  std::uint8_t port = 0;  // egress
  bool up = false;  // else its flows go elsewhere, and what the ring still sends there is `no_neighbour`
  bool operator==(const lb_next_hop&) const = default;
};

}  // namespace ringway
