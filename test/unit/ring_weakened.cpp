// SPDX-License-Identifier: BSD-2-Clause
// A test of the test, in the TSan build only: the queue of ring_threads.cpp, whose producer publishes with a
// relaxed store. TSan must report a data race; without an argument the store is ours, and it must not.
#include <cstdio>
#include <ringway/ring.hpp>
#include <thread>

#include "support/fake_kernel.hpp"

int main(int argc, char**) {
  const bool weakened = argc > 1;
  constexpr std::uint64_t items = 10'000;
  ringway::test::plain_ring<std::uint64_t> memory(64);
  const ringway::ring_memory m = memory.memory();
  std::thread writer([&] {
    ringway::producer_ring<std::uint64_t> ring(m);
    std::uint32_t published = 0;
    for (std::uint64_t i = 0; i < items;) {
      if (!ring.push(i)) {
        std::this_thread::yield();
        continue;
      }
      ++i, ++published;
      if (weakened)
        std::atomic_ref(*m.producer).store(published, std::memory_order_relaxed);
      else
        ring.publish();
    }
  });
  ringway::consumer_ring<std::uint64_t> ring(m);
  std::uint64_t sum = 0;
  for (std::uint64_t received = 0; received < items;) {
    const std::uint32_t n = ring.available(64);
    for (std::uint32_t i = 0; i < n; ++i) sum += ring.at(i);
    received += n;
    if (n == 0)
      std::this_thread::yield();
    else
      ring.release(n);
  }
  writer.join();
  std::printf("sum %llu\n", static_cast<unsigned long long>(sum));
  return sum == items * (items - 1) / 2 ? 0 : 1;
}
