// SPDX-License-Identifier: BSD-2-Clause
#include "verbs_frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ringway/lb_config.hpp>

#include "verbs_words.hpp"

namespace ringway::lb_app {
namespace {

using bytes = std::span<const std::uint8_t>;

unsigned get16(bytes b, std::size_t at) { return static_cast<unsigned>(b[at]) << 8 | b[at + 1]; }
unsigned get32(bytes b, std::size_t at) { return get16(b, at) << 16 | get16(b, at + 2); }

std::string mac_text(bytes b) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4], b[5]);
}

std::string address_text(bytes b) {
  ip_address a;
  a.family = b.size() == 4 ? 4 : 6;
  std::memcpy(a.words.data(), b.data(), b.size());
  return a.text();
}

/// The rest of the frame, a header a call.
class reader {
 public:
  reader(bytes frame, std::uint16_t gue_port) : left_(frame), gue_port_(gue_port) {}

  std::vector<std::string> run() {
    ethernet();
    if (!left_.empty()) lines_.push_back(fmt::format("{} bytes of data", left_.size()));
    return std::move(lines_);
  }

 private:
  bool has(std::size_t n, const char* what) {
    if (left_.size() >= n) return true;
    lines_.push_back(fmt::format("{}: cut off", what));
    return false;
  }
  void take(std::size_t n) { left_ = left_.subspan(std::min(n, left_.size())); }

  void ethernet();
  void by_type(unsigned type);
  void ipv4();
  void ipv6();
  void by_protocol(unsigned protocol);
  void tcp();
  void udp();
  void icmp(const char* name);

  bytes left_;
  std::uint16_t gue_port_;
  std::vector<std::string> lines_;
};

void reader::ethernet() {
  if (!has(14, "Ethernet")) return;
  unsigned type = get16(left_, 12);
  lines_.push_back(
      fmt::format("Ethernet {} -> {} type 0x{:04x}", mac_text(left_.subspan(6)), mac_text(left_), type));
  take(14);
  while (type == RW_ETH_8021Q || type == RW_ETH_8021AD) {
    if (!has(4, "VLAN")) return;
    const unsigned tci = get16(left_, 0);
    type = get16(left_, 2);
    lines_.push_back(fmt::format("VLAN {} priority {} type 0x{:04x}", tci & 0xfff, tci >> 13, type));
    take(4);
  }
  by_type(type);
}

void reader::by_type(unsigned type) {
  if (type == RW_ETH_IPV4) return ipv4();
  if (type == RW_ETH_IPV6) return ipv6();
}

void reader::ipv4() {
  if (!has(20, "IPv4")) return;
  const std::size_t header = (left_[0] & 15u) * 4;
  const unsigned protocol = left_[9], fragment = get16(left_, 6);
  lines_.push_back(fmt::format("IPv4 {} -> {} protocol {} ttl {} tos 0x{:02x} length {}{}",
                               address_text(left_.subspan(12, 4)), address_text(left_.subspan(16, 4)),
                               protocol, left_[8], left_[1], get16(left_, 2),
                               (fragment & RW_IPV4_DF) != 0 ? " DF" : ""));
  if (header < 20 || !has(header, "IPv4 options")) return;
  take(header);
  if ((fragment & 0x1fff) == 0) by_protocol(protocol);
}

void reader::ipv6() {
  if (!has(40, "IPv6")) return;
  const unsigned first = get32(left_, 0), next = left_[6];
  lines_.push_back(fmt::format("IPv6 {} -> {} next {} hop limit {} class 0x{:02x} flow 0x{:05x} payload {}",
                               address_text(left_.subspan(8, 16)), address_text(left_.subspan(24, 16)), next,
                               left_[7], first >> 20 & 0xff, first & 0xfffff, get16(left_, 4)));
  take(40);
  by_protocol(next);
}

void reader::by_protocol(unsigned protocol) {
  switch (protocol) {
    case RW_IP_TCP:
      return tcp();
    case RW_IP_UDP:
      return udp();
    case 4:  // in IP
      return ipv4();
    case 41:
      return ipv6();
    case RW_IP_ICMP:
      return icmp("ICMP");
    case RW_IP_ICMPV6:
      return icmp("ICMPv6");
    default:
      return;
  }
}

void reader::tcp() {
  if (!has(20, "TCP")) return;
  static constexpr const char* names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
  std::string flags;
  for (unsigned i = 0; i < std::size(names); ++i)
    if ((left_[13] >> i & 1) != 0) flags += (flags.empty() ? "" : ",") + std::string(names[i]);
  lines_.push_back(fmt::format("TCP {} -> {} [{}] seq {} ack {} checksum 0x{:04x}", get16(left_, 0),
                               get16(left_, 2), flags, get32(left_, 4), get32(left_, 8), get16(left_, 16)));
  take(std::max<std::size_t>(20, (left_[12] >> 4) * 4u));
}

void reader::udp() {
  if (!has(8, "UDP")) return;
  const unsigned to = get16(left_, 2);
  const bool gue = gue_port_ != 0 && to == gue_port_;
  lines_.push_back(fmt::format("UDP {} -> {}{} length {} checksum 0x{:04x}", get16(left_, 0), to,
                               gue ? " (GUE variant 1)" : "", get16(left_, 4), get16(left_, 6)));
  take(8);
  if (!gue) return;
  gue_port_ = 0;  // what is inside is the client's
  if (!has(1, "GUE")) return;
  if (left_[0] >> 4 == 4)
    ipv4();
  else if (left_[0] >> 4 == 6)
    ipv6();
}

void reader::icmp(const char* name) {
  if (!has(8, name)) return;
  lines_.push_back(fmt::format("{} type {} code {} checksum 0x{:04x} value {}", name, left_[0], left_[1],
                               get16(left_, 2), get32(left_, 4)));
  take(8);
}

}  // namespace

std::vector<std::string> headers_of(std::span<const std::uint8_t> frame, std::uint16_t gue_port) {
  return reader(frame, gue_port).run();
}

std::string hex_of(std::span<const std::uint8_t> all) {
  std::string hex;
  hex.reserve(all.size() * 2);
  for (const std::uint8_t b : all) hex += fmt::format("{:02x}", b);
  return hex;
}

}  // namespace ringway::lb_app
