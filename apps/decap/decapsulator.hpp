// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <ringway/core/decap.h>

#include <cstdint>
#include <memory>
#include <ringway/interface.hpp>
#include <ringway/program.hpp>

struct decap;  // the skeleton

namespace ringway::decap_app {

/// Packets by what became of them.
struct decap_counts {
  std::uint64_t taken = 0;    ///< out of their tunnel, inner packet to the kernel
  std::uint64_t left = 0;     ///< to the kernel as they came
  std::uint64_t dropped = 0;  ///< congestion was marked outside, and the inner packet does not understand it
  std::uint64_t failed = 0;   ///< the kernel refused to shorten the packet
};

/// bpf/decap.bpf.c on an interface, for as long as this lives. CAP_NET_ADMIN and CAP_BPF; throws
/// ringway::error.
class decapsulator {
 public:
  decapsulator(const interface& port, const rw_decap& config, attach_mode mode, bool replace);
  decap_counts counts() const;
  const attachment& attached() const noexcept { return *attachment_; }
  /// The program is off the interface; the counters stay. Idempotent.
  void stop() noexcept;

 private:
  std::unique_ptr<::decap, void (*)(::decap*)> skeleton_;
  std::unique_ptr<attachment> attachment_;
};

}  // namespace ringway::decap_app
