// SPDX-License-Identifier: BSD-2-Clause
// A forwarder between two veth pairs, in this process:   gen/g0 -- dut/d0   dut/d1 -- gen/g1
#pragma once
#include <ringway/forwarder.hpp>
#include <ringway/log.hpp>

#include "netns_guard.hpp"
#include "traffic.hpp"

namespace ringway::test {

struct dut_testbed {
  explicit dut_testbed(const veth_options& options = {});
  /// Two ports, small rings (256), spinning; what a test then changes.
  forwarder_config config() const;

  netns_guard gen{"gen"}, dut{"dut"};
};

/// Port 0 to port 1 and back, unchanged.
struct cross {
  void process(batch& b) noexcept {
    for (packet& p : b) p.out = b.ingress() ^ 1u;
  }
};
inline cross make_cross(unsigned) { return {}; }

/// All packets received, over all ports.
std::uint64_t received(const forwarder_stats& s);
std::uint64_t drops(const forwarder_stats& s, rw_reason reason);  ///< over all ports
std::uint64_t kernel_losses(const forwarder_stats& s);            ///< rx_dropped + rx_ring_full
/// Empty if every packet ended in one counter and every frame in one place; else what is wrong.
std::string imbalance(const forwarder_stats& s);

/// To compare a text with, so that a failing check shows it.
inline constexpr const char* nothing = "";

/// What the library logs while it lives.
class log_capture {
 public:
  log_capture();
  ~log_capture();
  log_capture(const log_capture&) = delete;
  log_capture& operator=(const log_capture&) = delete;
  /// The lines of at least this level, joined.
  std::string text(log_level least = log_level::debug) const;
};

}  // namespace ringway::test
