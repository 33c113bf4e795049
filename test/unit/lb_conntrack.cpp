// SPDX-License-Identifier: BSD-2-Clause
// The connection table by itself: found again, aged, evicted in order, counted.
#include <array>
#include <cstring>
#include <ringway/lb_tables.hpp>

#include "ringway/core/lb_known.h"
#include "support/catch.hpp"

using namespace ringway;

namespace {

constexpr std::uint64_t same_tag = 0x1234ull << 32;

rw_conn_entry entry(std::uint32_t n, std::uint32_t tick = 100) {
  rw_conn_entry e{};
  e.key.family = 4;
  e.key.src[0] = n;
  e.real = n;
  e.real_version = 7;
  e.hash = same_tag;
  e.tick = tick;
  return e;
}

struct bucket_with_control {
  rw_conn_bucket bucket{};
  rw_lb_control control{};
  bucket_with_control() {
    control.timeout[RW_CONN_NEW] = 10;
    control.timeout[RW_CONN_LIVE] = 100;
    control.timeout[RW_CONN_CLOSING] = 5;
  }
  rw_conn_place room(std::uint32_t tick) {
    rw_conn_place p{};
    rw_conn_room(&bucket, &control, tick, &p);
    return p;
  }
  std::uint32_t enter(const rw_conn_entry& e) {
    const rw_conn_place p = room(e.tick);
    REQUIRE(rw_conn_enter(&bucket, p.slot, p.word, &e) == 1);
    return p.slot;
  }
  std::uint32_t find(const rw_conn_entry& e, rw_conn_hit& hit) {
    return rw_conn_find(&bucket, &e.key, rw_conn_tag_of(e.hash), &hit);
  }
  void state(std::uint32_t slot, std::uint8_t to, std::uint32_t tick) {
    rw_conn_touch(&bucket, slot, bucket.word[slot], to, tick);
  }
};

}  // namespace

TEST_CASE("what was entered is found, with its real, and nothing else is") {
  bucket_with_control t;
  for (std::uint32_t n = 0; n < 8; ++n) CHECK(t.enter(entry(n)) == n);
  for (std::uint32_t n = 0; n < 8; ++n) {
    rw_conn_hit hit{};
    CHECK(t.find(entry(n), hit) == n);
    CHECK(hit.real == n);
    CHECK(hit.real_version == 7);
    CHECK(rw_conn_state(hit.word) == RW_CONN_NEW);
  }
  rw_conn_hit hit{};
  CHECK(t.find(entry(8), hit) == RW_CONN_WAYS);
  rw_conn_entry other = entry(3);
  other.hash = 0;  // another tag
  CHECK(t.find(other, hit) == RW_CONN_WAYS);
}

TEST_CASE("a new flow takes a free place, else the expired, the half open or closing, the oldest one") {
  bucket_with_control t;
  for (std::uint32_t n = 0; n < 8; ++n) t.state(t.enter(entry(n)), RW_CONN_LIVE, 100 + n);
  CHECK(t.room(107).kind == RW_CONN_IS_LIVE);
  CHECK(t.room(107).slot == 0);  // the oldest
  t.state(5, RW_CONN_CLOSING, 105);
  CHECK(t.room(107).kind == RW_CONN_IS_HALF);
  CHECK(t.room(107).slot == 5);
  CHECK(t.room(111).kind == RW_CONN_IS_EXPIRED);  // closing for more than 5 s
  CHECK(t.room(111).slot == 5);
  t.bucket.word[6] = 0;
  CHECK(t.room(111).kind == RW_CONN_IS_FREE);
  CHECK(t.room(111).slot == 6);
  for (__u64& word : t.bucket.word) word = rw_conn_word(1, 100, RW_CONN_CLAIMED, 3);
  CHECK(t.room(111).kind == RW_CONN_IS_CLAIMED);  // not to be had
}

TEST_CASE("an emptier bucket is preferred, and of two full ones the one with less to lose") {
  bucket_with_control full, emptier, half;
  for (std::uint32_t n = 0; n < 8; ++n) {
    full.state(full.enter(entry(n)), RW_CONN_LIVE, 100);
    half.state(half.enter(entry(n)), RW_CONN_LIVE, 100);
    if (n < 7) emptier.enter(entry(n));
  }
  half.state(2, RW_CONN_CLOSING, 100);
  CHECK(emptier.room(101).rank < full.room(101).rank);
  CHECK(emptier.room(101).rank < half.room(101).rank);
  CHECK(half.room(101).rank < full.room(101).rank);
}

TEST_CASE("an entry that changed since is not overwritten, and a claimed one is not found") {
  bucket_with_control t;
  const std::uint32_t slot = t.enter(entry(1));
  const rw_conn_entry other = entry(2);
  CHECK(rw_conn_enter(&t.bucket, slot, t.bucket.word[slot] + 1, &other) == 0);
  rw_conn_hit hit{};
  CHECK(t.find(entry(1), hit) == slot);
  t.bucket.word[slot] ^= std::uint64_t{RW_CONN_NEW ^ RW_CONN_CLAIMED} << 32;
  CHECK(t.find(entry(1), hit) == RW_CONN_WAYS);
}

