// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <sched.h>

#include <atomic>
#include <string>
#include <thread>

#include "../support/netns_guard.hpp"

namespace ringway::test {

/// While it lives nothing takes frames out of a veth's receive ring (256 slots): its NAPI is a kernel thread,
/// bound to a CPU on which a real-time thread of ours spins. Keep it under half a second: the kernel lets
/// others run after 0.95 s. The calling thread is bound to another CPU meanwhile. Needs two CPUs.
class stalled_napi {
 public:
  stalled_napi(const netns_guard& where, const std::string& ifname);
  ~stalled_napi();
  stalled_napi(const stalled_napi&) = delete;
  stalled_napi& operator=(const stalled_napi&) = delete;

 private:
  std::atomic<bool> spinning_{false}, stop_{false};
  cpu_set_t callers_;
  std::thread spinner_;
};

}  // namespace ringway::test
