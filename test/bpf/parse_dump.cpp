// SPDX-License-Identifier: BSD-2-Clause
//
// What the native core makes of packets, for the Scapy oracle. One packet a line on stdin:
//     PACKET SRC4 SRC6 SPORT      all hex; the last three are what the probe rewrites to
// and a line of KEY=VALUE for each on stdout: all fields of rw_parsed, the sums, and the bytes after the
// probe's rewriting and after each l2 mode (verdict:bytes; mac writes 02:00:00:00:00:07 and
// 02:aa:bb:cc:dd:ee, to port 7).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "prog/probe.h"
#include "reference.hpp"
#include "ringway/core/l2.h"

namespace {

using namespace ringway::test;

constexpr std::array<const char*, RW_PARSE_OUTCOME_COUNT> outcome_names = {
#define RW_X(suffix, name, text) name,
    RW_PARSE_OUTCOMES(RW_X)
#undef RW_X
};

std::vector<std::uint8_t> from_hex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t b : bytes) {
    text += "0123456789abcdef"[b >> 4];
    text += "0123456789abcdef"[b & 15];
  }
  return text;
}

rw_l2 l2_config(int mode) {
  rw_l2 config{};
  config.port = 1;
  config.out = 7;
  config.mode = static_cast<std::uint8_t>(mode);
  const std::uint8_t dst[6] = {2, 0, 0, 0, 0, 7}, src[6] = {2, 0xaa, 0xbb, 0xcc, 0xdd, 0xee};
  std::copy(dst, dst + 6, config.dst);
  std::copy(src, src + 6, config.src);
  return config;
}

class dumper {
 public:
  std::string line(const std::vector<std::uint8_t>& packet, const rw_probe_input& input) {
    std::span<std::uint8_t> p = guarded_.copy(packet);
    rw_probe_result r{};
    rw_parse(&r.parsed, p.data(), p.data() + p.size(), static_cast<std::uint32_t>(p.size()));
    const rw_parsed parsed = r.parsed;
    rw_probe_sums(&input, &r, &parsed, p.data(), p.data() + p.size());
    std::string text = fmt::format(
        "outcome={} l3={} l4={} payload={} end={} proto3={} proto4={} tags={} tci={},{} ext={} flags={} "
        "sport={} "
        "dport={} icmp={},{}",
        outcome_names[parsed.outcome], parsed.l3, parsed.l4, parsed.payload, parsed.end, parsed.proto3,
        parsed.proto4, parsed.tags, RW_CPU16(parsed.tci[0]), RW_CPU16(parsed.tci[1]), parsed.ext,
        parsed.flags, RW_CPU16(parsed.sport), RW_CPU16(parsed.dport), parsed.icmp_type, parsed.icmp_code);
    if (r.has_ip_sum)
      text += fmt::format(" ip_sum={} ip_finish={}", RW_CPU16(r.ip_sum), RW_CPU16(r.ip_finish));
    if (r.has_l4_sum)
      text += fmt::format(" l4_sum={} udp_finish={}", RW_CPU16(r.l4_sum), RW_CPU16(r.udp_finish));
    text += fmt::format(" rewritten={}", hex(p));
    constexpr const char* modes[] = {"io", "mac", "macswap", "l2fwd", "rxonly"};
    for (int mode = 0; mode < RW_L2_MODES; ++mode) {
      p = guarded_.copy(packet);
      const rw_l2 config = l2_config(mode);
      const rw_verdict verdict = rw_l2_process(&config, p.data(), p.data() + p.size());
      text += fmt::format(" {}={}:{}", modes[mode], verdict, hex(p));
    }
    return text;
  }

 private:
  guarded_packet guarded_;
};

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  dumper dump;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string packet, src4, src6, sport;
    if (!(words >> packet >> src4 >> src6 >> sport) || src4.size() != 8 || src6.size() != 32 ||
        sport.size() != 4) {
      std::fputs("parse_dump: a line is PACKET SRC4 SRC6 SPORT, in hex; an empty packet is '-'\n", stderr);
      return 2;
    }
    rw_probe_input input{};
    std::memcpy(&input.src4, from_hex(src4).data(), 4);
    std::memcpy(input.src6, from_hex(src6).data(), 16);
    std::memcpy(&input.sport, from_hex(sport).data(), 2);
    std::cout << dump.line(packet == "-" ? std::vector<std::uint8_t>{} : from_hex(packet), input) << '\n';
  }
}
