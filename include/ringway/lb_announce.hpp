// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <array>
#include <cstdint>
#include <ringway/lb_config.hpp>
#include <vector>

namespace ringway {

/// The frame that tells a link where a VIP is now: a gratuitous ARP request (RFC 5227 3), or an unsolicited
/// neighbour advertisement (RFC 4861 7.2.6). To be sent from the port whose address `mac` is, at start and
/// when carrier comes back.
std::vector<std::uint8_t> announcement_of(const ip_address& vip, const std::array<std::uint8_t, 6>& mac);

}  // namespace ringway
