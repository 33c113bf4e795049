// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "interface.hpp"

namespace ringway {

/// Counts the frames of the XDP datapath that are lost after the program has said redirect or XDP_TX, by raw
/// tracepoints that go with the object. CAP_BPF, CAP_PERFMON.
///
/// Not an error: a tracepoint that cannot be attached is in missing(), and its losses are not counted.
class tx_trace {
 public:
  /// `devmap_fd` is the map that our programs redirect through; its key is the position in `ports`.
  tx_trace(const std::vector<interface>& ports, int devmap_fd);
  ~tx_trace();
  tx_trace(tx_trace&&) noexcept;
  tx_trace& operator=(tx_trace&&) noexcept;

  struct losses {
    std::uint64_t device = 0;   ///< lost in the egress device
    std::uint64_t refused = 0;  ///< never handed to it
  };
  /// By egress port, since the object was made.
  std::vector<losses> read() const;
  /// "xdp_bulk_tx: Permission denied"; empty: everything is counted.
  const std::vector<std::string>& missing() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway
