// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <ringway/core/l2.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "../common/forwarder_options.hpp"
#include "../common/option_table.hpp"

namespace ringway::l2fwd {

using mac_address = std::array<std::uint8_t, 6>;

struct eth_peer {
  std::uint32_t port;
  mac_address address;
};

struct options {
  rw_l2_mode mode = RW_L2_IO;  // as testpmd
  std::vector<eth_peer> peers;
  app::forwarder_options common;
};

void add_options(app::option_table& table, options& o);
/// What the options say together. Throws usage_error.
void check(const options& o);

std::string_view to_string(rw_l2_mode mode) noexcept;

/// "0,02:00:00:00:00:01". Throws usage_error.
eth_peer parse_eth_peer(const std::string& text);
std::string to_string(const eth_peer& peer);

/// Where the packets of port `index` of `count` go: ports are paired in order, an odd last one with itself.
constexpr std::uint16_t egress_of(std::size_t index, std::size_t count) noexcept {
  const std::size_t partner = index ^ 1U;
  return static_cast<std::uint16_t>(partner < count ? partner : index);
}

/// Positions of the ports that send back what they receive.
std::vector<std::size_t> reflecting(const options& o);

/// What becomes of the packets of each port; `own` are the ports' addresses.
std::vector<rw_l2> rules_of(const options& o, const std::vector<mac_address>& own);

}  // namespace ringway::l2fwd
