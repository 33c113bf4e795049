// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "quantity.hpp"

namespace ringway::gen {

/// Every frame: Ethernet, IPv4, UDP (no checksum), zeros. Addresses are of 198.18.0.0/15, which RFC 2544 sets
/// aside for measurements; the destination port is 9, discard.
inline constexpr std::uint32_t first_source = 0xc6120001;  // 198.18.0.1
inline constexpr std::uint32_t destination = 0xc6130001;   // 198.19.0.1

std::vector<std::byte> make_frame(std::uint32_t size, const mac_address& dst, const mac_address& src);

/// Sum of a frame's IPv4 header as 16-bit words, not folded, as if source address and checksum were 0: what
/// the program needs for flows that differ by source address.
std::uint32_t ip_sum_without_source(const std::vector<std::byte>& frame);

}  // namespace ringway::gen
