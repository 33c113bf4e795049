// SPDX-License-Identifier: BSD-2-Clause
// Layer 2: every mode, towards another port, back to its own, and with verdicts that no configuration should
// have.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "differential.hpp"
#include "l2fwd.skel.h"
#include "ringway/core/l2.h"

namespace ringway::test {
namespace {

constexpr std::array<const char*, RW_L2_MODES> mode_names = {"io", "mac", "macswap", "l2fwd", "rxonly"};
constexpr std::uint32_t present = 1u << 1 | 1u << 2;  // ports with a device
/// A frame longer than this reaches a program in several fragments: page, less headroom and the kernel's
/// tail.
constexpr std::size_t first_fragment_max = 4096 - 256 - 320;

struct variant {
  rw_l2 config;
  bool multi_buffer;
  std::string name;
  std::uint64_t packets;
};

rw_l2 config(std::uint8_t mode, std::uint16_t out) {
  rw_l2 c{};
  c.port = 1;
  c.out = out;
  c.mode = mode;
  const std::uint8_t dst[6] = {0x02, 0, 0, 0, 0, 2}, src[6] = {0x0a, 0x1b, 0x2c, 0x3d, 0x4e, 0x5f};
  std::copy(dst, dst + 6, c.dst);
  std::copy(src, src + 6, c.src);
  return c;
}

/// The variants, and how many packets each gets: most go to the ten that are in use.
std::vector<variant> variants(std::uint64_t packets) {
  // In range but not there, the first that is out of range, the last port; then what is not a port.
  static constexpr std::uint16_t odd[] = {0,
                                          7,
                                          31,
                                          32,
                                          RW_PORT_LAST,
                                          RW_PUNT,
                                          RW_TAKEN,
                                          RW_DROP_BASE,
                                          RW_DROP(RW_REASON_TABLE_MISS),
                                          RW_DROP(RW_REASON_LIB_SLOTS - 1),
                                          RW_DROP(RW_REASON_LIB_SLOTS),
                                          RW_DROP(RW_REASON_NF)};
  std::vector<variant> all;
  for (std::uint8_t mode = 0; mode < RW_L2_MODES; ++mode) {
    for (const std::uint16_t out : {std::uint16_t{2}, std::uint16_t{1}}) {
      all.push_back({config(mode, out), false, {}, packets * 8 / 100});
      all.push_back({config(mode, out), true, {}, packets * 1 / 100});
    }
    for (const std::uint16_t out : odd) all.push_back({config(mode, out), false, {}, packets / 10 / 60});
  }
  for (variant& v : all)
    v.name = fmt::format("l2 mode {} port 1 to {:#x}{}", mode_names[v.config.mode], v.config.out,
                         v.multi_buffer ? ", several fragments" : "");
  return all;
}

std::string outcome_name(const rw_l2& config, rw_verdict verdict) {
  if (verdict == config.port) return "tx";
  if (verdict <= RW_PORT_LAST) return verdict == 2 ? "redirect" : "bad_port";
  if (verdict == RW_PUNT) return "passed";
  return fmt::format("drop {}", verdict - RW_DROP_BASE);
}

/// The program as the loader configures it, or nothing when only the native side runs.
std::optional<bpf_program_file> load(const run_state& state, const variant& v) {
  if (state.network == nullptr) return std::nullopt;
  bpf_program_file program(state.options.objects + "/l2fwd.bpf.o", "rw_l2fwd");
  l2fwd::l2fwd__rodata constants{};
  constants.l2 = v.config;
  constants.multi_buffer = v.multi_buffer;
  program.set_constants(constants);
  if (v.multi_buffer) program.set_flags(BPF_F_XDP_HAS_FRAGS);
  program.load();
  for (std::uint32_t port = 1; port <= 2; ++port) {
    const std::uint32_t ifindex = state.network->ifindex(port);
    if (bpf_map_update_elem(program.map_fd("ports"), &port, &ifindex, 0) != 0)
      throw std::runtime_error("enter a port");
  }
  program.attach(state.network->ifindex(1));
  return program;
}

class l2_run {
 public:
  l2_run(run_state& state, const variant& v) : state_(state), v_(v), program_(load(state, v)) {
    if (program_) counters_.emplace(program_->map_fd("counters"));
  }

  void packet(std::span<const std::uint8_t> in, std::uint32_t queue) {
    const std::span<std::uint8_t> native = guarded_.copy(in);
    const std::size_t first = v_.multi_buffer ? std::min(in.size(), first_fragment_max) : in.size();
    const rw_verdict verdict = rw_l2_process(&v_.config, native.data(), native.data() + first);
    const std::uint32_t action = expected_action(expected_, 1, verdict, in.size(), present);
    ++state_.seen[fmt::format("l2 {} {}", mode_names[v_.config.mode], outcome_name(v_.config, verdict))];
    if (!program_) return;
    ++state_.packets;
    const std::uint32_t kernel = test_run(program_->fd(), in, {state_.network->ifindex(1), queue}, out_);
    if (kernel != action)
      return differs(fmt::format("action {} natively, {} in the kernel", action, kernel), in, native);
    if (!std::ranges::equal(out_, native)) return differs("bytes", in, native);
    const rw_counters& now = counters_->read();
    if (std::memcmp(&now, &expected_, sizeof(now)) != 0) {
      differs("counters: " + first_difference(now), in, native);
      expected_ = now;  // so that the next packet is judged on its own
    }
  }

 private:
  void differs(const std::string& what, std::span<const std::uint8_t> in,
               std::span<const std::uint8_t> native) {
    state_.differences.add(v_.name, what, in, native, out_);
    expected_ = counters_->read();
  }
  std::string first_difference(const rw_counters& now) const {
    const auto* a = reinterpret_cast<const std::uint64_t*>(&expected_);
    const auto* b = reinterpret_cast<const std::uint64_t*>(&now);
    constexpr std::size_t words = sizeof(rw_port_counters) / 8;
    for (std::size_t i = 0; i < sizeof(now) / 8; ++i)
      if (a[i] != b[i])
        return fmt::format("port {}, word {}: {} expected, {} in the kernel", i / words, i % words, a[i],
                           b[i]);
    return "equal";
  }

  run_state& state_;
  const variant& v_;
  std::optional<bpf_program_file> program_;
  std::optional<counters_reader> counters_;
  guarded_packet guarded_;
  rw_counters expected_{};
  std::vector<std::uint8_t> out_;
};

}  // namespace

void differ_l2(run_state& state) {
  packet_grammar grammar(state.options.seed);
  std::vector<std::uint8_t> longer;
  for (const variant& v : variants(state.options.packets)) {
    l2_run run(state, v);
    for (std::uint64_t i = 0; i < v.packets; ++i) {
      std::span<const std::uint8_t> in = grammar.next();
      if (v.multi_buffer && grammar.random().one_in(2)) {
        longer.assign(in.begin(), in.end());
        longer.resize(in.size() + grammar.random().below(9000));
        in = longer;
      }
      run.packet(in, grammar.random().below(private_network::queues));
    }
  }
}

}  // namespace ringway::test
