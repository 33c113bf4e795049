// SPDX-License-Identifier: BSD-2-Clause
#include <stamp.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <ringway/error.hpp>
#include <string_view>
#include <utility>

#include "traffic_parts.hpp"

namespace ringway::gen {
namespace {

constexpr std::pair<std::string_view, field> field_names[] = {
    {"src-mac", field::src_mac},   {"dst-mac", field::dst_mac}, {"vlan", field::vlan},
    {"src-ip", field::src_ip},     {"dst-ip", field::dst_ip},   {"src-port", field::src_port},
    {"dst-port", field::dst_port}, {"icmp-id", field::icmp_id}};

std::string_view name_of(field f) {
  return std::ranges::find(field_names, f, &std::pair<std::string_view, field>::second)->first;
}

field parse_field(std::string_view text) {
  for (const auto& [name, f] : field_names)
    if (name == text) return f;
  throw usage_error(
      "vary '{}': no such field; src-mac, dst-mac, vlan, src-ip, dst-ip, src-port, dst-port, icmp-id are "
      "there",
      text);
}

bool has(const traffic_options& o, field f) {
  const bool ports = o.carries == protocol::udp || o.carries == protocol::tcp_syn;
  switch (f) {
    case field::src_ip:
    case field::dst_ip:
      return o.carries != protocol::raw;
    case field::src_port:
    case field::dst_port:
      return ports;
    case field::icmp_id:
      return o.carries == protocol::icmp;
    default:
      return true;
  }
}

}  // namespace

double traffic_options::mean_size() const {
  return std::accumulate(sizes.begin(), sizes.end(), 0.0) / static_cast<double>(sizes.size());
}

std::uint32_t traffic_options::largest() const { return *std::ranges::max_element(sizes); }

bool traffic_options::tagged() const { return vlan.has_value() || std::ranges::count(vary, field::vlan) > 0; }

std::vector<field> parse_vary(const std::string& text) {
  std::vector<field> fields;
  std::string_view rest = text;
  for (;;) {
    const std::size_t comma = rest.find(',');
    const field f = parse_field(rest.substr(0, comma));
    if (std::ranges::count(fields, f) > 0)
      throw usage_error("vary '{}': {} is there twice", text, name_of(f));
    fields.push_back(f);
    if (comma == std::string_view::npos) return fields;
    rest.remove_prefix(comma + 1);
  }
}

flow_distribution parse_distribution(const std::string& text) {
  using kind = flow_distribution::kind;
  if (text == "rr") return {kind::round_robin, 1};
  if (text == "random") return {kind::random, 1};
  if (text == "zipf") return {kind::zipf, 1};
  double exponent = 0;
  const char* const end = text.data() + text.size();
  const bool zipf = text.starts_with("zipf:");
  if (zipf) {
    const auto [next, failure] = std::from_chars(text.data() + 5, end, exponent);
    if (failure == std::errc{} && next == end && exponent > 0 && exponent <= 10)
      return {kind::zipf, exponent};
  }
  throw usage_error("distribution '{}': rr, random, zipf or zipf:S with S above 0 and at most 10 are there",
                    text);
}

std::vector<field> varied(const traffic_options& o) {
  if (!o.vary.empty()) return o.vary;
  if (o.carries == protocol::raw) return {field::src_mac};
  if (o.carries == protocol::icmp) return {field::icmp_id, field::src_ip};
  return {field::src_port, field::src_ip};
}

unsigned bits_of(field f, bool ipv6) {
  switch (f) {
    case field::src_mac:
    case field::dst_mac:
      return 24;
    case field::vlan:
      return 11;
    case field::src_ip:
      return ipv6 ? 24 : 16;
    case field::dst_ip:
      return ipv6 ? 24 : 15;
    default:
      return 14;
  }
}

headers headers_of(const traffic_options& o) {
  headers h;
  h.ip = sizeof(rw_eth) + (o.tagged() ? sizeof(rw_vlan) : 0);
  h.l4 = h.ip;
  if (o.carries != protocol::raw) h.l4 += o.ipv6 ? sizeof(rw_ipv6) : sizeof(rw_ipv4);
  h.payload = h.l4;
  if (o.carries == protocol::udp) h.payload += sizeof(rw_udp);
  if (o.carries == protocol::tcp_syn) h.payload += sizeof(rw_tcp);
  if (o.carries == protocol::icmp) h.payload += sizeof(rw_icmp);
  return h;
}

std::uint32_t stamp_offset(const traffic_options& o) { return headers_of(o).payload; }

void examine(const traffic_options& o) {
  const auto [least, most] = std::ranges::minmax_element(o.sizes);
  const headers h = headers_of(o);
  const std::uint32_t need =
      std::max(RW_GEN_MIN, o.stamp ? h.payload + RW_STAMP_SIZE : (h.payload + 3) / 4 * 4);
  if (*least < need) throw usage_error("size {}: these frames have at least {} bytes (--size)", *least, need);
  if (*most > frame_max)
    throw usage_error("size {}: a frame has at most {} bytes (--size)", *most, frame_max);
  if (o.ipv6 && o.carries == protocol::raw) throw usage_error("--ipv6: raw frames carry no IP");
  unsigned bits = 0;
  for (const field f : varied(o)) {
    if (!has(o, f)) throw usage_error("vary: these frames have no {}", name_of(f));
    bits += bits_of(f, o.ipv6);
  }
  if (bits < 32 && std::uint64_t{o.flows} > std::uint64_t{1} << bits)
    throw usage_error("flows {}: the fields that vary have {} values; name more with --vary", o.flows,
                      1u << bits);
}

}  // namespace ringway::gen
