// SPDX-License-Identifier: BSD-2-Clause
// What one thread writes while another reads, beside the rings: counters, and the core's macros for tables.
#include <ringway/core/sync.h>

#include <atomic>
#include <ringway/stats.hpp>
#include <thread>

#include "support/catch.hpp"

using namespace ringway;

TEST_CASE("a counter can be read by another thread and never goes back", "[counter][threads]") {
  port_counters counters;
  constexpr std::uint64_t end = 300'000;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < end; ++i) counters.rx_packets.add(1), counters.rx_bytes.add(64);
  });
  std::uint64_t last = 0, back = 0;
  while (last < end) {
    const std::uint64_t now = counters.rx_packets.read();
    back += now < last;
    last = now;
    if (now == 0) std::this_thread::yield();
  }
  writer.join();
  CHECK(back == 0);
  CHECK(counters.rx_packets.read() == end);
  CHECK(counters.rx_bytes.read() == 64 * end);
}

TEST_CASE("a counter adds, subtracts and keeps the largest", "[counter]") {
  counter c;
  c.add(5);
  c.subtract(2);
  CHECK(c.read() == 3);
  c.at_least(2);
  CHECK(c.read() == 3);
  c.at_least(9);
  CHECK(c.read() == 9);
}

TEST_CASE("a table entry under a sequence word is read whole or read again", "[sync][threads]") {
  // The rule of the core's tables: the writer makes the word odd, writes, makes it even again; a reader takes
  // the word, the rest, and the word once more, and what it read counts only if the two words agree.
  struct entry {
    __u64 word = 0, left = 0, right = 0;
  } e;
  constexpr std::uint64_t rounds = 50'000;
  std::thread writer([&] {
    for (__u64 i = 1; i <= rounds; ++i) {
      (void)__atomic_exchange_n(&e.word, 2 * i - 1, __ATOMIC_ACQ_REL);  // stays before the stores below
      RW_WRITE_ONCE(&e.left, i);
      RW_WRITE_ONCE(&e.right, ~i);
      RW_PUBLISH(&e.word, 2 * i);
      if (i % 64 == 0) std::this_thread::yield();
    }
  });
  std::uint64_t whole = 0, torn = 0, last = 0;
  while (last != 2 * rounds) {
    const __u64 before = RW_READ_ONCE(&e.word);
    RW_RMB();
    const __u64 left = RW_READ_ONCE(&e.left), right = RW_READ_ONCE(&e.right);
    RW_RMB();
    const __u64 after = RW_READ_ONCE(&e.word);
    if (before != after || (before & 1) != 0 || before == 0) {
      std::this_thread::yield();
      continue;
    }
    ++whole;
    torn += left != before / 2 || right != ~left;
    last = before;
  }
  writer.join();
  CHECK(whole > 0);
  CHECK(torn == 0);
}

TEST_CASE("an element that was written before it was published is seen whole", "[sync][threads]") {
  // As a table is replaced: plain stores into elements that nobody reads yet, then one word that shows them.
  __u64 table[2][64] = {};
  __u32 base = 0;
  std::atomic<__u32> seen{0};
  constexpr __u32 generations = 2'000;
  std::thread writer([&] {
    for (__u32 g = 1; g <= generations; ++g) {
      for (__u64& element : table[g % 2]) element = g;
      RW_PUBLISH(&base, g);
      while (seen.load(std::memory_order_acquire) != g) std::this_thread::yield();  // the grace period
    }
  });
  std::uint64_t wrong = 0;
  for (__u32 g = 0; g != generations;) {
    const __u32 now = RW_READ_ONCE(&base);
    if (now == g) {
      std::this_thread::yield();
      continue;
    }
    g = now;
    for (const __u64 element : table[g % 2]) wrong += element != g;
    seen.store(g, std::memory_order_release);
  }
  writer.join();
  CHECK(wrong == 0);
}

TEST_CASE("of many threads that swap a word from one value, one wins each time", "[sync][threads]") {
  __u32 small = 0;
  __u64 large = 0;
  std::atomic<std::uint64_t> won_small{0}, won_large{0};
  const auto contender = [&] {
    for (int i = 0; i < 50'000; ++i) {
      const __u32 s = RW_READ_ONCE(&small);
      const __u64 l = RW_READ_ONCE(&large);
      if (RW_CAS(&small, s, s + 1)) won_small.fetch_add(1);
      if (RW_CAS(&large, l, l + (std::uint64_t{1} << 32))) won_large.fetch_add(1);
    }
  };
  std::thread a(contender), b(contender);
  a.join(), b.join();
  CHECK(small == won_small.load());
  CHECK(large == won_large.load() << 32);
  CHECK_FALSE(RW_CAS(&small, small + 1, 0U));
  CHECK(RW_CAS(&small, small, 7U));
  CHECK(small == 7);
}
