// SPDX-License-Identifier: BSD-2-Clause
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <ringway/announcer.hpp>
#include <ringway/error.hpp>
#include <ringway/lb_announce.hpp>
#include <ringway/log.hpp>

namespace ringway {
namespace {

unique_fd packet_socket(const interface& port) {
  netns_scope there(port.ns());
  // Protocol 0: it only sends.
  unique_fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket)
    throw error(errno, "open a packet socket for {}{}", port.name(),
                errno == EPERM ? " (run as root or with CAP_NET_RAW)" : "");
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_ifindex = static_cast<int>(port.index());
  if (::bind(socket.value(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    throw error(errno, "bind a packet socket to {}", port.name());
  return socket;
}

}  // namespace

announcer::announcer(const std::vector<interface>& ports) {
  for (const interface& port : ports) outlets_.push_back({port, packet_socket(port)});
}

void announcer::announce(std::span<const ip_address> vips) {
  if (vips.empty()) return;
  for (const outlet& o : outlets_) {
    std::size_t refused = 0;
    int why = 0;
    try {
      const auto mac = o.port.mac();  // as it is now
      for (const ip_address& vip : vips) {
        const auto frame = announcement_of(vip, mac);
        if (::send(o.socket.value(), frame.data(), frame.size(), 0) >= 0) continue;
        ++refused;
        why = errno;
      }
    } catch (const error& e) {
      log(log_level::warning, "cannot announce the VIPs: {}", e.what());
      continue;
    }
    if (refused != 0)
      log(log_level::warning, "cannot announce {} of {} VIPs on {}: {}", refused, vips.size(), o.port.name(),
          std::strerror(why));
  }
}

}  // namespace ringway
