// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <ringway/view.hpp>

#include "support/catch.hpp"
#include "support/fake_kernel.hpp"

using namespace ringway;

namespace {

constexpr std::uint32_t frames = 16, frame_size = 2048, capacity = 4;

struct fixture {
  fixture() : layout(1, 2, frames, frame_size), state(layout.bytes()), umem(frames * frame_size) {
    layout.format(state.data());
    std::fill_n(umem.data(), umem.bytes(), std::byte{0xee});
  }
  /// A packet as receive() appends it: 256 bytes into its frame.
  packet& received(std::uint32_t len = 64) {
    const std::uint64_t addr = pool.take(frame_owner::hand) + packet_headroom;
    unpoison_frame(pool.at(pool.frame_of(addr)), frame_size);
    packet& p = b.append({.data = pool.at(addr), .addr = addr, .len = len, .total = len});
    for (std::uint32_t i = 0; i < len; ++i) p.data[i] = std::byte(i);
    return p;
  }
  /// A further frame of the packet, behind the one that `link` names.
  std::uint16_t* add_fragment(packet& p, std::uint16_t* link, std::uint32_t len) {
    const std::uint64_t addr = pool.take(frame_owner::hand) + packet_headroom;
    unpoison_frame(pool.at(pool.frame_of(addr)), frame_size);
    std::fill_n(pool.at(addr), len, std::byte(0xa0 + b.fragments_left() % 16));
    *link = b.append_fragment({.addr = addr, .len = len, .next = packet::no_fragment});
    p.total += len;
    return &b.fragment_at(*link).next;
  }

  state_layout layout;
  test::plain_memory state, umem;
  frame_pool pool{layout.worker(state.data(), 0), umem.data()};
  batch_storage<capacity> storage;
  batch b = storage.begin(1, pool);
};

bool same(const packet& a, const packet& b) {
  return a.data == b.data && a.addr == b.addr && a.len == b.len && a.total == b.total && a.next == b.next;
}

}  // namespace

TEST_CASE_METHOD(fixture, "a packet that nobody decides about is a drop without verdict", "[batch]") {
  CHECK(received().out == drop());
  CHECK(drop() == RW_DROP(RW_REASON_NO_VERDICT));
  CHECK(drop() > RW_PORT_LAST);
  CHECK(drop(RW_REASON_NF) == 0x8400);
  CHECK(punt != taken);
}

TEST_CASE_METHOD(fixture, "a batch knows its port, its packets and that it is empty", "[batch]") {
  CHECK(b.ingress() == 1);
  CHECK(b.empty());
  CHECK(b.begin() == b.end());
  packet& p = received();
  CHECK(b.size() == 1);
  CHECK_FALSE(b.empty());
  CHECK(b.begin() == &p);
  CHECK(p.end() == p.data + 64);
}

TEST_CASE_METHOD(fixture, "make() appends a packet of one's own with room before it", "[batch]") {
  packet* p = b.make(100);
  REQUIRE(p != nullptr);
  CHECK(p->len == 100);
  CHECK(p->total == 100);
  CHECK(p->next == packet::no_fragment);
  CHECK(p->out == drop());
  CHECK(p->mark == 0);
  CHECK(p->data == pool.at(p->addr));
  CHECK(b.headroom(*p) == packet_headroom);
  CHECK(pool.owner(p->addr) == frame_owner::hand);
  CHECK(b.made() == 1);
  std::fill_n(p->data, 100, std::byte{1});  // the frame is there to be written
}

