// SPDX-License-Identifier: BSD-2-Clause
// What traffic_options.cpp and traffic.cpp share.
#pragma once
#include <ringway/core/wire.h>

#include "traffic.hpp"

namespace ringway::gen {

/// More does not fit a page together with what the kernel keeps in it; the exact limit is the kernel's and is
/// found out by trying.
inline constexpr std::uint32_t frame_max = 9000;  // bytes without FCS

/// Offsets. Without IP: where it would be.
struct headers {
  std::uint32_t ip = 0, l4 = 0, payload = 0;
};
headers headers_of(const traffic_options& o);

/// The fields that flows differ by: those asked for, or those that suit the protocol.
std::vector<field> varied(const traffic_options& o);
/// How many of them tell flows apart: 2^this values.
unsigned bits_of(field f, bool ipv6);

}  // namespace ringway::gen
