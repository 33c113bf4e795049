// SPDX-License-Identifier: BSD-2-Clause
#include "packet_grammar.hpp"

#include <algorithm>

namespace ringway::test {
namespace {

constexpr std::uint32_t hop_by_hop = 0, icmp4 = 1, tcp_proto = 6, udp_proto = 17, routing = 43, fragment = 44,
                        auth = 51, icmp6 = 58, destination = 60;

std::uint64_t rotl(std::uint64_t x, int k) noexcept { return (x << k) | (x >> (64 - k)); }

}  // namespace

random_source::random_source(std::uint64_t seed) noexcept {
  for (std::uint64_t& s : state_) {
    std::uint64_t z = seed += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    s = z ^ (z >> 31);
  }
}

std::uint64_t random_source::next() noexcept {
  const std::uint64_t result = rotl(state_[1] * 5, 7) * 9, t = state_[1] << 17;
  state_[2] ^= state_[0], state_[3] ^= state_[1], state_[1] ^= state_[2], state_[0] ^= state_[3];
  state_[2] ^= t, state_[3] = rotl(state_[3], 45);
  return result;
}

std::uint16_t plain_sum(std::span<const std::uint8_t> bytes, std::uint32_t start) noexcept {
  std::uint32_t sum = start;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8) + (i + 1 < bytes.size() ? bytes[i + 1] : 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

std::span<const std::uint8_t> packet_grammar::next() {
  if (cut_at_ < cutting_.size()) {
    kind_ = "cut";
    return {cutting_.data(), cut_at_++};
  }
  if (made_count_ >= made_.size() && rng_.one_in(2)) {
    kind_ = "mutated";
    mutate();
  } else {
    kind_ = "built";
    out_.clear();
    build();
    made_[made_count_++ % made_.size()] = out_;
  }
  if (out_.size() > options_.max_size) out_.resize(options_.max_size);
  if (out_.size() < options_.min_size) out_.resize(options_.min_size);
  // Each gives up to hundreds of cuts: more often, and they would crowd out all else.
  if (rng_.one_in(600) && out_.size() <= 400) cutting_ = out_, cut_at_ = options_.min_size;
  return out_;
}

void packet_grammar::build() {
  switch (ethernet()) {
    case 0x0800:
      ipv4();
      break;
    case 0x86dd:
      ipv6();
      break;
    default:
      put_random(rng_.below(64));
  }
  if (rng_.one_in(4)) put_random(rng_.below(20));  // padding that no length covers
}

/// A length, or once in `one_in` times something else that a sender might claim.
std::uint32_t packet_grammar::lie(std::uint32_t truth, std::uint32_t one_in) {
  if (!rng_.one_in(one_in)) return truth;
  const std::uint32_t lies[] = {
      0,      1,      truth - 1, truth + 1, truth / 2, truth + 8, truth * 2,        7, 8, 19, 20, 21, 39, 40,
      0x7fff, 0x8000, 0xfffe,    0xffff,    truth - 2, truth + 4, rng_.below(65536)};
  return rng_.pick(lies) & 0xffff;
}

std::uint32_t packet_grammar::ethernet() {
  static constexpr std::uint32_t others[] = {0x0806, 0x0000, 0x05dc, 0x05ff, 0x0600, 0x07ff, 0x0801, 0x86dc,
                                             0x86de, 0x8847, 0x88cc, 0x8101, 0x88a7, 0x9100, 0x0008, 0xdd86};
  static constexpr std::uint32_t tag_counts[] = {0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4};
  if (rng_.one_in(16))
    for (int i = 0; i < 6; ++i) put8(0xff);  // broadcast
  else
    put_random(6);
  put_random(6);
  for (std::uint32_t i = rng_.pick(tag_counts); i > 0; --i) {
    put16(rng_.one_in(2) ? 0x8100 : 0x88a8);
    put16(static_cast<std::uint32_t>(rng_.next()));
  }
  const std::uint32_t kind = rng_.below(20);
  const std::uint32_t proto = kind < 9 ? 0x0800 : kind < 18 ? 0x86dd : rng_.pick(others);
  put16(proto);
  // Once in a while the other version under this EtherType.
  return rng_.one_in(32) ? proto ^ 0x0800 ^ 0x86dd : proto;
}

void packet_grammar::ipv4() {
  static constexpr std::uint32_t protos[] = {
      tcp_proto, tcp_proto, udp_proto, udp_proto, udp_proto, icmp4, icmp4, icmp6, 0, 41, 50, 132, 255};
  static constexpr std::uint32_t frags[] = {0x2000, 0x4000, 0x0001, 0x1fff, 0x3fff,
                                            0x2001, 0x8000, 0x6000, 0xffff};
  const std::size_t l3 = out_.size();
  const std::uint32_t words = rng_.one_in(4) ? 5 + rng_.below(11) : 5;
  const std::uint32_t said = rng_.one_in(16) ? rng_.below(16) : words;
  const std::uint32_t proto = rng_.pick(protos), frag = rng_.one_in(4) ? rng_.pick(frags) : 0;
  put8((rng_.one_in(40) ? rng_.below(16) : 4) << 4 | said);
  put8(rng_.below(256)), put16(0), put16(rng_.below(65536)), put16(frag);
  put8(rng_.one_in(8) ? rng_.below(3) : 64), put8(proto), put16(0);
  put_random(8 + 4 * (words - 5));
  const std::size_t l4 = out_.size();
  transport(proto, false, l3);
  patch16(l3 + 2, lie(static_cast<std::uint32_t>(out_.size() - l3), 8));
  const std::uint32_t sum = plain_sum({out_.data() + l3, l4 - l3});
  patch16(l3 + 10, rng_.one_in(16) ? rng_.below(65536) : ~sum);
  transport_checksum(proto, false, l3, l4);
}

void packet_grammar::ipv6() {
  const std::size_t l3 = out_.size();
  put32((rng_.one_in(40) ? rng_.below(16) : 6u) << 28 | rng_.below(1u << 28));
  put16(0), put8(59), put8(rng_.one_in(8) ? rng_.below(3) : 64);
  put_random(32);
  const std::uint32_t proto = extension_headers(l3 + 6);
  const std::size_t l4 = out_.size();
  transport(proto, true, l3);
  patch16(l3 + 4, lie(static_cast<std::uint32_t>(out_.size() - l3 - 40), 8));
  transport_checksum(proto, true, l3, l4);
}

/// Zero to ten of them, then the protocol; `next_at` is where the first one's number goes.
std::uint32_t packet_grammar::extension_headers(std::size_t next_at) {
  static constexpr std::uint32_t kinds[] = {hop_by_hop, routing, destination, destination, auth, fragment};
  static constexpr std::uint32_t protos[] = {tcp_proto, tcp_proto, udp_proto, udp_proto, udp_proto, icmp6,
                                             icmp6,     icmp4,     59,        50,        41,        135};
  static constexpr std::uint32_t counts[] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 7, 8, 8, 9, 10};
  static constexpr std::uint32_t fragments[] = {0x0000, 0x0001, 0x0001, 0x0008,
                                                0x0009, 0xfff8, 0xffff, 0x0006};
  // With a fragment header whose offset is not 0 the chain ends, so a long chain has none.
  const std::uint32_t count = rng_.pick(counts), choice = count > 4 && !rng_.one_in(4) ? 5 : 6;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t kind = kinds[rng_.below(choice)];
    out_[next_at] = static_cast<std::uint8_t>(kind);
    next_at = out_.size();
    put8(59);
    const std::uint32_t units = rng_.one_in(4) ? 1 + rng_.below(3) : 0;  // of 8 bytes, beyond the first
    if (kind == fragment) {
      put8(rng_.below(256)), put16(rng_.pick(fragments)), put32(rng_.below(65536));
      continue;
    }
    const std::uint32_t len = kind == auth ? 2 * units + 1 : units;  // AH counts words of 4, less 2
    put8(rng_.one_in(24) ? rng_.below(256) : len);
    put_random(kind == auth ? 10 + 8 * units : 6 + 8 * units);
  }
  const std::uint32_t proto = rng_.pick(protos);
  out_[next_at] = static_cast<std::uint8_t>(proto);
  return proto;
}

