// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <gen.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quantity.hpp"

namespace ringway::gen {

enum class protocol { udp, tcp_syn, icmp, raw };

/// What flows differ by.
enum class field { src_mac, dst_mac, vlan, src_ip, dst_ip, src_port, dst_port, icmp_id };

/// Which flow's turn it is.
struct flow_distribution {
  enum class kind { round_robin, random, zipf } how = kind::round_robin;
  double exponent = 1;  ///< of Zipf's law
};

/// What the frames are.
struct traffic_options {
  std::vector<std::uint32_t> sizes = {RW_GEN_MIN};  ///< bytes without FCS, in this order
  protocol carries = protocol::udp;
  bool ipv6 = false;
  std::optional<std::uint32_t> vlan;  ///< the tag's id; varying it implies a tag
  std::uint32_t flows = 1;
  std::vector<field> vary;  ///< the first counts fastest; empty: as suits the protocol
  flow_distribution distribution;
  bool stamp = false;
  mac_address dst_mac{};
  std::optional<mac_address> src_mac;

  double mean_size() const;
  std::uint32_t largest() const;
  bool tagged() const;
};

/// "src-port,src-ip". Throws usage_error.
std::vector<field> parse_vary(const std::string& text);
/// "rr", "random", "zipf", "zipf:1.2". Throws usage_error.
flow_distribution parse_distribution(const std::string& text);

/// Where the stamp of these frames begins (struct rw_stamp), whether or not they have one.
std::uint32_t stamp_offset(const traffic_options& o);

/// Throws usage_error where sizes, fields and protocol do not go together.
void examine(const traffic_options& o);

/// What both engines make frames of (bpf/gen_frame.h). The addresses are of 198.18.0.0/15 and 2001:2::/48,
/// which RFC 2544 and RFC 5180 set aside for measurements; the destination port is 9, discard.
struct traffic {
  gen_traffic layout{};
  std::vector<std::byte> frame;          ///< of the first flow, of the largest size
  std::vector<std::uint32_t> quantiles;  ///< RW_GEN_CELLS + 1 of them, or none
};

traffic make_traffic(const traffic_options& o, const mac_address& port);

}  // namespace ringway::gen
