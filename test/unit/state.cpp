// SPDX-License-Identifier: BSD-2-Clause
#include <unistd.h>

#include <ringway/memory_file.hpp>
#include <ringway/pool.hpp>
#include <set>

#include "support/catch.hpp"

using namespace ringway;

namespace {

template <class T>
std::size_t offset(const std::byte* memory, const T* part) {
  return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(part) - memory);
}

}  // namespace

TEST_CASE("each argument of a state's layout changes its hash", "[state]") {
  std::set<std::uint64_t> hashes;
  for (const state_layout& l :
       {state_layout(1, 1, 64, 2048), state_layout(2, 1, 64, 2048), state_layout(1, 2, 64, 2048),
        state_layout(1, 1, 65, 2048), state_layout(1, 1, 64, 4096), state_layout(2, 2, 64, 2048)})
    hashes.insert(l.hash());
  CHECK(hashes.size() == 6);
  CHECK(state_layout(3, 2, 100, 4096).hash() == state_layout(3, 2, 100, 4096).hash());
}

TEST_CASE("the parts of a state lie apart, counters on cache lines of their own", "[state]") {
  const std::uint32_t workers = 3, ports = 2, frames = 33;  // not a multiple of anything
  const state_layout layout(workers, ports, frames, 2048);
  memory_file file("ringway-test", layout.bytes(), huge_pages::never);
  std::byte* const m = file.data();
  std::size_t end = sizeof(state_header);
  for (std::uint32_t w = 0; w < workers; ++w) {
    const worker_state s = layout.worker(m, w);
    CHECK(offset(m, s.counters) >= end);
    CHECK(offset(m, s.counters) % 64 == 0);
    CHECK(offset(m, s.ports.data()) >= offset(m, s.counters) + sizeof(worker_counters));
    CHECK(offset(m, s.ports.data()) % 64 == 0);
    CHECK(s.ports.size() == ports);
    CHECK(offset(m, s.pool_size) >= offset(m, s.ports.data()) + s.ports.size_bytes());
    CHECK(offset(m, s.stack.data()) >= offset(m, s.pool_size) + 64);
    CHECK(s.stack.size() == frames);
    CHECK(offset(m, s.owner.data()) >= offset(m, s.stack.data()) + s.stack.size_bytes());
    CHECK(s.owner.size() == frames);
    CHECK(s.first_frame == w * frames);
    CHECK(s.frame_size == 2048);
    end = offset(m, s.owner.data()) + s.owner.size_bytes();
  }
  CHECK(end <= layout.bytes());
}

TEST_CASE("a formatted state has every frame in its worker's pool and counters at 0", "[state]") {
  const state_layout layout(2, 1, 8, 4096);
  memory_file file("ringway-test", layout.bytes(), huge_pages::never);
  layout.format(file.data());
  const auto* header = reinterpret_cast<const state_header*>(file.data());
  CHECK(header->workers == 2);
  CHECK(header->ports == 1);
  CHECK(header->frames == 8);
  CHECK(header->frame_size == 4096);
  for (std::uint32_t w = 0; w < 2; ++w) {
    const worker_state s = layout.worker(file.data(), w);
    CHECK(*s.pool_size == 8);
    std::set<std::uint32_t> free(s.stack.begin(), s.stack.end());
    CHECK(free.size() == 8);
    CHECK(*free.begin() == 8 * w);
    CHECK(*free.rbegin() == 8 * w + 7);
    for (const frame_owner o : s.owner) CHECK(o == frame_owner::pool);
    CHECK(s.ports[0].rx_packets.read() == 0);
    CHECK(s.counters->turns.read() == 0);
  }
}

TEST_CASE("only a state of exactly this layout matches", "[state]") {
  const state_layout layout(2, 3, 16, 2048);
  memory_file file("ringway-test", layout.bytes(), huge_pages::never);
  CHECK_FALSE(layout.matches(file.data()));  // zeroed
  layout.format(file.data());
  CHECK(layout.matches(file.data()));
  CHECK(state_layout(2, 3, 16, 2048).matches(file.data()));
  CHECK_FALSE(state_layout(1, 3, 16, 2048).matches(file.data()));
  CHECK_FALSE(state_layout(2, 2, 16, 2048).matches(file.data()));
  CHECK_FALSE(state_layout(2, 3, 15, 2048).matches(file.data()));
  CHECK_FALSE(state_layout(2, 3, 16, 4096).matches(file.data()));
  reinterpret_cast<state_header*>(file.data())->magic ^= 1;
  CHECK_FALSE(layout.matches(file.data()));
}

TEST_CASE("who maps the state's file a second time sees the same frames and counters", "[state]") {
  const state_layout layout(2, 2, 32, 2048);
  memory_file file("ringway-test", layout.bytes(), huge_pages::never);
  layout.format(file.data());
  std::vector<std::byte> packets(64 * 2048);
  frame_pool pool(layout.worker(file.data(), 1), packets.data());
  const std::uint64_t a = pool.take(frame_owner::tx), b = pool.take(frame_owner::fill);
  pool.set_owner(b, frame_owner::taken);
  layout.worker(file.data(), 1).ports[1].rx_packets.add(42);

  const memory_file second(unique_fd(::dup(file.fd())), layout.bytes());
  REQUIRE(second.data() != file.data());
  REQUIRE(layout.matches(second.data()));
  const worker_state seen = layout.worker(second.data(), 1);
  CHECK(*seen.pool_size == 30);
  CHECK(seen.owner[a / 2048 - 32] == frame_owner::tx);
  CHECK(seen.owner[b / 2048 - 32] == frame_owner::taken);
  CHECK(seen.ports[1].rx_packets.read() == 42);
  CHECK(*layout.worker(second.data(), 0).pool_size == 32);

  pool.give(a);
  CHECK(*seen.pool_size == 31);
  CHECK(seen.stack[30] == a / 2048);
}
