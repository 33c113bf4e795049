// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <memory>
#include <optional>
#include <ringway/interface.hpp>
#include <ringway/program.hpp>
#include <ringway/stats.hpp>
#include <string>
#include <vector>

namespace ringway {

struct xdp_port {
  interface where;
  int program_fd = -1;  ///< loaded, with this port's number in its .rodata
  /// Where its frames go, for the one case in which the kernel's counters do not tell. -1: paired in order (0
  /// with 1, 2 with 3, an odd last one with itself).
  int egress = -1;
};

struct xdp_datapath_config {
  std::vector<xdp_port> ports;  ///< their positions are the port numbers
  int devmap_fd = -1;           ///< `ports` of bpf/glue.h, shared by all programs
  int counters_fd = -1;         ///< `counters` of bpf/counters.h, likewise
  attach_mode attach = attach_mode::automatic;
  bool replace = false;
  bool promiscuous = true;
  bool trace = true;  ///< false: as if the tracepoints could not be attached
};

/// Forwarding in the kernel: our programs on all ports for as long as this lives, redirecting to each other.
/// No thread of ours is involved; what is left to do is to count.
///
/// Who counts the frames that are lost after the program has sent them: raw tracepoints, exactly. Where they
/// cannot be attached, or a port runs in generic mode, which bypasses some of them, the netdevs' own
/// counters, which contain other losses of the same devices too; note() says so.
class xdp_datapath {
 public:
  explicit xdp_datapath(const xdp_datapath_config& config);
  ~xdp_datapath();
  xdp_datapath(xdp_datapath&&) noexcept;
  xdp_datapath& operator=(xdp_datapath&&) noexcept;

  /// By port. Over all ports rx = tx + drops + passed once the traffic has stopped. TX_DEVICE and TX_REFUSED
  /// belong to the egress port and are taken off its tx_packets; tx_bytes stays what was handed over.
  std::vector<port_stats> snapshot() const;

  /// native or generic, by port, as read back from the kernel.
  const std::vector<attach_mode>& modes() const noexcept;
  /// Why the counters of transmit losses are not exact; empty: they are.
  const std::string& note() const noexcept;
  /// Takes the programs off the ports, so that the counters come to rest. snapshot() still works.
  void detach() noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway
