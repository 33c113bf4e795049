// SPDX-License-Identifier: BSD-2-Clause
#include "frame.hpp"

#include <gen.h>
#include <ringway/core/wire.h>

#include <algorithm>
#include <cstring>

namespace ringway::gen {
namespace {

constexpr std::size_t ip_at = sizeof(rw_eth), udp_at = ip_at + sizeof(rw_ipv4);

std::uint32_t sum_of(const rw_ipv4& ip) {
  std::uint16_t words[sizeof ip / 2];
  std::memcpy(words, &ip, sizeof ip);
  std::uint32_t sum = 0;
  for (const std::uint16_t word : words) sum += RW_CPU16(word);
  return sum;
}

std::uint16_t fold(std::uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum + (sum >> 16));
}

}  // namespace

std::vector<std::byte> make_frame(std::uint32_t size, const mac_address& dst, const mac_address& src) {
  std::vector<std::byte> frame(size);
  rw_eth eth{};
  std::copy(dst.begin(), dst.end(), eth.dst);
  std::copy(src.begin(), src.end(), eth.src);
  eth.proto = RW_BE16(RW_ETH_IPV4);

  rw_ipv4 ip{};
  ip.ver_ihl = 0x45;
  ip.len = RW_BE16(size - ip_at);
  ip.frag = RW_BE16(RW_IPV4_DF);
  ip.ttl = 64;
  ip.proto = RW_IP_UDP;
  ip.src = RW_BE32(first_source);
  ip.dst = RW_BE32(destination);
  ip.check = RW_BE16(~fold(sum_of(ip)));

  rw_udp udp{};
  udp.src = RW_BE16(RW_GEN_PORT_FIRST);
  udp.dst = RW_BE16(9);
  udp.len = RW_BE16(size - udp_at);

  std::memcpy(frame.data(), &eth, sizeof eth);
  std::memcpy(frame.data() + ip_at, &ip, sizeof ip);
  std::memcpy(frame.data() + udp_at, &udp, sizeof udp);
  return frame;
}

std::uint32_t ip_sum_without_source(const std::vector<std::byte>& frame) {
  rw_ipv4 ip;
  std::memcpy(&ip, frame.data() + ip_at, sizeof ip);
  ip.src = 0;
  ip.check = 0;
  return sum_of(ip);
}

}  // namespace ringway::gen
