// SPDX-License-Identifier: BSD-2-Clause
#include "traffic.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <ringway/core/wire.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>

namespace ringway::test {
namespace {

constexpr std::uint32_t magic = 0x52575446;
constexpr std::size_t headers = sizeof(rw_eth) + sizeof(rw_ipv4) + sizeof(rw_udp);

struct label {
  std::uint32_t magic, number;
  std::uint16_t size, flow;
};

std::uint16_t header_sum(const rw_ipv4& header) {
  std::uint32_t sum = 0;
  std::uint16_t word = 0;
  for (std::size_t i = 0; i < sizeof header; i += 2) {
    std::memcpy(&word, reinterpret_cast<const char*>(&header) + i, 2);
    sum += word;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

std::vector<std::uint8_t> make_frame(const frame_spec& spec) {
  std::vector<std::uint8_t> bytes(spec.size);
  const rw_eth ethernet{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, RW_BE16(RW_ETH_IPV4)};
  rw_ipv4 ip{};
  ip.ver_ihl = 0x45, ip.ttl = 64, ip.proto = RW_IP_UDP;
  ip.len = RW_BE16(spec.size - sizeof ethernet);
  ip.src = RW_BE32(0xc6120001u), ip.dst = RW_BE32(0xc6120101u);  // 198.18.0.0/15, for benchmarks (RFC 2544)
  ip.check = header_sum(ip);
  rw_udp udp{};
  udp.src = RW_BE16(1024 + spec.flow), udp.dst = RW_BE16(9);
  udp.len = RW_BE16(spec.size - sizeof ethernet - sizeof ip);
  const label mark{magic, spec.number, static_cast<std::uint16_t>(spec.size),
                   static_cast<std::uint16_t>(spec.flow)};
  std::memcpy(&bytes[0], &ethernet, sizeof ethernet);
  std::memcpy(&bytes[sizeof ethernet], &ip, sizeof ip);
  std::memcpy(&bytes[sizeof ethernet + sizeof ip], &udp, sizeof udp);
  std::memcpy(&bytes[headers], &mark, sizeof mark);
  for (std::size_t i = headers + sizeof mark; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>((spec.number * 2654435761u >> 16) + i * 7);
  return bytes;
}

std::optional<frame_spec> read_frame(std::span<const std::uint8_t> frame) {
  label mark{};
  if (frame.size() < headers + sizeof mark) return std::nullopt;
  std::memcpy(&mark, &frame[headers], sizeof mark);
  if (mark.magic != magic) return std::nullopt;
  return frame_spec{.number = mark.number, .size = mark.size, .flow = mark.flow};
}

void swap_macs(std::vector<std::uint8_t>& frame) {
  std::swap_ranges(frame.begin(), frame.begin() + 6, frame.begin() + 6);
}

traffic_socket::traffic_socket(const interface& at) : buffer_(65536) {
  const netns_scope there(at.ns());
  fd_.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  const int on = 1, bytes = 128 << 20;
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(at.index());
  if (!fd_ || ::setsockopt(fd_.value(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0 ||
      ::setsockopt(fd_.value(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0 ||
      ::setsockopt(fd_.value(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0 ||
      ::bind(fd_.value(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw error(errno, "open a packet socket on {}", at.name());
}

bool traffic_socket::send(std::span<const std::uint8_t> frame) {
  return ::send(fd_.value(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
}

void traffic_socket::check_own_losses() {
  tpacket_stats lost{};
  socklen_t size = sizeof lost;
  if (::getsockopt(fd_.value(), SOL_PACKET, PACKET_STATISTICS, &lost, &size) != 0 || lost.tp_drops != 0)
    throw std::runtime_error("the receiving packet socket has lost frames itself");
}

std::span<const std::uint8_t> traffic_socket::receive(int ms) {
  for (;;) {
    const ssize_t n = ::recv(fd_.value(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n > 0) {
      const std::span<const std::uint8_t> frame(buffer_.data(), static_cast<std::size_t>(n));
      if (read_frame(frame)) return frame;
      continue;
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENETDOWN)
      throw error(errno, "receive a frame");
    pollfd waiting{.fd = fd_.value(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, ms) == 0) {
      check_own_losses();
      return {};
    }
  }
}

void arrivals::look_at(std::span<const std::uint8_t> frame) {
  const frame_spec spec = *read_frame(frame);
  auto expected = spec.size >= headers + sizeof(label) ? make_frame(spec) : std::vector<std::uint8_t>{};
  if (changed_ && !expected.empty()) changed_(expected);
  if (!std::equal(frame.begin(), frame.end(), expected.begin(), expected.end())) {
    ++found.corrupt;
    return;
  }
  if (seen_.size() <= spec.number) seen_.resize(spec.number + 1);
  if (last_of_flow_.size() <= spec.flow) last_of_flow_.resize(spec.flow + 1, -1);
  if (seen_[spec.number]) {
    ++found.duplicates;
    return;
  }
  seen_[spec.number] = true;
  if (last_of_flow_[spec.flow] > spec.number) ++found.reordered;
  last_of_flow_[spec.flow] = std::max<std::int64_t>(last_of_flow_[spec.flow], spec.number);
  ++found.received;
}

unsigned arrivals::take(int ms) {
  unsigned taken = 0;
  for (auto frame = at_.receive(ms); !frame.empty(); frame = at_.receive(0)) {
    look_at(frame);
    ++taken;
  }
  return taken;
}

unsigned arrivals::settle(int ms) {
  unsigned taken = 0;
  while (const unsigned n = take(ms)) taken += n;
  return taken;
}

passage pass(traffic_socket& from, traffic_socket& to, const passing& how) {
  arrivals came(to, how.changed);
  unsigned sent = 0, taken = 0;
  while (sent < how.count || taken < sent) {
    while (sent < how.count && sent - taken < how.window) {
      if (!from.send(how.spec(sent))) throw error(errno, "send frame {}", sent);
      ++sent;
    }
    const unsigned now = came.take(how.patience_ms);
    if (now == 0) break;
    taken += now;
  }
  came.settle(2);  // one too many would come now
  came.found.sent = sent;
  return came.found;
}

}  // namespace ringway::test
