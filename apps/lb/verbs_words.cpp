// SPDX-License-Identifier: BSD-2-Clause
#include "verbs_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ringway/error.hpp>

#include "ringway/core/conn_table.h"

namespace ringway::lb_app {
namespace {

constexpr std::array<const char*, RW_METHOD_COUNT> methods = {"l2", "ipip", "gue"};
constexpr std::array<const char*, RW_FLOW_HASH_COUNT> hashes = {
#define RW_X(suffix, name, text) name,
    RW_FLOW_HASHES(RW_X)
#undef RW_X
};
constexpr std::array<const char*, RW_CONN_STATE_COUNT> states = {"free", "claimed", "half_open",
                                                                 "established", "closing"};

std::uint16_t parse_port(std::string_view text, std::string_view whole) {
  std::uint16_t port = 0;
  const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || why != std::errc() || end != text.data() + text.size())
    throw usage_error("'{}' has no port from 0 to 65535 at its end", whole);
  return port;
}

template <class Names>
std::string word_at(const Names& names, std::size_t i) {
  return i < names.size() ? names[i] : std::to_string(i);
}

}  // namespace

endpoint parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    throw usage_error("'{}' is not ADDRESS:PORT or [ADDRESS]:PORT", text);
  std::string_view address = text.substr(0, colon);
  const bool brackets = address.front() == '[' && address.back() == ']';
  if (brackets) address = address.substr(1, address.size() - 2);
  if (!brackets && address.find(':') != std::string_view::npos)
    throw usage_error("'{}' is not ADDRESS:PORT or [ADDRESS]:PORT", text);
  endpoint e{ip_address::parse(address), parse_port(text.substr(colon + 1), text)};
  if (brackets != (e.address.family == 6)) throw usage_error("'{}': only IPv6 stands in brackets", text);
  return e;
}

std::string endpoint_text(const ip_address& address, std::uint16_t port) {
  return fmt::format(fmt::runtime(address.family == 6 ? "[{}]:{}" : "{}:{}"), address.text(), port);
}

std::string service_text(const lb_vip& vip) {
  return fmt::format(fmt::runtime(vip.address.family == 6 ? "[{}]:{}/{}" : "{}:{}/{}"), vip.address.text(),
                     vip.port == 0 ? "any" : std::to_string(vip.port), protocol_word(vip.protocol));
}

std::uint8_t protocol_of(std::string_view word) {
  if (word == "tcp") return RW_IP_TCP;
  if (word == "udp") return RW_IP_UDP;
  throw usage_error("'{}' is not tcp or udp", word);
}

rw_lb_method method_of(std::string_view word) {
  const auto at = std::find(methods.begin(), methods.end(), word);
  if (at == methods.end()) throw usage_error("'{}' is not l2, ipip or gue", word);
  return static_cast<rw_lb_method>(at - methods.begin());
}

std::string protocol_word(std::uint8_t protocol) {
  if (protocol == RW_IP_TCP) return "tcp";
  if (protocol == RW_IP_UDP) return "udp";
  return std::to_string(protocol);
}

std::string method_word(std::uint8_t method) { return word_at(methods, method); }
std::string hash_word(std::uint8_t mode) { return word_at(hashes, mode); }
std::string connection_word(std::uint8_t state) { return word_at(states, state); }

unsigned overhead_of(const lb_destination& to) {
  if (to.method == RW_METHOD_L2) return 0;
  return (to.address.family == 4 ? 20 : 40) + (to.method == RW_METHOD_GUE ? 8 : 0);
}

}  // namespace ringway::lb_app
