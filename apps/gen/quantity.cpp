// SPDX-License-Identifier: BSD-2-Clause
#include "quantity.hpp"

#include <gen.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <ringway/error.hpp>
#include <string_view>
#include <utility>

namespace ringway::gen {
namespace {

using unit = rate_text::unit;

struct suffix {
  std::string_view text;
  unit in;
  double factor;
};

// Longer ones first.
constexpr suffix suffixes[] = {{"kbit", unit::bits, 1e3}, {"Mbit", unit::bits, 1e6},
                               {"Gbit", unit::bits, 1e9}, {"k", unit::packets, 1e3},
                               {"K", unit::packets, 1e3}, {"M", unit::packets, 1e6},
                               {"%", unit::percent, 1}};

std::optional<double> number(std::string_view digits) {
  double value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::string_view without_trailing_spaces(std::string_view text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint32_t> natural(std::string_view digits) {
  std::uint32_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// RFC 6985, table 1, which counts the FCS; its letter z, "the MTU", depends on the port and is not taken.
constexpr std::pair<char, std::uint32_t> genome_letters[] = {{'a', 64},   {'b', 128},  {'c', 256},
                                                             {'d', 512},  {'e', 1024}, {'f', 1280},
                                                             {'g', 1518}, {'h', 2112}, {'i', 9000}};

std::uint32_t size_of_letter(char letter, const std::string& genome) {
  for (const auto& [known, bytes] : genome_letters)
    if (known == letter) return bytes - fcs_bytes;
  throw usage_error(
      "size '{}': '{}' is no letter of a genome (RFC 6985: a 64, b 128, c 256, d 512, e 1024, "
      "f 1280, g 1518, h 2112, i 9000 bytes with FCS)",
      genome, letter);
}

std::vector<std::uint32_t> genome(const std::string& text) {
  std::vector<std::uint32_t> sizes;
  for (const char letter : text) sizes.push_back(size_of_letter(letter, text));
  return sizes;
}

/// 7:4:1, the middle ones spread out.
std::vector<std::uint32_t> imix() {
  constexpr std::uint32_t small = 64 - fcs_bytes, middle = 570 - fcs_bytes, large = 1518 - fcs_bytes;
  return {small, middle, small, small, middle, small, small, middle, small, large, middle, small};
}

std::vector<std::uint32_t> list(const std::string& text) {
  std::vector<std::uint32_t> sizes;
  std::string_view rest = text;
  for (;;) {
    const std::size_t comma = rest.find(',');
    const auto bytes = natural(rest.substr(0, comma));
    if (!bytes)
      throw usage_error(
          "size '{}': bytes are asked for, as in 60 or 60,508,1514, or imix, or a genome (RFC 6985)", text);
    sizes.push_back(*bytes);
    if (comma == std::string_view::npos) return sizes;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

double rate_text::packets(double mean_size, double ceiling) const {
  double rate = value;
  if (in == unit::bits) rate = value / (8 * (mean_size + fcs_bytes));
  if (in == unit::percent) {
    if (ceiling <= 0) throw usage_error("rate {}%: of what? --ceiling PPS says what 100 % is", value);
    rate = value / 100 * ceiling;
  }
  if (rate > rate_limit)
    throw usage_error("rate: {:.0f} packets per second are asked for; at most 100M can be", rate);
  return rate;
}

rate_text parse_rate(const std::string& text) {
  if (text == "max") return {unit::max, 0};
  rate_text rate;
  std::string_view digits = text;
  double factor = 1;
  for (const suffix& s : suffixes) {
    if (!digits.ends_with(s.text)) continue;
    digits.remove_suffix(s.text.size());
    rate.in = s.in;
    factor = s.factor;
    break;
  }
  const auto value = number(without_trailing_spaces(digits));
  if (value) rate.value = *value * factor;
  const bool too_much = rate.in == unit::packets && rate.value > rate_limit;
  if (!value || !(rate.value > 0) || !std::isfinite(rate.value) || too_much) {
    throw usage_error(
        "rate '{}': packets per second are asked for, above 0 and at most 100M: 50000, 50k, 1.5M, max; "
        "or bits, as in 200 Mbit; or 75% (of --ceiling)",
        text);
  }
  return rate;
}

double parse_ceiling(const std::string& text) {
  const rate_text rate = parse_rate(text);
  if (rate.in != unit::packets) throw usage_error("ceiling '{}': packets per second are asked for", text);
  return rate.value;
}

std::vector<std::uint32_t> parse_sizes(const std::string& text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::vector<std::uint32_t> sizes;
  if (text == "imix") {
    sizes = imix();
  } else if (!text.empty() && std::ranges::all_of(text, is_letter)) {
    sizes = genome(text);
  } else {
    sizes = list(text);
  }
  if (sizes.size() > RW_GEN_SIZES)
    throw usage_error("size: a mix of {} frames is asked for; it has at most {}", sizes.size(), RW_GEN_SIZES);
  return sizes;
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

}  // namespace ringway::gen
