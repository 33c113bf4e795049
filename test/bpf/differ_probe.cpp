// SPDX-License-Identifier: BSD-2-Clause
// Parser and checksums: what the kernel found against what the native core found, and both against sums taken
// word by word after every update.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "differential.hpp"
#include "parse_probe.skel.h"
#include "prog/probe.h"

namespace ringway::test {
namespace {

constexpr std::array<const char*, RW_PARSE_OUTCOME_COUNT> outcome_names = {
#define RW_X(suffix, name, text) name,
    RW_PARSE_OUTCOMES(RW_X)
#undef RW_X
};

/// New addresses and port; often of the values at which a careless update goes wrong.
rw_probe_input make_input(random_source& random) {
  static constexpr std::uint32_t words[] = {0, 0xffffffff, 0xffff, 0xffff0000, 0x0100007f};
  const auto word = [&random] {
    return random.one_in(4) ? random.pick(words) : static_cast<std::uint32_t>(random.next());
  };
  rw_probe_input in{};
  // Now and then the packet has more fragments than the one that can be seen.
  in.extra = random.one_in(8) ? random.below(3000) : 0;
  in.src4 = word();
  for (__be32& w : in.src6) w = word();
  in.sport = static_cast<std::uint16_t>(word());
  return in;
}

std::uint16_t big_endian(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

/// The sum of an L4 header with its data and pseudo-header, by plain_sum().
std::uint16_t plain_l4_sum(const rw_parsed& p, std::span<const std::uint8_t> packet) {
  const std::uint32_t len = p.end - p.l4;
  std::uint32_t start = 0;
  if (p.proto3 == RW_ETH_IPV6)
    start = plain_sum(packet.subspan(p.l3 + 8u, 32), p.proto4 + len);
  else if (p.proto4 != RW_IP_ICMP)
    start = plain_sum(packet.subspan(p.l3 + 12u, 8), p.proto4 + len);
  return plain_sum(packet.subspan(p.l4, len), start);
}

/// What is wrong with the native result, judged without csum.h; empty if nothing is.
std::string judge(const rw_probe_result& r, std::span<const std::uint8_t> before,
                  std::span<const std::uint8_t> after) {
  const rw_parsed& p = r.parsed;
  if (r.has_ip_sum != 0) {
    const std::size_t bytes = static_cast<std::size_t>(p.l4 - p.l3);
    if (plain_sum(before.subspan(p.l3, bytes)) != RW_CPU16(r.ip_sum)) return "IPv4 header sum";
    if (r.ip_check != 0 && r.ip_sum == 0xffff && plain_sum(after.subspan(p.l3, bytes)) != 0xffff)
      return "IPv4 header checksum after the update";
  }
  if (r.has_l4_sum == 0) return {};
  if (plain_l4_sum(p, before) != RW_CPU16(r.l4_sum)) return "L4 sum";
  // The UDP checksum 0 is none, and stays; a sum that was right must be right after the update.
  const std::size_t field = p.proto4 == RW_IP_TCP ? 16 : p.proto4 == RW_IP_UDP ? 6 : 2;
  const bool none = p.proto4 == RW_IP_UDP && big_endian(before, p.l4 + field) == 0;
  if (none != (p.proto4 == RW_IP_UDP && big_endian(after, p.l4 + field) == 0))
    return "UDP checksum, none or not";
  if (!none && r.l4_sum == 0xffff && plain_l4_sum(p, after) != 0xffff) return "L4 checksum after the update";
  return {};
}

class probe_run {
 public:
  explicit probe_run(run_state& state) : state_(state) {
    if (state.network == nullptr) return;
    program_.emplace(state.options.objects + "/parse_probe.bpf.o", "rw_parse_probe");
    program_->load();
    program_->attach(state.network->ifindex(1));
    auto* bss = static_cast<parse_probe::parse_probe__bss*>(program_->section(".bss"));
    input_ = &bss->input;
    result_ = &bss->result;
  }

  void packet(std::span<const std::uint8_t> in, const rw_probe_input& input) {
    const std::span<std::uint8_t> native = guarded_.copy(in);
    rw_probe_result r{};
    rw_parse(&r.parsed, native.data(), native.data() + native.size(),
             static_cast<std::uint32_t>(in.size()) + input.extra);
    const rw_parsed parsed = r.parsed;
    rw_probe_sums(&input, &r, &parsed, native.data(), native.data() + native.size());
    ++state_.seen[std::string("parse ") + outcome_names[r.parsed.outcome]];
    if (const std::string wrong = judge(r, in, native); !wrong.empty())
      state_.differences.add("parse and checksums, natively", wrong, in, native, native);
    if (!program_) return;
    ++state_.packets;
    *input_ = input;
    const std::uint32_t action = test_run(program_->fd(), in, {state_.network->ifindex(1), 0}, out_);
    if (action != XDP_PASS) return differs(fmt::format("action {}", action), in, native);
    if (std::memcmp(&r, result_, sizeof(r)) != 0) return differs(describe(r, *result_), in, native);
    if (!std::ranges::equal(out_, native)) differs("bytes", in, native);
  }

 private:
  void differs(const std::string& what, std::span<const std::uint8_t> in,
               std::span<const std::uint8_t> native) {
    state_.differences.add("parse and checksums", what, in, native, out_);
  }
  static std::string describe(const rw_probe_result& a, const rw_probe_result& b) {
    const auto text = [](const rw_probe_result& r) {
      const rw_parsed& p = r.parsed;
      const char* outcome = p.outcome < RW_PARSE_OUTCOME_COUNT ? outcome_names[p.outcome] : "?";
      return fmt::format(
          "{} l3 {} {:04x} l4 {} {} payload {} end {} tags {} ext {} flags {:02x} ports {:04x} {:04x} sums "
          "{:04x} "
          "{:04x} checks {:04x} {:04x}",
          outcome, p.l3, p.proto3, p.l4, p.proto4, p.payload, p.end, p.tags, p.ext, p.flags, p.sport, p.dport,
          r.ip_sum, r.l4_sum, r.ip_check, r.l4_check);
    };
    return fmt::format("result\n    native {}\n    kernel {}", text(a), text(b));
  }

  run_state& state_;
  std::optional<bpf_program_file> program_;
  rw_probe_input* input_ = nullptr;
  const rw_probe_result* result_ = nullptr;
  guarded_packet guarded_;
  std::vector<std::uint8_t> out_;
};

}  // namespace

void differ_probe(run_state& state) {
  packet_grammar grammar(state.options.seed + 1);
  probe_run run(state);
  for (std::uint64_t i = 0; i < state.options.packets; ++i) {
    const std::span<const std::uint8_t> in = grammar.next();
    run.packet(in, make_input(grammar.random()));
  }
}

}  // namespace ringway::test
