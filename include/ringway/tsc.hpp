// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace ringway {

/// The CPU's constant-rate counter: some 25 ns a reading in a guest, so once a turn and never once a packet.
inline std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  std::uint64_t t;
  asm volatile("mrs %0, cntvct_el0" : "=r"(t));
  return t;
#else
#error "no tick counter for this architecture"
#endif
}

/// Its rate in ticks a second, measured once against CLOCK_MONOTONIC (takes 10 ms).
std::uint64_t ticks_per_second();

}  // namespace ringway
