// SPDX-License-Identifier: BSD-2-Clause
#include <ringway/ring.hpp>

#include "support/catch.hpp"
#include "support/fake_kernel.hpp"

using namespace ringway;
using ringway::test::plain_ring;

namespace {

// Beginnings that the counters pass 2^32 from, and the ordinary one.
const auto beginnings = {0U, 0xfffffff0U, 0xffffffffU};

}  // namespace

TEST_CASE("what is staged is invisible until it is published", "[ring]") {
  const std::uint32_t first = GENERATE(values(beginnings));
  plain_ring<std::uint64_t> r(8, first);
  producer_ring<std::uint64_t> producer(r.memory());
  REQUIRE(producer.push(1));
  REQUIRE(producer.push(2));
  CHECK(r.filled() == 0);
  CHECK(producer.pending() == 2);
  CHECK(producer.pending_seen_from_outside() == 0);
  producer.publish();
  CHECK(r.filled() == 2);
  CHECK(producer.pending_seen_from_outside() == 2);
  CHECK(r.take() == 1);
  CHECK(r.take() == 2);
  CHECK(producer.pending() == 0);
}

TEST_CASE("a ring takes as many entries as it has slots, and goes on when some are consumed", "[ring]") {
  const std::uint32_t first = GENERATE(values(beginnings));
  plain_ring<std::uint64_t> r(8, first);
  producer_ring<std::uint64_t> producer(r.memory());
  for (std::uint64_t i = 0; i < 8; ++i) REQUIRE(producer.push(i));
  CHECK_FALSE(producer.push(8));
  producer.publish();
  CHECK_FALSE(producer.push(8));
  CHECK(r.take() == 0);
  CHECK(r.take() == 1);
  CHECK(producer.push(8));
  CHECK(producer.push(9));
  CHECK_FALSE(producer.push(10));
  producer.publish();
  for (std::uint64_t i = 2; i < 10; ++i) CHECK(r.take() == i);
  CHECK(r.filled() == 0);
}

TEST_CASE("room() is exact at the boundary, also when the peer's index was cached", "[ring]") {
  const std::uint32_t first = GENERATE(values(beginnings));
  plain_ring<std::uint64_t> r(8, first);
  producer_ring<std::uint64_t> producer(r.memory());
  CHECK(producer.room(8));
  CHECK_FALSE(producer.room(9));
  for (std::uint64_t i = 0; i < 5; ++i) REQUIRE(producer.push(i));
  CHECK(producer.room(3));
  CHECK_FALSE(producer.room(4));
  producer.publish();
  r.drop(2);
  CHECK(producer.room(5));
  CHECK_FALSE(producer.room(6));
  CHECK(producer.room(0));
}

TEST_CASE("pending_at() shows what the kernel has not consumed, oldest first", "[ring]") {
  const std::uint32_t first = GENERATE(values(beginnings));
  plain_ring<std::uint64_t> r(4, first);
  producer_ring<std::uint64_t> producer(r.memory());
  for (std::uint64_t i = 10; i < 14; ++i) REQUIRE(producer.push(i));
  producer.publish();
  r.drop(1);
  REQUIRE(producer.push(14));
  REQUIRE(producer.pending() == 4);
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(producer.pending_at(i) == 11 + i);
  CHECK(producer.consumed() == first + 1);
}

TEST_CASE("a reader gets what is there, at most what it wants, and may look again before it releases",
          "[ring]") {
  const std::uint32_t first = GENERATE(values(beginnings));
  plain_ring<std::uint64_t> r(8, first);
  consumer_ring<std::uint64_t> consumer(r.memory());
  CHECK(consumer.available(4) == 0);
  for (std::uint64_t i = 0; i < 5; ++i) r.put(i);
  CHECK(consumer.available(4) == 4);
  CHECK(consumer.available(100) == 5);
  for (std::uint32_t i = 0; i < 5; ++i) CHECK(consumer.at(i) == i);
  CHECK(r.room() == 3);
  consumer.release(2);
  CHECK(r.room() == 5);
  CHECK(consumer.at(0) == 2);
  CHECK(consumer.available(100) == 3);
  consumer.release(3);
  CHECK(consumer.available(1) == 0);
  for (std::uint64_t i = 0; i < 8; ++i) r.put(100 + i);
  CHECK(consumer.available(100) == 8);
  for (std::uint32_t i = 0; i < 8; ++i) CHECK(consumer.at(i) == 100 + i);
}

TEST_CASE("a ring that is taken over goes on where it stands", "[ring]") {
  const std::uint32_t first = GENERATE(values(beginnings));
  plain_ring<std::uint64_t> r(8, first);
  {
    producer_ring<std::uint64_t> gone(r.memory());
    for (std::uint64_t i = 0; i < 6; ++i) REQUIRE(gone.push(i));
    gone.publish();
    REQUIRE(gone.push(99));  // staged, never published: it does not exist
  }
  CHECK(r.take() == 0);
  producer_ring<std::uint64_t> producer(r.memory());
  CHECK(producer.pending() == 5);
  CHECK(producer.room(3));
  CHECK_FALSE(producer.room(4));
  REQUIRE(producer.push(6));
  producer.publish();

  {
    consumer_ring<std::uint64_t> gone(r.memory());
    REQUIRE(gone.available(2) == 2);
    gone.release(2);
    REQUIRE(gone.available(2) == 2);  // looked at, not released: still there
  }
  consumer_ring<std::uint64_t> consumer(r.memory());
  REQUIRE(consumer.available(100) == 4);
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(consumer.at(i) == 3 + i);
}

TEST_CASE("the wake-up flag is the kernel's to set", "[ring]") {
  plain_ring<std::uint64_t> r(8);
  const producer_ring<std::uint64_t> producer(r.memory());
  CHECK_FALSE(producer.needs_wakeup());
  r.want_wakeup(true);
  CHECK(producer.needs_wakeup());
  r.want_wakeup(false);
  CHECK_FALSE(producer.needs_wakeup());
}

TEST_CASE("a socket in plain memory has no descriptor, and its rings are those it was given", "[ring]") {
  test::fake_umem umem(8, 2048);
  test::fake_kernel kernel(umem, 8);
  xsk socket = kernel.socket();
  CHECK(socket.fd() == -1);
  REQUIRE(socket.fill.push(0));
  socket.fill.publish();
  CHECK(kernel.fill.filled() == 1);
  CHECK(socket.fill.size() == 16);
  CHECK(socket.tx.size() == 8);
}
