// SPDX-License-Identifier: BSD-2-Clause
#include "traffic.hpp"

#include <stamp.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "traffic_parts.hpp"

namespace ringway::gen {
namespace {

constexpr std::uint32_t first_source = 0xc6120001, destination = 0xc6130001;  // 198.18.0.1, 198.19.0.1
constexpr std::uint32_t ipv6_network = 0x20010002;                            // 2001:2::/48
constexpr std::uint16_t first_port = 49152, discard = 9;                      // dynamic ports (IANA)
constexpr std::uint16_t local_experiment = 0x88b5;                            // EtherType for raw frames
constexpr std::uint32_t first_vlan = 1;
constexpr std::uint8_t next_icmpv6 = 58, echo = 8, echo_v6 = 128, syn = 0x02;

std::uint32_t sum_of(const void* words, std::size_t bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes; i += 2) sum += rw_load16(static_cast<const std::byte*>(words) + i);
  return sum;
}

std::uint16_t fold(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

/// Lays out one kind of frame: the template first, then what of it varies.
class builder {
 public:
  builder(const traffic_options& o, const mac_address& port)
      : o_(o), at_(headers_of(o)), size_(o.largest()), port_(port) {
    made_.frame.resize(std::max<std::size_t>(size_, std::size_t{RW_GEN_WORDS} * 8));
  }

  traffic make() {
    ethernet();
    if (o_.carries != protocol::raw) {
      if (o_.ipv6)
        ipv6();
      else
        ipv4();
      l4();
    }
    sizes();
    fields();
    checksums();
    t().varies = what_varies();
    made_.frame.resize(size_);
    return std::move(made_);
  }

 private:
  std::uint32_t what_varies() {
    std::uint32_t what = 0;
    if (t().flows > 1) what |= RW_GEN_FLOW;
    if ((t().src_mac_mask | t().dst_mac_mask | t().vlan_mask) != 0) what |= RW_GEN_L2;
    if ((t().src_ip_mask | t().dst_ip_mask | t().ip_length_at) != 0) what |= RW_GEN_IP;
    if ((t().src_port_mask | t().dst_port_mask | t().l4_length_less) != 0) what |= RW_GEN_L4;
    if (t().stamp_at != 0) what |= RW_GEN_STAMP;
    return what;
  }

  std::byte* at(std::size_t offset) { return made_.frame.data() + offset; }
  gen_traffic& t() { return made_.layout; }

  void ethernet() {
    const mac_address& src = o_.src_mac ? *o_.src_mac : port_;
    rw_eth eth{};
    std::copy(o_.dst_mac.begin(), o_.dst_mac.end(), eth.dst);
    std::copy(src.begin(), src.end(), eth.src);
    const std::uint16_t proto =
        o_.carries == protocol::raw ? local_experiment : (o_.ipv6 ? RW_ETH_IPV6 : RW_ETH_IPV4);
    eth.proto = RW_BE16(proto);
    if (o_.tagged()) {
      const rw_vlan tag{RW_BE16(o_.vlan.value_or(first_vlan)), eth.proto};
      eth.proto = RW_BE16(RW_ETH_8021Q);
      std::memcpy(at(sizeof eth), &tag, sizeof tag);
    }
    std::memcpy(at(0), &eth, sizeof eth);
  }

  void ipv4() {
    rw_ipv4 ip{};
    ip.ver_ihl = 0x45;
    ip.len = RW_BE16(size_ - at_.ip);
    ip.frag = RW_BE16(RW_IPV4_DF);
    ip.ttl = 64;
    ip.proto = ip_protocol();
    ip.src = RW_BE32(first_source);
    ip.dst = RW_BE32(destination);
    std::memcpy(at(at_.ip), &ip, sizeof ip);
    t().ip_sum = sum_of(&ip, sizeof ip);
    pseudo_ = sum_of(&ip.src, 8) + RW_BE16(ip.proto) + RW_BE16(size_ - at_.l4);
  }

  void ipv6() {
    rw_ipv6 ip{};
    ip.ver_tc_flow = RW_BE32(0x60000000);
    ip.len = RW_BE16(size_ - at_.l4);
    ip.next = ip_protocol();
    ip.hop_limit = 64;
    ip.src[0] = ip.dst[0] = RW_BE32(ipv6_network);
    ip.dst[1] = RW_BE32(1);  // 2001:2:0:1::1
    ip.src[3] = ip.dst[3] = RW_BE32(1);
    std::memcpy(at(at_.ip), &ip, sizeof ip);
    pseudo_ = sum_of(&ip.src, 32) + RW_BE16(ip.next) + ip.len;
  }

  std::uint8_t ip_protocol() const {
    if (o_.carries == protocol::tcp_syn) return RW_IP_TCP;
    if (o_.carries == protocol::icmp) return o_.ipv6 ? next_icmpv6 : RW_IP_ICMP;
    return RW_IP_UDP;
  }

  void l4() {
    if (o_.carries == protocol::udp) {
      rw_udp udp{};
      udp.src = RW_BE16(first_port);
      udp.dst = RW_BE16(discard);
      udp.len = RW_BE16(size_ - at_.l4);
      std::memcpy(at(at_.l4), &udp, sizeof udp);
      check_at_ = o_.ipv6 ? at_.l4 + offsetof(rw_udp, check) : 0;  // over IPv4 it may be 0: none
    } else if (o_.carries == protocol::tcp_syn) {
      rw_tcp tcp{};
      tcp.src = RW_BE16(first_port);
      tcp.dst = RW_BE16(discard);
      tcp.offset = 5 << 4;
      tcp.flags = syn;
      tcp.window = RW_BE16(65535);
      std::memcpy(at(at_.l4), &tcp, sizeof tcp);
      check_at_ = at_.l4 + offsetof(rw_tcp, check);
    } else {
      rw_icmp icmp{};
      icmp.type = o_.ipv6 ? echo_v6 : echo;
      std::memcpy(at(at_.l4), &icmp, sizeof icmp);
      check_at_ = at_.l4 + offsetof(rw_icmp, check);
    }
    t().l4_addresses = o_.carries != protocol::icmp || o_.ipv6;
    t().l4_sum = sum_of(at(at_.l4), at_.payload - at_.l4) + (t().l4_addresses ? pseudo_ : 0);
  }

  /// What is the same in every frame stays in the template, and in the sums.
  void sizes() {
    const bool mixed = std::ranges::any_of(o_.sizes, [this](std::uint32_t s) { return s != size_; });
    t().size = size_;
    t().sizes = mixed ? static_cast<std::uint32_t>(o_.sizes.size()) : 1;
    for (std::size_t i = 0; i < o_.sizes.size(); ++i)
      t().size_of[i] = static_cast<std::uint16_t>(o_.sizes[i]);
    if (!mixed || o_.carries == protocol::raw) return;
    t().ip_length_at = at_.ip + (o_.ipv6 ? offsetof(rw_ipv6, len) : offsetof(rw_ipv4, len));
    t().ip_length_less = o_.ipv6 ? at_.l4 : at_.ip;
    if (!o_.ipv6) t().ip_sum -= RW_BE16(size_ - at_.ip);
    if (!t().l4_addresses) return;
    t().l4_length_less = at_.l4;
    t().l4_sum -= RW_BE16(size_ - at_.l4);
    if (o_.carries != protocol::udp) return;
    t().l4_length_at = at_.l4 + offsetof(rw_udp, len);
    t().l4_sum -= RW_BE16(size_ - at_.l4);
  }

  void fields() {
    unsigned shift = 0;
    for (const field f : varied(o_)) {
      if (shift >= 32 || (o_.flows - 1) >> shift == 0) break;  // the fields before tell all flows apart
      const unsigned bits = bits_of(f, o_.ipv6);
      vary(f, shift, (1u << bits) - 1);
      shift += bits;
    }
    t().flows = o_.flows;
    t().distribution = RW_GEN_ROUND_ROBIN;
    if (o_.flows <= 1) return;
    if (o_.distribution.how == flow_distribution::kind::random) t().distribution = RW_GEN_RANDOM;
    if (o_.distribution.how == flow_distribution::kind::zipf) t().distribution = RW_GEN_QUANTILES;
    if (t().distribution == RW_GEN_QUANTILES) made_.quantiles = zipf_quantiles();
  }

#define RW_SET_FIELD(name, where, from) \
  (t().name##_at = (where), t().name##_base = (from), t().name##_shift = shift, t().name##_mask = mask)
  void vary(field f, unsigned shift, std::uint32_t mask) {
    const std::uint32_t src = o_.ipv6 ? at_.ip + 20 : at_.ip + offsetof(rw_ipv4, src);
    const std::uint32_t dst = o_.ipv6 ? at_.ip + 36 : at_.ip + offsetof(rw_ipv4, dst);
    switch (f) {
      case field::src_mac:
        RW_SET_FIELD(src_mac, 9u, lower_mac(9));
        break;
      case field::dst_mac:
        RW_SET_FIELD(dst_mac, 3u, lower_mac(3));
        break;
      case field::vlan:
        RW_SET_FIELD(vlan, 14u, o_.vlan.value_or(first_vlan));
        break;
      case field::src_ip:
        RW_SET_FIELD(src_ip, src, o_.ipv6 ? 1 : first_source);
        forget(t().ip_sum, src, 4, !o_.ipv6);
        forget(t().l4_sum, src, 4, t().l4_addresses != 0);
        break;
      case field::dst_ip:
        RW_SET_FIELD(dst_ip, dst, o_.ipv6 ? 1 : destination);
        forget(t().ip_sum, dst, 4, !o_.ipv6);
        forget(t().l4_sum, dst, 4, t().l4_addresses != 0);
        break;
      case field::src_port:
        RW_SET_FIELD(src_port, at_.l4, first_port);
        forget(t().l4_sum, at_.l4, 2, true);
        break;
      case field::dst_port:
        RW_SET_FIELD(dst_port, at_.l4 + 2, discard);
        forget(t().l4_sum, at_.l4 + 2, 2, true);
        break;
      case field::icmp_id:
        RW_SET_FIELD(src_port, at_.l4 + offsetof(rw_icmp, rest), 0);
        break;
    }
  }
#undef RW_SET_FIELD

  /// Takes out of a sum what the program will add again, of each flow.
  void forget(std::uint32_t& sum, std::uint32_t offset, std::size_t bytes, bool counted) {
    if (counted) sum -= sum_of(at(offset), bytes);
  }

  std::uint32_t lower_mac(std::size_t offset) { return RW_CPU32(rw_load32(at(offset - 1))) & 0xffffff; }

  void checksums() {
    const bool ip_varies = t().src_ip_mask != 0 || t().dst_ip_mask != 0 || t().ip_length_at != 0;
    if (o_.stamp) t().stamp_at = at_.payload;
    t().head = std::max(RW_GEN_MIN, (at_.payload + 3) / 4 * 4);
    t().need = std::max(t().head, o_.stamp ? at_.payload + RW_STAMP_SIZE : 0);
    if (o_.carries == protocol::raw) return;
    if (!o_.ipv6) {
      const std::uint32_t check_at = at_.ip + offsetof(rw_ipv4, check);
      rw_store16(at(check_at), fold(sum_of(at(at_.ip), sizeof(rw_ipv4))));
      if (ip_varies) t().ip_check_at = check_at;
    }
    if (check_at_ == 0) return;
    const std::uint16_t check =
        fold(sum_of(at(at_.l4), at_.payload - at_.l4) + (t().l4_addresses ? pseudo_ : 0));
    rw_store16(at(check_at_), check != 0 ? check : 0xffff);
    const bool ports_vary = t().src_port_mask != 0 || t().dst_port_mask != 0;
    const bool pseudo_varies = t().l4_addresses != 0 && ip_varies;
    if (o_.stamp || ports_vary || pseudo_varies) t().l4_check_at = check_at_;
  }

  /// The inverse of the distribution at RW_GEN_CELLS + 1 equal steps: exact for flows that have more than a
  /// cell's share, evened out over the flows that share a cell.
  std::vector<std::uint32_t> zipf_quantiles() const {
    const auto weight = [this](std::uint32_t i) { return std::pow(i + 1.0, -o_.distribution.exponent); };
    double total = 0;
    for (std::uint32_t i = 0; i < o_.flows; ++i) total += weight(i);
    std::vector<std::uint32_t> table(RW_GEN_CELLS + 1);
    double below = 0;  // the share of all flows before this one
    std::uint32_t flow = 0;
    for (std::uint32_t cell = 0; cell < RW_GEN_CELLS; ++cell) {
      const double wanted = total * cell / RW_GEN_CELLS;
      while (flow + 1 < o_.flows && below + weight(flow) <= wanted) below += weight(flow++);
      const double part = std::min(1.0, (wanted - below) / weight(flow));
      table[cell] = static_cast<std::uint32_t>((flow + part) * 256);
    }
    table[RW_GEN_CELLS] = static_cast<std::uint32_t>(o_.flows * 256.0 - 1);
    return table;
  }

  const traffic_options& o_;
  headers at_;
  std::uint32_t size_;
  mac_address port_;
  std::uint32_t pseudo_ = 0;    // sum of the pseudo header
  std::uint32_t check_at_ = 0;  // of L4; 0: it has none
  traffic made_;
};

}  // namespace

traffic make_traffic(const traffic_options& o, const mac_address& port) { return builder(o, port).make(); }

}  // namespace ringway::gen