void packet_grammar::transport(std::uint32_t proto, bool v6, std::size_t) {
  if (proto == tcp_proto)
    tcp();
  else if (proto == udp_proto)
    udp();
  else if (proto == (v6 ? icmp6 : icmp4))
    icmp();
  else
    payload();
}

void packet_grammar::tcp() {
  const std::uint32_t words = rng_.one_in(3) ? 5 + rng_.below(11) : 5;
  if (rng_.one_in(32)) return put_random(rng_.below(20));  // ends within its fixed part
  put_random(12);
  put8((rng_.one_in(8) ? rng_.below(16) : words) << 4), put8(rng_.below(256));
  put_random(2), put16(0), put16(0);
  put_random(4 * (words - 5));
  payload();
}

void packet_grammar::udp() {
  if (rng_.one_in(32)) return put_random(rng_.below(8));
  const std::size_t at = out_.size();
  put_random(4), put16(0), put16(0);
  payload();
  patch16(at + 4, lie(static_cast<std::uint32_t>(out_.size() - at), 6));
}

void packet_grammar::icmp() {
  if (rng_.one_in(16)) return put_random(rng_.below(8));
  put8(rng_.one_in(2) ? 8 : rng_.below(256)), put8(rng_.below(3)), put16(0), put_random(4);
  payload();
}

