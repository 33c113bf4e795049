// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <ringway/interface.hpp>
#include <string>
#include <vector>

#include "options.hpp"
#include "pacing.hpp"

namespace ringway::gen {

/// The engine was started again: no frames from `at` on (CLOCK_MONOTONIC), for so long. Both in nanoseconds.
struct interruption {
  std::uint64_t at = 0, gap = 0;
};

/// What has been sent so far. Times in nanoseconds of CLOCK_MONOTONIC.
struct engine_counters {
  std::uint64_t offered = 0;  ///< the device accepted them
  std::uint64_t refused = 0;  ///< handed to the kernel, not accepted
  std::uint64_t late = 0;     ///< skipped, because the generator was too far behind its schedule
  std::uint64_t attempted =
      0;                       ///< handed to the kernel; more than offered + refused while some are under way
  std::uint64_t unmapped = 0;  ///< frames for a port that has been deleted
  std::uint64_t restarts = 0;
  bool done = false;                ///< count or duration is reached
  std::uint64_t longest_burst = 0;  ///< frames back to back, because they were due already; 0: no schedule
  std::uint64_t idle_turns = 0;     ///< nothing was due
  std::optional<double> turn_ns;    ///< of an idle turn, on average
  /// Where the engine sees what its device accepts, and when.
  std::optional<std::uint64_t> first, last, longest_gap, restart_gap;
  std::vector<interruption> interruptions;
  std::optional<departures> late_departures;  ///< with a schedule
};

/// What sends. One thread of its own.
class engine {
 public:
  virtual ~engine() = default;  // stops
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  virtual void start() = 0;
  /// Returns when the thread has ended. Idempotent.
  virtual void stop() noexcept = 0;
  /// To be called every few milliseconds, with the time. Throws what ended the thread early, if anything did.
  virtual void tend(std::uint64_t now) = 0;

  virtual engine_counters counters() const = 0;
  /// Where "accepted" is read.
  virtual std::string accepted_by() const = 0;
  /// Why a port may refuse all frames, for a message.
  virtual std::string why_refused() const = 0;
  const interface& port() const noexcept { return port_; }

 protected:
  explicit engine(const interface& port) : port_(port) {}

 private:
  interface port_;
};

std::unique_ptr<engine> make_engine(const interface& port, const options& o, int cpu);

// ---- what engines share ----

void pin_this_thread(int cpu);

template <class T>
T read_once(const T& from) noexcept {  // written elsewhere: by a BPF program, by a thread
  return __atomic_load_n(&from, __ATOMIC_RELAXED);
}

}  // namespace ringway::gen