TEST_CASE_METHOD(fixture, "make() refuses what is too long, empty, without a frame or without room",
                 "[batch]") {
  CHECK(b.make(frame_size - packet_headroom + 1) == nullptr);
  CHECK(b.make(0xffffffffU) == nullptr);
  CHECK(b.make(0) == nullptr);
  CHECK(b.size() == 0);
  CHECK(pool.size() == frames);
  REQUIRE(b.make(frame_size - packet_headroom) != nullptr);

  SECTION("twice the capacity fits into a batch") {
    for (std::uint32_t i = 1; i < 2 * capacity; ++i) REQUIRE(b.make(64) != nullptr);
    CHECK(b.make(64) == nullptr);
    CHECK(b.size() == 2 * capacity);
    CHECK(pool.size() == frames - 2 * capacity);
    CHECK(b.made() == 2 * capacity);
  }
  SECTION("an empty pool") {
    while (!pool.empty()) (void)pool.take(frame_owner::fill);
    CHECK(b.make(64) == nullptr);
    CHECK(b.size() == 1);
  }
}

TEST_CASE_METHOD(fixture, "copy() appends the same bytes and the mark in a frame of their own", "[batch]") {
  packet& p = received(64);
  p.mark = 7;
  p.out = 3;
  REQUIRE(b.push(p, 20));
  const packet* c = b.copy(p);
  REQUIRE(c != nullptr);
  CHECK(c->len == 84);
  CHECK(c->total == 84);
  CHECK(c->mark == 7);
  CHECK(c->out == drop());  // decided for itself
  CHECK(pool.frame_of(c->addr) != pool.frame_of(p.addr));
  CHECK(std::equal(p.data, p.end(), c->data));
  CHECK(b.made() == 1);
}

TEST_CASE_METHOD(fixture, "copy() joins the fragments of a packet, if they fit into a frame", "[batch]") {
  packet& p = received(500);
  std::uint16_t* link = add_fragment(p, &p.next, 600);
  link = add_fragment(p, link, 600);
  const packet* c = b.copy(p);
  REQUIRE(c != nullptr);
  CHECK(c->len == 1700);
  CHECK(c->next == packet::no_fragment);
  CHECK(std::equal(p.data, p.end(), c->data));
  const fragment& second = b.fragment_at(p.next);
  CHECK(std::equal(pool.at(second.addr), pool.at(second.addr) + 600, c->data + 500));
  const fragment& third = b.fragment_at(second.next);
  CHECK(std::equal(pool.at(third.addr), pool.at(third.addr) + 600, c->data + 1100));

  const std::uint32_t free = pool.size();
  (void)add_fragment(p, link, 93);  // 1793 bytes: one too many
  CHECK(b.copy(p) == nullptr);
  CHECK(b.size() == 2);
  CHECK(pool.size() == free - 1);
}

TEST_CASE_METHOD(fixture, "a packet that was taken comes back by put(), if there is room", "[batch]") {
  packet kept = received();
  pool.set_owner(kept.addr, frame_owner::taken);
  batch later = storage.begin(0, pool);
  kept.out = 1;
  kept.mark = 9;
  REQUIRE(later.put(kept));
  CHECK(later.put_back() == 1);
  CHECK(later.made() == 0);
  CHECK(pool.owner(kept.addr) == frame_owner::hand);
  CHECK(same(*later.begin(), kept));
  CHECK(later.begin()->out == 1);
  CHECK(later.begin()->mark == 9);

  while (later.make(64) != nullptr) {
  }
  pool.set_owner(kept.addr, frame_owner::taken);
  CHECK_FALSE(later.put(kept));
  CHECK(pool.owner(kept.addr) == frame_owner::taken);
  CHECK(later.put_back() == 1);
}

TEST_CASE_METHOD(fixture, "push() takes all of the headroom and not a byte more", "[batch]") {
  packet& p = received();
  CHECK(b.headroom(p) >= 128);
  const packet before = p;
  CHECK_FALSE(b.push(p, b.headroom(p) + 1));
  CHECK_FALSE(b.push(p, 0xffffffffU));
  CHECK(same(p, before));
  REQUIRE(b.push(p, 100));
  CHECK(p.data == before.data - 100);
  CHECK(p.addr == before.addr - 100);
  CHECK(p.len == 164);
  CHECK(p.total == 164);
  CHECK(b.headroom(p) == 156);
  REQUIRE(b.push(p, 156));
  CHECK(b.headroom(p) == 0);
  CHECK(p.addr == pool.frame_of(before.addr));
  CHECK_FALSE(b.push(p, 1));
}

