// SPDX-License-Identifier: BSD-2-Clause
#include <ringway/pool.hpp>

#include "support/catch.hpp"
#include "support/fake_kernel.hpp"

using namespace ringway;

namespace {

constexpr std::uint32_t frames = 16, frame_size = 2048;

/// The second of two workers: its frames are 16 to 31.
struct fixture {
  fixture() : layout(2, 1, frames, frame_size), memory(layout.bytes()), umem(2 * frames * frame_size) {
    layout.format(memory.data());
  }
  state_layout layout;
  test::plain_memory memory, umem;
  worker_state state = layout.worker(memory.data(), 1);
  frame_pool pool{state, umem.data()};
};

}  // namespace

TEST_CASE_METHOD(fixture, "a new pool has every frame of its worker, the lowest on top", "[pool]") {
  CHECK(pool.size() == frames);
  CHECK(pool.capacity() == frames);
  CHECK(pool.frame_size() == frame_size);
  for (std::uint32_t i = 0; i < frames; ++i)
    CHECK(pool.take(frame_owner::fill) == std::uint64_t{frames + i} * frame_size);
  CHECK(pool.empty());
  CHECK(pool.count(frame_owner::fill) == frames);
}

TEST_CASE_METHOD(fixture, "the frame that came back last is given out first", "[pool]") {
  const std::uint64_t a = pool.take(frame_owner::hand), b = pool.take(frame_owner::hand),
                      c = pool.take(frame_owner::hand);
  pool.give(b);
  pool.give(c);
  pool.give(a);
  CHECK(pool.take(frame_owner::hand) == a);
  CHECK(pool.take(frame_owner::hand) == c);
  CHECK(pool.take(frame_owner::hand) == b);
}

TEST_CASE_METHOD(fixture, "an address anywhere in a frame brings that frame back", "[pool]") {
  const std::uint64_t a = pool.take(frame_owner::tx);
  const std::uint64_t inside = GENERATE(0, 1, 256, 2047);
  pool.give(a + inside);
  CHECK(pool.size() == frames);
  CHECK(pool.take(frame_owner::tx) == a);
}

TEST_CASE_METHOD(fixture, "owner bytes follow every move", "[pool]") {
  const std::uint64_t a = pool.take(frame_owner::fill);
  CHECK(pool.owner(a) == frame_owner::fill);
  CHECK(state.owner[0] == frame_owner::fill);
  for (const frame_owner to : {frame_owner::hand, frame_owner::tx, frame_owner::taken, frame_owner::punt}) {
    pool.set_owner(a + 300, to);
    CHECK(pool.owner(a) == to);
    CHECK(pool.count(to) == 1);
  }
  pool.give(a + 300);
  CHECK(pool.owner(a) == frame_owner::pool);
  CHECK(pool.count(frame_owner::pool) == frames);
  for (const frame_owner o : {frame_owner::fill, frame_owner::tx, frame_owner::hand, frame_owner::taken})
    CHECK(pool.count(o) == 0);
}

TEST_CASE_METHOD(fixture, "only addresses of this worker's frames are its own", "[pool]") {
  const std::uint64_t begin = std::uint64_t{frames} * frame_size, end = 2 * begin;
  CHECK(pool.mine(begin));
  CHECK(pool.mine(end - 1));
  CHECK_FALSE(pool.mine(begin - 1));
  CHECK_FALSE(pool.mine(end));
  CHECK_FALSE(pool.mine(0));
  CHECK_FALSE(pool.mine(~std::uint64_t{0}));
  CHECK_FALSE(pool.mine(end + (std::uint64_t{1} << 43)));  // its frame number is ours in the lower 32 bits
}

TEST_CASE_METHOD(fixture, "addresses are turned into frames, offsets and memory", "[pool]") {
  const std::uint64_t addr = std::uint64_t{frames + 3} * frame_size + 256;
  CHECK(pool.frame_of(addr) == addr - 256);
  CHECK(pool.offset_in_frame(addr) == 256);
  CHECK(pool.offset_in_frame(addr - 256) == 0);
  CHECK(pool.at(addr) == umem.data() + addr);
}

TEST_CASE_METHOD(fixture, "a pool made anew over the same state goes on where the old one stopped",
                 "[pool]") {
  (void)pool.take(frame_owner::tx);
  const std::uint64_t b = pool.take(frame_owner::fill), c = pool.take(frame_owner::hand);
  pool.give(c);
  frame_pool again(state, umem.data());
  CHECK(again.size() == frames - 2);
  CHECK(again.owner(b) == frame_owner::fill);
  CHECK(again.count(frame_owner::tx) == 1);
  CHECK(again.take(frame_owner::hand) == c);
}

TEST_CASE("a ledger that adds up has leaked nothing", "[pool]") {
  frame_ledger l{.total = 10, .pool = 4, .fill = 3, .tx = 2, .taken = 1};
  CHECK(l.leaked() == 0);
  l.tx = 1;
  CHECK(l.leaked() == 1);
  l.tx = 4;
  CHECK(l.leaked() == -2);
}
