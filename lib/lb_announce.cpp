// SPDX-License-Identifier: BSD-2-Clause
#include <cstring>
#include <ringway/error.hpp>
#include <ringway/lb_announce.hpp>

#include "ringway/core/answer_link.h"

namespace ringway {
namespace {

using bytes = std::vector<std::uint8_t>;

bytes gratuitous_arp(const ip_address& vip, const std::array<std::uint8_t, 6>& mac) {
  bytes f(sizeof(rw_eth) + sizeof(rw_arp));
  std::memset(f.data(), 0xff, 6);
  std::memcpy(f.data() + 6, mac.data(), 6);
  rw_store16(f.data() + 12, RW_BE16(RW_ETH_ARP));
  auto* arp = reinterpret_cast<rw_arp*>(f.data() + sizeof(rw_eth));
  arp->hardware = RW_BE16(1);
  arp->protocol = RW_BE16(RW_ETH_IPV4);
  arp->hardware_len = 6;
  arp->protocol_len = 4;
  arp->op = RW_BE16(1);
  std::memcpy(arp->sender_mac, mac.data(), 6);
  rw_store32(arp->sender, vip.words[0]);
  rw_store32(arp->target, vip.words[0]);
  return f;
}

/// What the core answers to a solicitation from nobody: to all nodes, override, not solicited.
bytes unsolicited_advertisement(const ip_address& vip, const std::array<std::uint8_t, 6>& mac) {
  bytes f(sizeof(rw_eth) + sizeof(rw_ipv6) + RW_ND_ADVERTISEMENT_LEN);
  std::memcpy(f.data() + 6, mac.data(), 6);
  rw_store16(f.data() + 12, RW_BE16(RW_ETH_IPV6));
  std::uint8_t* ip = f.data() + sizeof(rw_eth);
  rw_store32(ip, RW_BE32(6u << 28));
  ip[6] = RW_IP_ICMPV6;
  rw_lb_packet asked{};
  std::memcpy(asked.ask.addr, vip.words.data(), sizeof(asked.ask.addr));
  rw_nd_advertise(&asked, f.data(), ip, ip + sizeof(rw_ipv6));
  return f;
}

}  // namespace

std::vector<std::uint8_t> announcement_of(const ip_address& vip, const std::array<std::uint8_t, 6>& mac) {
  if (vip.family == 4) return gratuitous_arp(vip, mac);
  if (vip.family == 6) return unsolicited_advertisement(vip, mac);
  throw usage_error("no address to announce");
}

}  // namespace ringway
