// SPDX-License-Identifier: BSD-2-Clause
// A producer and a consumer over one memory are a queue. Under TSan the payloads, which are plain memory,
// prove that publish() and available() order them: ring_weakened.cpp shows that they would be reported
// otherwise.
#include <ringway/ring.hpp>
#include <thread>

#include "support/catch.hpp"
#include "support/fake_kernel.hpp"

using namespace ringway;

namespace {

constexpr std::uint64_t items = 2'000'000;

struct outcome {
  std::uint64_t received = 0, out_of_order = 0;
};

/// Each item's payload lies outside the ring, as a packet does: written before it is published, read after.
outcome run(std::uint32_t slots, std::uint32_t first, std::uint32_t batch) {
  test::plain_ring<std::uint64_t> memory(slots, first);
  std::vector<std::uint64_t> payload(slots);
  std::thread writer([&] {
    producer_ring<std::uint64_t> ring(memory.memory());
    for (std::uint64_t i = 0; i < items;) {
      std::uint32_t n = 0;
      // As many payloads as slots: room() says when the reader has released the one that is written next.
      while (n < batch && i < items && ring.room(1)) {
        payload[i % payload.size()] = i * 3;
        (void)ring.push(i);
        ++i, ++n;
      }
      ring.publish();
      if (n == 0) std::this_thread::yield();
    }
  });
  outcome o;
  consumer_ring<std::uint64_t> ring(memory.memory());
  while (o.received < items) {
    const std::uint32_t n = ring.available(batch);
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint64_t item = ring.at(i);
      o.out_of_order += item != o.received || payload[item % payload.size()] != item * 3;
      ++o.received;
    }
    if (n == 0)
      std::this_thread::yield();
    else
      ring.release(n);
  }
  writer.join();
  o.out_of_order += memory.filled() != 0;
  return o;
}

}  // namespace

TEST_CASE("two million items cross from thread to thread in order", "[ring][threads]") {
  const outcome o = run(1024, 0, 64);
  CHECK(o.received == items);
  CHECK(o.out_of_order == 0);
}

TEST_CASE("two million items cross from thread to thread while the indices pass 2^32", "[ring][threads]") {
  const outcome o = run(64, 0xfffffff0U, 7);
  CHECK(o.received == items);
  CHECK(o.out_of_order == 0);
}
