// SPDX-License-Identifier: BSD-2-Clause
// The balancer's program, the reference program and an empty one, each behind the front program, by
// BPF_PROG_TEST_RUN.
#pragma once
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "setup.hpp"

namespace ringway::lb_bench {

enum class target { empty, ringway, reference };
inline constexpr std::array<target, 3> targets = {target::empty, target::ringway, target::reference};
const char* name_of(target t);

class kernel {
 public:
  /// The balancer's program on the world's tables. The reference gets the same VIPs, reals and ring, and room
  /// for as many flows; `reference` false: it is left out. Throws ringway::error.
  kernel(const world& w, const shape& s, bool reference = true);
  ~kernel();
  kernel(const kernel&) = delete;
  kernel& operator=(const kernel&) = delete;

  /// Nanoseconds a packet, front program included, over so many packets from flow 0 on.
  std::uint32_t time(target t, std::uint32_t packets);
  /// One packet of that flow: its XDP action; `packet()` is what became of it.
  std::uint32_t one(target t, std::uint32_t flow);
  std::span<const std::uint8_t> packet() const { return {out_.data(), out_size_}; }

 private:
  struct programs;
  void choose(target t);
  std::unique_ptr<programs> programs_;
  target chosen_ = target::empty;
  std::vector<std::uint8_t> in_, out_;
  std::size_t out_size_ = 0;
};

}  // namespace ringway::lb_bench
