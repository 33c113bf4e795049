// SPDX-License-Identifier: BSD-2-Clause
// What is counted, and by whom. Every received packet ends in exactly one counter.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>

#include "core/wire.h"

namespace ringway {

/// Written by one worker, read by anyone, also from another process. A load, an add and a store: no lock
/// prefix.
class counter {
 public:
  void add(std::uint64_t n) noexcept { value_.store(read() + n, std::memory_order_relaxed); }
  void subtract(std::uint64_t n) noexcept { value_.store(read() - n, std::memory_order_relaxed); }
  void at_least(std::uint64_t n) noexcept {
    if (n > read()) value_.store(n, std::memory_order_relaxed);
  }
  std::uint64_t read() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};
static_assert(sizeof(counter) == 8 && std::atomic<std::uint64_t>::is_always_lock_free);

/// One worker's share of one port. tx_* and the drops tx_ring_full, tx_unsent, tx_device and tx_refused
/// belong to the egress port, all else to the ingress port.
struct alignas(64) port_counters {
  counter rx_packets, rx_bytes;  // taken from RX rings; a chain of fragments is one packet
  counter tx_packets,
      tx_bytes;    // put into TX rings, less tx_device and tx_unsent (packets; bytes: less unsent)
  counter punted;  // to the kernel through TAP
  counter made;    // originated or copied by the function: packets that were never received
  counter taken;   // kept by the function (verdict `taken`), less those put back
  counter drops[RW_REASON_SLOTS];  // by rw_reason_slot()
};
static_assert(sizeof(port_counters) % 64 == 0 && alignof(port_counters) == 64);

/// What one worker did. Times in TSC ticks.
struct alignas(64) worker_counters {
  counter turns;            // passes over all its queues
  counter busy_turns;       // those that received something
  counter busy_ticks;       // time spent in them
  counter kicks;            // sendto() calls
  counter rx_kicks;         // recvfrom() calls
  counter kick_errors;      // kicks that said neither 0 nor EAGAIN
  counter longest_gap;      // longest time between the beginnings of two turns
  counter stalls;           // the watchdog saw TX make no progress and kicked
  counter pool_empty;       // refills that found no free frame
  counter bad_completions;  // addresses from the completion ring that were not ours to reap
  counter device_gone;      // kicks that said ENXIO
};
static_assert(alignof(worker_counters) == 64);

/// A snapshot of one port: plain numbers.
struct port_stats {
  std::uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
  std::uint64_t passed = 0, punted = 0, unserved_queue = 0, made = 0, taken = 0;
  std::array<std::uint64_t, RW_REASON_SLOTS> drops{};

  /// Lost before us: XDP_STATISTICS, these two and nothing else.
  struct kernel_losses {
    std::uint64_t rx_dropped = 0, rx_ring_full = 0;
  } kernel;
  /// Diagnostics: never added to anything (rx_fill_ring_empty_descs repeats rx_dropped in copy mode).
  struct kernel_diagnostics {
    std::uint64_t rx_fill_ring_empty_descs = 0, rx_invalid_descs = 0, tx_invalid_descs = 0,
                  tx_ring_empty_descs = 0;
  } diagnostics;

  std::uint64_t dropped() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t n : drops) sum += n;
    return sum;
  }
};

}  // namespace ringway