void packet_grammar::payload() {
  put_random(rng_.one_in(8) ? rng_.below(1400) : rng_.one_in(4) ? 0 : rng_.below(40));
}

/// Right in most packets; 0 (none, for UDP) or wrong in some; and in some the payload is made such that the
/// sum comes to one of the two zeros.
void packet_grammar::transport_checksum(std::uint32_t proto, bool v6, std::size_t l3, std::size_t l4) {
  const std::size_t len = out_.size() - l4, field = proto == tcp_proto ? 16 : proto == udp_proto ? 6 : 2;
  const bool is_icmp = proto == (v6 ? icmp6 : icmp4);
  if ((proto != tcp_proto && proto != udp_proto && !is_icmp) || len < field + 2) return;
  if (rng_.one_in(12)) return patch16(l4 + field, rng_.one_in(2) ? 0 : rng_.below(65536));
  std::uint32_t start = 0;
  if (v6 || !is_icmp) {
    const std::size_t from = v6 ? l3 + 8 : l3 + 12, bytes = v6 ? 32 : 8;
    start = plain_sum({out_.data() + from, bytes}, proto + static_cast<std::uint32_t>(len));
  }
  patch16(l4 + field, 0);
  std::uint32_t sum = plain_sum({out_.data() + l4, len}, start);
  if (len >= field + 8 && len % 2 == 0 && rng_.one_in(8)) {
    const std::size_t last = out_.size() - 2;
    const std::uint32_t without = plain_sum({out_.data() + l4, len - 2}, start);
    patch16(last, ~without & 0xffff);
    sum = 0xffff;
  }
  sum = ~sum & 0xffff;
  patch16(l4 + field, proto == udp_proto && sum == 0 ? 0xffff : sum);
}

void packet_grammar::mutate() {
  out_ = made_[rng_.below(static_cast<std::uint32_t>(made_.size()))];
  for (std::uint32_t n = 1 + rng_.below(3); n > 0 && !out_.empty(); --n) mutate_once();
}

void packet_grammar::mutate_once() {
  static constexpr std::uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, 0x45, 0x60, 4, 6, 17, 44, 51, 58, 59};
  // Most headers lie in the first 90 bytes; the data after them decides nothing.
  const std::uint32_t size = static_cast<std::uint32_t>(out_.size());
  const std::uint32_t at = rng_.below(rng_.one_in(4) ? size : std::min(size, 90u));
  switch (rng_.below(7)) {
    case 0:
      out_[at] = static_cast<std::uint8_t>(out_[at] ^ 1u << rng_.below(8));
      break;
    case 1:
      out_[at] = rng_.pick(values);
      break;
    case 2:
      out_[at] = static_cast<std::uint8_t>(out_[at] + (rng_.one_in(2) ? 1 : 255));
      break;
    case 3:
      out_.resize(at);
      break;
    case 4:
      put_random(1 + rng_.below(64));
      break;
    case 5:
      out_.erase(out_.begin() + at, out_.begin() + std::min(at + 1 + rng_.below(8), size));
      break;
    default: {
      const std::vector<std::uint8_t> again(out_.begin() + at,
                                            out_.begin() + std::min(at + 1 + rng_.below(16), size));
      out_.insert(out_.begin() + at, again.begin(), again.end());
    }
  }
}

void packet_grammar::put_random(std::uint32_t n) {
  for (; n >= 8; n -= 8) {
    const std::uint64_t v = rng_.next();
    for (int i = 0; i < 64; i += 8) put8(static_cast<std::uint32_t>(v >> i & 0xff));
  }
  for (; n > 0; --n) put8(rng_.below(256));
}

void packet_grammar::patch16(std::size_t at, std::uint32_t v) {
  out_[at] = static_cast<std::uint8_t>(v >> 8 & 0xff);
  out_[at + 1] = static_cast<std::uint8_t>(v & 0xff);
}

}  // namespace ringway::test
