// SPDX-License-Identifier: BSD-2-Clause
// A thread that has to share a CPU with a worker works in slices that the worker's RX ring can wait for.
//
// A worker that polls never sleeps, so a kernel lets the two run in turn for whole ticks of its scheduler: 4
// ms with HZ=250, while a ring of 2048 frames holds 2 ms of a million packets a second. A thread that sleeps
// by itself gives its CPU away at once.
#pragma once
#include <sched.h>

#include <ctime>
#include <vector>

namespace ringway::app {

/// Belongs to the thread that makes it. Takes the signal SIGRTMIN, and no descriptor.
class courtesy {
 public:
  /// `workers`: the CPUs of workers; empty: they may be on any. Throws ringway::error where the kernel has no
  /// timer left (RLIMIT_SIGPENDING).
  explicit courtesy(const std::vector<int>& workers);
  courtesy(const courtesy&) = delete;
  courtesy& operator=(const courtesy&) = delete;
  ~courtesy();

  /// While one lives, its thread sleeps for 400 us after every 200 us, whatever it is doing, unless no worker
  /// is on its CPU. What waits in the kernel meanwhile may be interrupted (EINTR).
  class scope {
   public:
    explicit scope(courtesy* c) noexcept;  // null: nothing
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope();

   private:
    courtesy* of_;
  };

 private:
  ::timer_t timer_{};
  cpu_set_t shared_{};
  int depth_ = 0;
};

}  // namespace ringway::app
