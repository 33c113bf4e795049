// SPDX-License-Identifier: BSD-2-Clause
#include "lb_frames.hpp"

#include <algorithm>
#include <cstring>

#include "lb_world.hpp"

namespace ringway::test {
namespace {

void put16(std::vector<std::uint8_t>& to, std::uint32_t v) {
  to.push_back(static_cast<std::uint8_t>(v >> 8));
  to.push_back(static_cast<std::uint8_t>(v));
}
void put32(std::vector<std::uint8_t>& to, std::uint32_t v) { put16(to, v >> 16), put16(to, v); }
void patch16(std::vector<std::uint8_t>& in, std::size_t at, std::uint32_t v) {
  in[at] = static_cast<std::uint8_t>(v >> 8);
  in[at + 1] = static_cast<std::uint8_t>(v);
}
void put(std::vector<std::uint8_t>& to, const ip_address& a) {
  const auto* p = reinterpret_cast<const std::uint8_t*>(a.words.data());
  to.insert(to.end(), p, p + (a.family == 4 ? 4 : 16));
}
std::uint16_t complement(std::uint16_t sum) { return static_cast<std::uint16_t>(~sum); }

}  // namespace

lb_frames::lb_frames(std::uint64_t seed, std::vector<lb_vip> vips, lb_frame_options options)
    : rng_(seed), vips_(std::move(vips)), options_(options), other_(seed + 1) {}

ip_address lb_frames::client(std::uint8_t family, std::uint32_t n) {
  ip_address a;
  a.family = family;
  a.words = {RW_BE32(0xc0a80000 + n)};
  if (family == 6) a.words = {RW_BE32(0xfc000002), 0, 0, RW_BE32(n + 1)};
  return a;
}

void lb_frames::ethernet(std::uint16_t proto, bool broadcast) {
  out_.clear();
  if (broadcast && !rng_.one_in(4))
    out_.insert(out_.end(), 6, 0xff);
  else
    out_.insert(out_.end(), lb_mac.begin(), lb_mac.end());
  if (rng_.one_in(50)) out_[5] ^= 0x55;  // somebody else's
  for (const std::uint8_t b : {0x01, 0, 0x5e, 0x10, 0x20, 0x30}) out_.push_back(b);
  for (std::uint32_t tags = rng_.one_in(8) ? 1 + rng_.below(2) : 0; tags > 0; --tags)
    put16(out_, rng_.one_in(3) ? 0x88a8 : 0x8100), put16(out_, rng_.below(0x10000));
  put16(out_, proto);
}

void lb_frames::ipv4(const header& h, const bytes& payload) {
  const std::size_t at = out_.size();
  const std::uint32_t words = h.options ? 6 + rng_.below(10) : 5;
  put16(out_, 0x4000u | words << 8 | h.tos);
  put16(out_, static_cast<std::uint32_t>(4 * words + payload.size()));
  put16(out_, rng_.below(0x10000));
  put16(out_, h.frag);
  put16(out_, static_cast<std::uint32_t>(h.ttl) << 8 | h.proto);
  put16(out_, 0);
  put(out_, h.src), put(out_, h.dst);
  out_.resize(at + 4 * words, 1);  // no operation
  patch16(out_, at + 10, complement(plain_sum({out_.data() + at, 4 * words})));
  out_.insert(out_.end(), payload.begin(), payload.end());
}

void lb_frames::ipv6(const header& h, const bytes& payload) {
  const bool fragment = (h.frag & 0x3fff) != 0;
  bytes ext;
  if (h.options) ext = {h.proto, 0, 1, 4, 0, 0, 0, 0};
  if (fragment) {
    const bytes f = {h.options ? std::uint8_t{RW_IP_DSTOPTS} : h.proto, 0};
    bytes head(f);
    put16(head, static_cast<std::uint32_t>(h.frag & 0x1fff) << 3 | (h.frag >> 13 & 1));
    put32(head, static_cast<std::uint32_t>(rng_.next()));
    ext.insert(ext.begin(), head.begin(), head.end());
  }
  put32(out_, 6u << 28 | static_cast<std::uint32_t>(h.tos) << 20 | rng_.below(0x100000));
  put16(out_, static_cast<std::uint32_t>(ext.size() + payload.size()));
  out_.push_back(fragment ? RW_IP_FRAGMENT : h.options ? RW_IP_DSTOPTS : h.proto);
  out_.push_back(h.ttl);
  put(out_, h.src), put(out_, h.dst);
  out_.insert(out_.end(), ext.begin(), ext.end());
  out_.insert(out_.end(), payload.begin(), payload.end());
}

void lb_frames::ip(const header& h, const bytes& payload) {
  ethernet(h.dst.family == 4 ? RW_ETH_IPV4 : RW_ETH_IPV6, false);
  h.dst.family == 4 ? ipv4(h, payload) : ipv6(h, payload);
  if (rng_.one_in(10)) out_.resize(out_.size() + rng_.below(20));  // padding
}

lb_frames::header lb_frames::flow_header(const lb_vip& vip, std::uint32_t n) {
  header h;
  h.src = client(vip.address.family, n);
  h.dst = vip.address;
  h.proto = vip.protocol;
  if (rng_.one_in(30)) h.ttl = static_cast<std::uint8_t>(rng_.below(3));
  if (rng_.one_in(4)) h.tos = static_cast<std::uint8_t>(rng_.next());
  if (vip.address.family == 4 && rng_.one_in(2)) h.frag = RW_IPV4_DF;
  h.options = rng_.one_in(20);
  return h;
}

/// Fills the checksum at `field`, over the pseudo-header too (ICMP over IPv4: without).
void lb_frames::close(bytes& l4, const header& h, std::size_t field) const {
  bytes pseudo;
  if (h.proto != RW_IP_ICMP) {
    put(pseudo, h.src), put(pseudo, h.dst);
    put16(pseudo, h.proto), put16(pseudo, static_cast<std::uint32_t>(l4.size()));
  }
  const std::uint16_t sum = complement(plain_sum(l4, plain_sum(pseudo)));
  patch16(l4, field, sum == 0 && h.proto == RW_IP_UDP ? 0xffff : sum);
}

lb_frames::bytes lb_frames::segment(const lb_vip& vip, const header& h, std::uint32_t n, std::uint32_t size) {
  static constexpr std::uint8_t flags[] = {0x02, 0x02, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
                                           0x10, 0x10, 0x10, 0x18, 0x18, 0x18, 0x12, 0x11, 0x14};
  bytes l4;
  put16(l4, 1024 + n * 7 % 60000);
  std::uint32_t port = vip.port != 0 ? vip.port : 1 + n % 9;
  if (rng_.one_in(40)) port = 1 + rng_.below(65535);
  put16(l4, port);
  if (vip.protocol == RW_IP_TCP) {
    put32(l4, static_cast<std::uint32_t>(rng_.next())), put32(l4, static_cast<std::uint32_t>(rng_.next()));
    const std::uint32_t words = rng_.one_in(3) ? 5 + rng_.below(6) : 5;
    l4.push_back(static_cast<std::uint8_t>(words << 4));
    l4.push_back(rng_.pick(flags));
    put32(l4, 0x20000000), put16(l4, 0);
    l4.resize(4 * words, 1);
  } else {
    put16(l4, 8 + size), put16(l4, 0);
  }
  for (std::uint32_t i = 0; i < size; ++i) l4.push_back(static_cast<std::uint8_t>(rng_.next()));
  if (vip.protocol == RW_IP_TCP || !rng_.one_in(5)) close(l4, h, vip.protocol == RW_IP_TCP ? 16 : 6);
  return l4;
}

void lb_frames::traffic() {
  static constexpr std::uint32_t sizes[] = {0,    0,    1,    7,    64,   500,  1300, 1392,
                                            1411, 1420, 1432, 1440, 1452, 1460, 1480};
  const lb_vip& vip = any_vip();
  const std::uint32_t n = rng_.below(options_.clients);
  const header h = flow_header(vip, n);
  const std::uint32_t size = rng_.one_in(2) ? rng_.pick(sizes) + rng_.below(12) : rng_.below(200);
  ip(h, segment(vip, h, n, size));
}

void lb_frames::fragment() {
  const lb_vip& vip = any_vip();
  const std::uint32_t n = rng_.below(options_.clients);
  header h = flow_header(vip, n);
  h.frag = rng_.one_in(2) ? RW_IPV4_MF : static_cast<std::uint16_t>(1 + rng_.below(0x1fff));
  ip(h, segment(vip, h, n, rng_.below(100)));
}

void lb_frames::echo() {
  const lb_vip& vip = any_vip();
  header h = flow_header(vip, rng_.below(options_.clients));
  const bool v4 = h.dst.family == 4;
  h.proto = v4 ? RW_IP_ICMP : RW_IP_ICMPV6;
  if (rng_.one_in(20)) h.dst.words[3] ^= RW_BE32(0x80), h.dst.words[0] ^= v4 ? RW_BE32(0x80) : 0;
  static constexpr std::uint8_t types4[] = {8, 8, 8, 0, 13, 5}, types6[] = {128, 128, 128, 129, 133, 134};
  bytes l4{v4 ? rng_.pick(types4) : rng_.pick(types6), static_cast<std::uint8_t>(rng_.one_in(9)), 0, 0};
  for (std::uint32_t i = rng_.below(100); i > 0; --i) l4.push_back(static_cast<std::uint8_t>(rng_.next()));
  l4.resize(std::max<std::size_t>(l4.size(), 8));
  close(l4, h, 2);
  ip(h, l4);
}

/// An error about a packet that a real sent from the VIP to a client.
void lb_frames::icmp_error() {
  const lb_vip& vip = any_vip();
  const std::uint32_t n = rng_.below(options_.clients);
  const bool v4 = vip.address.family == 4;
  header inner = flow_header(vip, n);
  bytes quoted_l4 = segment(vip, inner, n, rng_.one_in(8) ? 1350 + rng_.below(100) : rng_.below(80));
  for (int i = 0; i < 2; ++i)
    std::swap(quoted_l4[static_cast<std::size_t>(i)], quoted_l4[static_cast<std::size_t>(i) + 2]);
  std::swap(inner.src, inner.dst);
  if (rng_.one_in(12)) inner.src.words[0] ^= RW_BE32(1);
  if (rng_.one_in(20)) inner.proto = static_cast<std::uint8_t>(rng_.next());
  out_.clear();
  v4 ? ipv4(inner, quoted_l4) : ipv6(inner, quoted_l4);
  bytes quoted = out_;
  if (rng_.one_in(2)) quoted.resize(std::min<std::size_t>(quoted.size(), (v4 ? 28 : 48) + rng_.below(20)));
  if (rng_.one_in(15)) quoted.resize(rng_.below(static_cast<std::uint32_t>(quoted.size())));
  static constexpr std::uint8_t types4[] = {3, 3, 3, 11, 12}, types6[] = {1, 2, 2, 3, 4};
  bytes l4{v4 ? rng_.pick(types4) : rng_.pick(types6), static_cast<std::uint8_t>(v4 ? 4 : 0), 0, 0};
  put32(l4, 1400);
  l4.insert(l4.end(), quoted.begin(), quoted.end());
  header h = flow_header(vip, 60000 + rng_.below(100));
  h.proto = v4 ? RW_IP_ICMP : RW_IP_ICMPV6;
  close(l4, h, 2);
  ip(h, l4);
}

void lb_frames::arp() {
  const lb_vip* vip = &any_vip();
  while (vip->address.family != 4) vip = &any_vip();
  ethernet(RW_ETH_ARP, true);
  put16(out_, rng_.one_in(20) ? 6 : 1), put16(out_, 0x0800), put16(out_, rng_.one_in(20) ? 0x0804 : 0x0604);
  put16(out_, rng_.one_in(10) ? 2 : 1);
  for (const std::uint8_t b : {0x01, 0, 0x5e, 0x10, 0x20, 0x30}) out_.push_back(b);
  ip_address target = vip->address;
  if (rng_.one_in(10)) target.words[0] ^= RW_BE32(0x40);
  put(out_, rng_.one_in(10) ? target : client(4, 7));
  out_.insert(out_.end(), 6, 0);
  put(out_, target);
  if (rng_.one_in(2)) out_.resize(60);
}

void lb_frames::solicitation() {
  const lb_vip* vip = &any_vip();
  while (vip->address.family != 6) vip = &any_vip();
  header h;
  h.src = client(6, 9);
  if (rng_.one_in(4)) h.src.words = {};
  h.proto = RW_IP_ICMPV6;
  h.ttl = rng_.one_in(10) ? 64 : 255;
  ip_address target = vip->address;
  if (rng_.one_in(10)) target.words[1] ^= 1;
  h.dst = target;
  h.dst.words = {RW_BE32(0xff020000), 0, RW_BE32(1), RW_BE32(0xff000000) | target.words[3]};
  bytes l4{135, static_cast<std::uint8_t>(rng_.one_in(20)), 0, 0, 0, 0, 0, 0};
  put(l4, target);
  for (std::uint32_t options = rng_.below(3); options > 0; --options)
    l4.insert(l4.end(), {1, 1, 1, 0, 0x5e, 0x10, 0x20, 0x30});
  close(l4, h, 2);
  ethernet(RW_ETH_IPV6, true);
  ipv6(h, l4);
}

/// Cuts the frame, or changes a byte of its headers.
void lb_frames::spoil() {
  const auto size = static_cast<std::uint32_t>(out_.size());
  if (rng_.one_in(2) && size > 14) {
    out_.resize(14 + rng_.below(size - 14));
    return;
  }
  for (std::uint32_t n = 1 + rng_.below(2); n > 0; --n)
    out_[12 + rng_.below(std::min<std::uint32_t>(size - 12, 80))] = static_cast<std::uint8_t>(rng_.next());
}

std::span<const std::uint8_t> lb_frames::next() {
  if (rng_.one_in(40)) return other_.next();
  const std::uint32_t kind = rng_.below(100);
  if (kind < 70)
    traffic();
  else if (kind < 76)
    fragment();
  else if (kind < 82)
    echo();
  else if (kind < 92)
    icmp_error();
  else if (kind < 96)
    arp();
  else
    solicitation();
  if (rng_.one_in(options_.odd_one_in)) spoil();
  if (out_.size() < 14) out_.resize(14);
  return out_;
}

}  // namespace ringway::test
