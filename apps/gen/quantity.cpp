// SPDX-License-Identifier: BSD-2-Clause
#include "quantity.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <ringway/error.hpp>
#include <string_view>

namespace ringway::gen {
namespace {

// Above it the schedule would advance by less than ten nanoseconds a frame: no clock here is that fine.
constexpr double rate_limit = 100e6;

}  // namespace

double parse_rate(const std::string& text) {
  if (text == "max") return 0;
  std::string_view digits = text;
  double unit = 1;
  if (digits.ends_with('k') || digits.ends_with('K')) unit = 1e3;
  if (digits.ends_with('M')) unit = 1e6;
  if (unit != 1) digits.remove_suffix(1);
  double value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const double rate = value * unit;
  if (failure != std::errc{} || end != digits.data() + digits.size() || !(rate > 0) || !(rate <= rate_limit))
    throw usage_error(
        "rate '{}': packets per second are asked for, above 0 and at most 100M: 50000, 50k, 1.5M, max", text);
  return rate;
}

mac_address parse_mac(const std::string& text, bool unicast) {
  mac_address mac{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const auto [next, failure] = std::from_chars(at, end, mac[i], 16);
    const bool last = i + 1 == mac.size();
    if (failure != std::errc{} || next - at > 2 || (last ? next != end : next == end || *next != ':'))
      throw usage_error("MAC address '{}': six bytes are asked for, as in 02:00:00:00:00:01", text);
    at = next + (last ? 0 : 1);
  }
  if (unicast && (mac[0] & 1) != 0) throw usage_error("MAC address '{}' is a group's, not a station's", text);
  return mac;
}

std::string to_string(const mac_address& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4],
                     mac[5]);
}

}  // namespace ringway::gen
