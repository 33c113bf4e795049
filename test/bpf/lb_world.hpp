// SPDX-License-Identifier: BSD-2-Clause
// A configuration with every kind of VIP, real and next hop, for the tests of the load balancer.
#pragma once
#include <array>
#include <ringway/lb_tables.hpp>
#include <vector>

namespace ringway::test {

inline constexpr std::array<std::uint8_t, 6> lb_mac = {2, 0, 0, 0, 0, 1};  // of port 1, where packets arrive
inline constexpr std::uint32_t lb_port = 1, lb_other_port = 2, lb_absent_port = 5;
inline constexpr rw_hash_key lb_flow_key = {0x0123456789abcdefull, 0xfedcba9876543210ull};

/// `variant` 0, 1, 2, ...: the same VIPs, other sets of reals and weights.
std::vector<lb_vip> lb_world(std::uint32_t variant);
/// Ports, and next hops for all that lb_world() names; some have failed, some lead to a port that is not
/// there.
void lb_world_links(lb_tables& tables);

}  // namespace ringway::test