TEST_CASE_METHOD(fixture, "pull() leaves at least a byte of the first fragment", "[batch]") {
  packet& p = received(64);
  const packet before = p;
  CHECK_FALSE(b.pull(p, 64));
  CHECK_FALSE(b.pull(p, 0xffffffffU));
  CHECK(same(p, before));
  REQUIRE(b.pull(p, 14));
  CHECK(p.data == before.data + 14);
  CHECK(p.addr == before.addr + 14);
  CHECK(p.len == 50);
  CHECK(p.total == 50);
  CHECK(b.headroom(p) == packet_headroom + 14);
  REQUIRE(b.push(p, 14));
  CHECK(same(p, before));

  (void)add_fragment(p, &p.next, 100);
  REQUIRE(b.pull(p, 63));
  CHECK(p.len == 1);
  CHECK(p.total == 101);
  CHECK_FALSE(b.pull(p, 1));
}

TEST_CASE_METHOD(fixture, "resize() grows to the end of the frame and cuts down to one byte", "[batch]") {
  packet& p = received(64);
  const packet before = p;
  const auto room = static_cast<std::int32_t>(frame_size - packet_headroom - 64);
  CHECK_FALSE(b.resize(p, room + 1));
  CHECK_FALSE(b.resize(p, -64));
  CHECK_FALSE(b.resize(p, std::numeric_limits<std::int32_t>::max()));
  CHECK_FALSE(b.resize(p, std::numeric_limits<std::int32_t>::min()));
  CHECK(same(p, before));
  REQUIRE(b.resize(p, room));
  CHECK(p.len == frame_size - packet_headroom);
  CHECK(p.total == p.len);
  REQUIRE(b.resize(p, 1 - static_cast<std::int32_t>(p.len)));
  CHECK(p.len == 1);

  SECTION("what was pushed counts") {
    REQUIRE(b.push(p, 256));
    REQUIRE(b.resize(p, static_cast<std::int32_t>(frame_size - 257)));
    CHECK(p.len == frame_size);
    CHECK_FALSE(b.resize(p, 1));
  }
  SECTION("a packet of several fragments keeps its size") {
    (void)add_fragment(p, &p.next, 10);
    CHECK_FALSE(b.resize(p, 1));
    CHECK_FALSE(b.resize(p, -1));
    CHECK(p.total == 11);
  }
}

TEST_CASE_METHOD(fixture, "a running loop does not visit what it appends", "[batch]") {
  received(), received();
  int visits = 0;
  for (packet& p : b) {
    const packet* const made = b.copy(p);
    CHECK(made != nullptr);
    ++visits;
  }
  CHECK(visits == 2);
  CHECK(b.size() == 4);
}

TEST_CASE_METHOD(fixture, "a view is null where the first fragment ends before the header does", "[batch]") {
  packet& p = received(34);
  CHECK(view<rw_eth>(p, 0) == reinterpret_cast<rw_eth*>(p.data));
  CHECK(view<rw_ipv4>(p, 14) != nullptr);
  CHECK(view<rw_ipv4>(p, 15) == nullptr);
  CHECK(view<rw_ipv4>(p, 34) == nullptr);
  CHECK(view<rw_eth>(p, 35) == nullptr);
  CHECK(view<rw_eth>(p, 0xfffffff8U) == nullptr);
  swap_macs(p);
  for (std::uint32_t i = 0; i < 6; ++i) {
    CHECK(p.data[i] == std::byte(i + 6));
    CHECK(p.data[i + 6] == std::byte(i));
  }
  CHECK(p.data[12] == std::byte{12});
}
