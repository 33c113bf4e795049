// SPDX-License-Identifier: BSD-2-Clause
#include "frames.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <ringway/error.hpp>

namespace ringway::test {
namespace {

unique_fd packet_socket(const interface& at, std::uint16_t protocol) {
  netns_scope there(at.ns());
  unique_fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(protocol)));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(protocol);
  address.sll_ifindex = static_cast<int>(at.index());
  if (!fd || ::bind(fd.value(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw error(errno, "open a packet socket on {}", at.name());
  return fd;
}

void enlarge(const unique_fd& socket, int buffer) {
  const int bytes = 128 << 20;  // 100,000 frames and their bookkeeping
  if (::setsockopt(socket.value(), SOL_SOCKET, buffer, &bytes, sizeof bytes) != 0)
    throw error(errno, "enlarge a socket's buffer");
}

}  // namespace

unsigned send_frames(const interface& from, unsigned count) {
  unique_fd fd = packet_socket(from, 0);
  enlarge(fd, SO_SNDBUFFORCE);  // else send() waits while frames lie in a device's ring
  std::array<std::uint8_t, 60> frame{};
  frame.fill(0x5a);
  frame[0] = frame[6] = 0x02;
  frame[5] = 0x01;
  frame[12] = test_ethertype >> 8;
  frame[13] = test_ethertype & 0xff;
  unsigned sent = 0;
  for (unsigned i = 0; i < count; ++i)
    sent += ::send(fd.value(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size()) ? 1 : 0;
  return sent;
}

frame_counter::frame_counter(const interface& at) : socket_(packet_socket(at, test_ethertype)) {
  enlarge(socket_, SO_RCVBUFFORCE);
}

unsigned frame_counter::count() {
  std::array<std::uint8_t, 64> frame;
  sockaddr_ll from{};
  for (;;) {
    socklen_t size = sizeof from;
    if (::recvfrom(socket_.value(), frame.data(), frame.size(), MSG_DONTWAIT,
                   reinterpret_cast<sockaddr*>(&from), &size) < 0)
      break;
    if (from.sll_pkttype != PACKET_OUTGOING) ++seen_;
  }
  tpacket_stats lost{};
  socklen_t size = sizeof lost;
  if (::getsockopt(socket_.value(), SOL_PACKET, PACKET_STATISTICS, &lost, &size) != 0 || lost.tp_drops != 0)
    throw std::runtime_error("the counting socket has lost frames itself");
  return seen_;
}

}  // namespace ringway::test
