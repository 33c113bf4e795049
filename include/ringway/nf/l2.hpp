// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <algorithm>
#include <array>
#include <cassert>
#include <span>

#include "../core/l2.h"
#include "../network_function.hpp"

namespace ringway::nf {

inline constexpr int any_mode = -1;

/// Layer 2 forwarding in userspace: the kernel program's per-packet code, our batches. `Mode` is that of all
/// ports; any_mode: each port's own, looked at once a batch.
template <int Mode>
class basic_l2 {
 public:
  /// One for each ingress port, in the order of the ports.
  explicit basic_l2(std::span<const rw_l2> ports) noexcept {
    assert(ports.size() <= ports_.size());
    rw_l2 none{};  // mode io, to nowhere
    none.out = drop(RW_REASON_BAD_PORT);
    ports_.fill(none);
    std::copy(ports.begin(), ports.end(), ports_.begin());
  }

  void process(batch& b) noexcept {
    assert(b.ingress() < ports_.size());
    // A copy whose address nobody else has: what is written to packets cannot change it, so it stays in
    // registers, and the compiler makes a loop of its own for every mode.
    rw_l2 config = ports_[b.ingress()];
    if constexpr (Mode != any_mode) config.mode = Mode;
    for (packet& p : b) p.out = rw_l2_process(&config, p.data, p.end());
  }

 private:
  std::array<rw_l2, RW_PORTS_MAX> ports_;
};
using l2 = basic_l2<any_mode>;
template <rw_l2_mode Mode>
using l2_mode = basic_l2<Mode>;
static_assert(network_function<l2> && network_function<l2_mode<RW_L2_MACSWAP>>);

}  // namespace ringway::nf
