// SPDX-License-Identifier: BSD-2-Clause
#include "options.hpp"

#include <algorithm>
#include <charconv>

namespace ringway::l2fwd {
namespace {

using app::option;

const std::vector<std::pair<std::string, rw_l2_mode>> modes = {{"io", RW_L2_IO},
                                                               {"mac", RW_L2_MAC},
                                                               {"macswap", RW_L2_MACSWAP},
                                                               {"l2fwd", RW_L2_L2FWD},
                                                               {"rxonly", RW_L2_RXONLY}};

mac_address parse_mac(std::string_view text) {
  mac_address mac{};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const std::string_view byte = text.substr(0, text.find(':'));
    const auto [end, err] = std::from_chars(byte.data(), byte.data() + byte.size(), mac[i], 16);
    const bool last = i + 1 == mac.size();
    if (err != std::errc{} || end != byte.data() + byte.size() || byte.size() > 2 ||
        last != (byte.size() == text.size()))
      throw usage_error("not an Ethernet address like 02:00:00:00:00:01");
    if (!last) text.remove_prefix(byte.size() + 1);
  }
  return mac;
}

}  // namespace

std::string_view to_string(rw_l2_mode mode) noexcept {
  for (const auto& [word, value] : modes)
    if (value == mode) return word;
  return "?";
}

std::string to_string(const eth_peer& peer) {
  std::string text = std::to_string(peer.port);
  for (std::size_t i = 0; i < peer.address.size(); ++i)
    text += fmt::format("{}{:02x}", i == 0 ? "," : ":", peer.address[i]);
  return text;
}

eth_peer parse_eth_peer(const std::string& text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos) throw usage_error("'{}' is not N,MAC", text);
  try {
    return {app::parse_number(text.substr(0, comma), 0, RW_PORTS_MAX - 1),
            parse_mac(std::string_view(text).substr(comma + 1))};
  } catch (const usage_error& e) {
    throw usage_error("'{}' is not N,MAC: {}", text, e.what());
  }
}

void add_options(app::option_table& table, options& o) {
  table.heading("Forwarding");
  table.choice(
      "mode", o.mode, modes,
      "what becomes of a packet: as it is, addresses set, addresses swapped, as DPDK's l2fwd, dropped");
  table.add({.name = "eth-peer",
             .placeholder = "N,MAC",
             .help = "who is behind port N, for --mode mac (may be repeated); else 02:00:00:00:00:N",
             .kind = app::value_kind::list,
             .set =
                 [&o](const option::texts& given) {
                   o.peers.clear();
                   for (const std::string& text : given) o.peers.push_back(parse_eth_peer(text));
                 },
             .show =
                 [&o] {
                   option::texts all;
                   for (const eth_peer& p : o.peers) all.push_back(to_string(p));
                   return all;
                 }});
  app::add_forwarder_options(table, o.common);
}

void check(const options& o) {
  for (std::size_t i = 0; i < o.peers.size(); ++i) {
    const eth_peer& p = o.peers[i];
    if (p.port >= o.common.ports.size())
      throw usage_error("--eth-peer {}: there is no port {}, the last one is {}", to_string(p), p.port,
                        o.common.ports.size() - 1);
    for (std::size_t k = 0; k < i; ++k)
      if (o.peers[k].port == p.port) throw usage_error("--eth-peer: port {} is given twice", p.port);
  }
}

std::vector<std::size_t> reflecting(const options& o) {
  std::vector<std::size_t> positions;
  const std::size_t count = o.common.ports.size();
  for (std::size_t i = 0; i < count && o.mode != RW_L2_RXONLY; ++i)
    if (egress_of(i, count) == i) positions.push_back(i);
  return positions;
}

std::vector<rw_l2> rules_of(const options& o, const std::vector<mac_address>& own) {
  std::vector<rw_l2> rules;
  for (std::size_t i = 0; i < own.size(); ++i) {
    rw_l2 rule{};
    rule.port = static_cast<std::uint16_t>(i);
    rule.out = egress_of(i, own.size());
    rule.mode = static_cast<std::uint8_t>(o.mode);
    mac_address to = {0x02, 0, 0, 0, 0, static_cast<std::uint8_t>(rule.out)};
    for (const eth_peer& p : o.peers)
      if (p.port == rule.out && o.mode == RW_L2_MAC) to = p.address;
    std::copy(to.begin(), to.end(), rule.dst);
    std::copy(own[rule.out].begin(), own[rule.out].end(), rule.src);
    rules.push_back(rule);
  }
  return rules;
}

}  // namespace ringway::l2fwd
