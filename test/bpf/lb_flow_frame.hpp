// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "lb_world.hpp"
#include "ringway/core/csum.h"

namespace ringway::test {

/// The smallest frame of a flow: UDP over IPv4 from client n's address and port, to the port at lb_mac.
inline std::array<std::uint8_t, 60> flow_frame(std::uint32_t n, const ip_address& vip, std::uint16_t port) {
  std::array<std::uint8_t, 60> frame{};
  std::copy(lb_mac.begin(), lb_mac.end(), frame.begin());
  frame[6] = 2, frame[11] = 99;
  rw_store16(&frame[12], RW_BE16(RW_ETH_IPV4));
  rw_ipv4 ip{};
  ip.ver_ihl = 0x45;
  ip.len = RW_BE16(frame.size() - sizeof(rw_eth));
  ip.ttl = 64;
  ip.proto = RW_IP_UDP;
  ip.src = RW_BE32(0xc0000200 + (n >> 15));
  ip.dst = vip.words[0];
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < sizeof(ip); i += 2) sum += rw_load16(reinterpret_cast<const char*>(&ip) + i);
  ip.check = rw_csum_finish(sum);
  rw_udp udp{};
  udp.src = RW_BE16(1024 + (n & 0x7fff));
  udp.dst = RW_BE16(port);
  udp.len = RW_BE16(frame.size() - sizeof(rw_eth) - sizeof(ip));
  std::memcpy(&frame[14], &ip, sizeof(ip));
  std::memcpy(&frame[34], &udp, sizeof(udp));
  return frame;
}

}  // namespace ringway::test