TEST_CASE("the short way reads what the others read: every word of a flow, and its state") {
  const std::uint8_t family = GENERATE(4, 6);
  bucket_with_control t;
  std::array<std::uint8_t, 40> ip{};
  for (std::size_t i = 0; i < ip.size(); ++i) ip.at(i) = static_cast<std::uint8_t>(i + 1);
  rw_conn_entry e = entry(5);
  const std::size_t size = family == 4 ? 4 : 16, first = family == 4 ? 12 : 8;
  e.key.family = family;
  e.key.src[0] = 0;
  std::memcpy(e.key.src, &ip.at(first), size);
  std::memcpy(e.key.dst, &ip.at(first + size), size);
  rw_store64(&e.key.sport, rw_flow_last(7, 8, RW_IP_UDP, family));
  const std::uint32_t slot = t.enter(e);
  rw_known k{};
  k.ip = ip.data();
  k.family = family;
  k.last = rw_flow_last(7, 8, RW_IP_UDP, family);
  k.hash = e.hash;
  k.b = &t.bucket;
  REQUIRE(rw_known_tag(&k));
  CHECK(k.slot == slot);
  rw_conn_hit hit{};
  CHECK(rw_known_read(&k, &hit));
  CHECK((hit.real == 5 && hit.real_version == 7 && hit.word == t.bucket.word[slot]));
  for (std::size_t at = first; at < first + 2 * size; ++at) {
    ip.at(at) ^= 1;
    CHECK_FALSE(rw_known_read(&k, &hit));
    ip.at(at) ^= 1;
  }
  for (const std::uint64_t last :
       {rw_flow_last(7, 8, RW_IP_TCP, family), rw_flow_last(8, 8, RW_IP_UDP, family),
        rw_flow_last(7, 7, RW_IP_UDP, family)}) {
    k.last = last;
    CHECK_FALSE(rw_known_read(&k, &hit));
  }
  k.last = rw_flow_last(7, 8, RW_IP_UDP, family);
  CHECK(rw_known_read(&k, &hit));
  t.state(slot, RW_CONN_CLAIMED, 100);
  CHECK_FALSE(rw_known_read(&k, &hit));
  k.hash ^= 1ull << 32;
  CHECK_FALSE(rw_known_tag(&k));
}

TEST_CASE("of two equal keys the lower slot counts") {
  bucket_with_control t;
  for (const std::uint32_t real : {11u, 22u}) {
    rw_conn_entry e = entry(5);
    e.real = real;
    t.enter(e);
  }
  rw_conn_hit hit{};
  CHECK(t.find(entry(5), hit) == 0);
  CHECK(hit.real == 11);
}

TEST_CASE("a tick that another CPU has not seen yet makes nothing old") {
  const std::uint64_t word = rw_conn_word(1, 500, RW_CONN_LIVE, 0);
  CHECK(rw_conn_idle(word, 499) == 0);
  CHECK(rw_conn_idle(word, 500) == 0);
  CHECK(rw_conn_idle(word, 501) == 1);
  CHECK(rw_conn_idle(rw_conn_word(1, 65535, RW_CONN_LIVE, 0), 65536 + 4) == 5);
}

TEST_CASE("the two buckets of a flow differ, in tables of any size") {
  for (const std::uint32_t n : {2u, 3u, 8u, 131072u}) {
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      const std::uint64_t hash = rw_hash_end(i, 99);
      const std::uint32_t a = rw_conn_first(hash, n), b = rw_conn_second(hash, n);
      if (a >= n || b >= n || a == b) FAIL("of " << n << ": " << a << ", " << b);
    }
  }
}

TEST_CASE("a half full table of 2^17 evicts nothing alive") {
  constexpr std::uint32_t buckets = 1u << 14, flows = buckets * RW_CONN_WAYS / 2;
  std::vector<rw_conn_bucket> table(buckets);
  rw_lb_control control{};
  for (std::uint16_t& t : control.timeout) t = 1000;
  std::uint32_t evicted = 0;
  for (std::uint32_t n = 0; n < flows; ++n) {
    rw_conn_entry e = entry(n);
    const rw_hash_key key = {1, 2};
    e.hash = rw_flow_hash(&e.key, &key);
    rw_conn_bucket& a = table[rw_conn_first(e.hash, buckets)];
    rw_conn_bucket& b = table[rw_conn_second(e.hash, buckets)];
    rw_conn_place pa{}, pb{};
    rw_conn_room(&a, &control, 100, &pa);
    rw_conn_room(&b, &control, 100, &pb);
    const bool second = pb.rank < pa.rank;
    const rw_conn_place& p = second ? pb : pa;
    evicted += p.kind != RW_CONN_IS_FREE;
    rw_conn_enter(second ? &b : &a, p.slot, p.word, &e);
  }
  CHECK(evicted == 0);
}
