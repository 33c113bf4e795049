// SPDX-License-Identifier: BSD-2-Clause
// A million packets through a worker that does everything a function may do, beside a kernel that is at times
// slow, short of completions or wrong: nothing is lost, nothing is there twice. The seeds are fixed.
#include <map>

#include "support/catch.hpp"
#include "support/testbed.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

/// xorshift64*: the same numbers everywhere.
struct dice {
  std::uint64_t state;
  std::uint32_t operator()(std::uint32_t below) noexcept {
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return static_cast<std::uint32_t>(((state * 0x2545f4914f6cdd1dU) >> 32) * below >> 32);
  }
};

constexpr std::uint32_t made_id = 0xfffffff0U;

/// What happened to a packet is drawn anew for each. Every copy, and every packet of its own, has the id
/// made_id.
struct anything {
  dice roll;
  std::vector<packet> kept{};
  std::uint64_t decided[8] = {};

  static void name(packet& p, std::uint32_t id) noexcept {
    for (int i = 0; i < 4; ++i) p.data[i] = std::byte(id >> (8 * i));
  }
  void decide(batch& b, packet& p) noexcept {
    const std::uint32_t what = roll(100);
    if (what < 80)
      p.out = static_cast<verdict>(what & 1), ++decided[0];
    else if (what < 84)
      p.out = drop(static_cast<std::uint16_t>(RW_REASON_NF + what)), ++decided[1];
    else if (what < 86)
      p.out = 5, ++decided[2];
    else if (what < 88)
      p.out = punt, ++decided[3];
    else if (what < 90)
      ++decided[4];  // forgotten
    else if (what < 94) {
      p.out = taken, ++decided[5];
      if (p.next == packet::no_fragment) kept.push_back(p);
    } else if (packet* c = what < 98 ? b.copy(p) : b.make(60 + roll(1000))) {
      name(*c, made_id);
      c->out = static_cast<verdict>(roll(3));  // of which 2 does not exist
      p.out = 0, ++decided[6];
    }
  }
  void process(batch& b) noexcept {
    const std::size_t before = kept.size();  // of earlier batches: this one's packets are still in it
    for (packet& p : b) {
      decide(b, p);
      // The head moves away and back, the tail grows; the id stays the first word.
      const std::uint32_t n = roll(300);
      const std::uint32_t room = b.headroom(p);
      if (b.push(p, n) != (n <= room) || (n <= room && !b.pull(p, n))) ++decided[7];
      if (roll(8) == 0) (void)b.resize(p, static_cast<std::int32_t>(roll(64)));
    }
    for (std::size_t i = before; i != 0 && roll(3) == 0; --i) {
      kept[i - 1].out = 1;
      if (!b.put(kept[i - 1])) break;
      kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(i - 1));
    }
  }
};

/// The whole run: one seed, `packets` delivered.
struct run {
  run(std::uint64_t seed, std::uint32_t packets, std::uint32_t frames)
      : t({.queues = {0, 1, 0},
           .ring = 64,
           .frames = frames,
           .first_index = static_cast<std::uint32_t>(-3000)}),
        w(t.config(), {{seed * 7919 + 1}}),
        roll{seed} {
    for (std::size_t q = 0; q < 3; ++q)
      t.kernel(q).sink = [this](std::span<const std::byte> p) { arrived(id_of(p)); };
    seen.resize(packets);
    for (std::uint32_t turn = 0; next < packets; ++turn) {
      for (std::uint32_t n = roll(100); n != 0 && next < packets; --n) deliver();
      w.turn();
      // Now and then the kernel sends nothing for a while, or a bit only.
      for (std::size_t q = 0; q < 3; ++q)
        if (roll(4) != 0) t.kernel(q).transmit(roll(100));
      if (roll(50) == 0) return_wrongly(t.kernel(0));
      if (turn % 32 == 0) check();
    }
    for (int i = 0; i < 200; ++i) {
      w.turn();
      for (std::size_t q = 0; q < 3; ++q) t.kernel(q).transmit();
    }
    w.turn(), check();
  }
  void deliver() {
    fake_kernel& k = t.kernel(roll(3));
    const std::uint32_t fragments = roll(10) == 0 ? 1 + roll(5) : 1;
    if (k.deliver(frame(next, 40 + roll(100)), fragments)) ++delivered;
    ++next;
  }
  /// Addresses that no worker waits for: beyond the end, and of a frame that is free.
  void return_wrongly(fake_kernel& k) {
    if (k.completion.room() < 2) return;
    k.completion.put(t.umem().memory.bytes() + roll(1 << 20)), ++wrong;
    const worker_state s = t.state();
    if (*s.pool_size != 0) k.completion.put(std::uint64_t{s.stack[0]} * 2048), ++wrong;
    (void)w.turn();
  }
  void arrived(std::uint32_t id) {
    ++transmitted;
    if (id == made_id) return;
    if (id >= seen.size())
      ++unknown;
    else
      duplicated += seen[id]++ != 0;
  }
  void check() {
    ++checks;
    leaked += w.ledger().leaked() != 0;
    misplaced += t.misplaced_frame() != -1;
    unbalanced += !balance(t, 2).holds();
  }

  std::vector<std::uint8_t> seen;
  std::uint32_t next = 0;
  std::uint64_t delivered = 0, wrong = 0, transmitted = 0, unknown = 0, duplicated = 0;
  std::uint64_t checks = 0, leaked = 0, misplaced = 0, unbalanced = 0;
  testbed t;
  worker<anything> w;
  dice roll;
};

}  // namespace

TEST_CASE("a million packets: none is lost or doubled, and every frame is in one place", "[conservation]") {
  // The last has too few frames for its rings, so that pools run empty.
  const auto [seed, frames] =
      GENERATE(table<std::uint64_t, std::uint32_t>({{1, 0}, {2, 0}, {3, 0}, {4, 450}}));
  INFO("seed " << seed);
  run r(seed, 250'000, frames);
  CHECK(r.checks > 150);
  CHECK(r.leaked == 0);
  CHECK(r.misplaced == 0);
  CHECK(r.unbalanced == 0);
  CHECK(r.duplicated == 0);
  CHECK(r.unknown == 0);
  const balance b(r.t, 2);
  CHECK(b.rx == r.delivered);
  CHECK(b.tx == r.transmitted);
  CHECK(r.w.ledger().tx == 0);
  CHECK(r.w.function().kept.size() == b.taken);
  CHECK(r.t.counters().bad_completions.read() == r.wrong);
  std::uint64_t lost = 0, invalid = 0;
  for (std::size_t q = 0; q < 3; ++q) {
    lost += r.t.kernel(q).rx_dropped + r.t.kernel(q).rx_ring_full;
    invalid += r.t.kernel(q).invalid;
  }
  CHECK(r.delivered + lost == 250'000);
  CHECK(invalid == 0);
  // The run reached what it is about.
  const anything& f = r.w.function();
  for (int i = 0; i < 7; ++i) CHECK(f.decided[i] > 1000);
  CHECK(f.decided[7] == 0);  // push() and pull() did as headroom() said
  CHECK(r.delivered > 100'000);
  CHECK(r.wrong > 100);
  CHECK(r.t.drops(1, RW_REASON_TX_RING_FULL) > 0);
  CHECK(b.made > 1000);
  CHECK((frames == 0 || r.t.counters().pool_empty.read() > 0));
}
