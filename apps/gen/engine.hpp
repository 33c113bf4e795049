// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <ringway/interface.hpp>
#include <thread>
#include <vector>

#include "options.hpp"

struct gen;  // the skeleton

namespace ringway::gen {

/// What has been sent so far. Times in nanoseconds of CLOCK_MONOTONIC.
struct engine_counters {
  std::uint64_t offered = 0;  ///< the device accepted them
  std::uint64_t refused =
      0;  ///< handed to the kernel, not accepted: device full, down, or its peer takes no XDP frames
  std::uint64_t late = 0;  ///< skipped, because the generator was too far behind its schedule
  std::uint64_t attempted =
      0;  ///< handed to the kernel; more than offered + refused while some are on their way
  std::uint64_t unmapped = 0;  ///< frames for a port that has been deleted
  std::uint64_t restarts = 0;
  bool done = false;  ///< count or duration is reached
  std::uint64_t longest_burst =
      0;  ///< frames back to back, because they were due already; 0 without a schedule
  /// Only the tracepoints know these.
  std::optional<std::uint64_t> first, last, longest_gap, restart_gap;
};

/// The engine "xdp": one thread inside one BPF_PROG_TEST_RUN with live frames, whose program does the pacing.
/// Starting such a run costs about 24 ms, so there is one run for as long as its turns last (2^32, idle ones
/// included: minutes); then another, in a declared gap. Needs CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON
/// (tracepoints), in short: root.
class engine {
 public:
  engine(const interface& port, const options& o);
  ~engine();  // stops
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  void start();
  /// Returns when the thread has left the kernel. Idempotent.
  void stop() noexcept;
  /// What ended the thread early, if anything did.
  void check() const;

  engine_counters counters() const;
  bool traced() const noexcept { return traced_; }

 private:
  void load(const options& o);
  bool try_load(const options& o, bool traced);
  void configure(const options& o);
  void attach();
  void run() noexcept;
  int run_once();
  [[noreturn]] void fail(int result) const;

  interface port_;
  std::vector<std::byte> frame_;
  std::unique_ptr<::gen, void (*)(::gen*)> skeleton_;
  double rate_;
  std::uint32_t batch_, turns_;
  int cpu_;
  bool traced_ = false;
  std::uint64_t device_base_ = 0;  // tx_packets before the first frame
  std::atomic<std::uint64_t> restarts_ = 0;
  std::atomic<bool> stop_ = false, ended_ = false;
  std::exception_ptr failure_;  // of the thread; read after ended_
  std::thread thread_;
};

}  // namespace ringway::gen
