// SPDX-License-Identifier: BSD-2-Clause
// Frames that functions keep and make, that the kernel returns wrongly, and that are left at the end.
#include "functions.hpp"
#include "support/catch.hpp"
#include "support/testbed.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

/// Keeps packets with an odd id; gives them back, to port 1, once it is told to.
struct keeps {
  bool release = false;
  std::vector<packet> kept{};
  void process(batch& b) noexcept {
    for (packet& p : b) {
      p.out = (std::to_integer<int>(p.data[0]) & 1) != 0 ? taken : 1;
      if (p.out == taken) kept.push_back(p);
    }
    while (release && !kept.empty()) {
      kept.back().out = 1;
      if (!b.put(kept.back())) return;
      kept.pop_back();
    }
  }
};

/// Sends a packet of its own to port 1 for each tick of port 0.
struct beats {
  std::vector<port_id> ticks{};
  std::uint32_t not_empty = 0;
  void process(batch& b) noexcept {
    for (packet& p : b) p.out = drop(RW_REASON_NF);
  }
  void tick(batch& b) noexcept {
    ticks.push_back(b.ingress());
    not_empty += !b.empty();
    if (b.ingress() != 0) return;
    if (packet* p = b.make(60)) {
      std::fill_n(p->data, 60, std::byte{7});
      p->out = 1;
    }
  }
};

/// Floods: the packet itself to port 0, a copy to port 1, and a copy without verdict.
struct floods {
  void process(batch& b) noexcept {
    for (packet& p : b) {
      p.out = 0;
      if (packet* c = b.copy(p)) c->out = 1;
      (void)b.copy(p);
    }
  }
};

}  // namespace

TEST_CASE("a packet that was taken stays whole with the function until it is put back", "[frames]") {
  testbed t;
  const sink out(t.kernel(1));
  worker<keeps> w(t.config(), {});
  for (std::uint32_t i = 0; i < 6; ++i) REQUIRE(t.kernel(0).deliver(frame(i, 100)));
  CHECK(w.turn() == 6);
  CHECK(t.port(0).taken.read() == 3);
  CHECK(w.ledger().taken == 3);
  CHECK(w.ledger().leaked() == 0);
  CHECK(t.misplaced_frame() == -1);
  CHECK(balance(t, 2).holds());
  t.kernel(1).transmit();
  for (std::uint32_t i = 6; i < 40; i += 2) {  // other traffic does not touch them
    REQUIRE(t.kernel(0).deliver(frame(i, 100)));
    w.turn(), t.kernel(1).transmit();
  }
  w.function().release = true;
  REQUIRE(t.kernel(0).deliver(frame(40, 100)));
  w.turn(), t.kernel(1).transmit(), w.turn();
  CHECK(t.port(0).taken.read() == 0);
  CHECK(w.ledger().taken == 0);
  REQUIRE(out.packets.size() == 24);
  for (const auto& p : out.packets) CHECK(p == frame(id_of(p), 100));
  CHECK(out.ids()[21] == 5);
  CHECK(out.ids()[23] == 1);
  CHECK(balance(t, 2).holds());
  CHECK(balance(t, 2).made == 0);
  CHECK(w.ledger().leaked() == 0);
}

TEST_CASE("tick() comes once for each port, with an empty batch, and what it makes leaves at once",
          "[frames]") {
  testbed t({.tick_interval = 0});  // every turn
  const sink out(t.kernel(1));
  worker<beats> w(t.config(), {});
  CHECK(w.turn() == 0);
  CHECK(w.function().ticks == std::vector<port_id>{0, 1});
  REQUIRE(t.kernel(0).deliver(frame(1)));
  CHECK(w.turn() == 1);
  CHECK(w.function().ticks == std::vector<port_id>{0, 1, 0, 1});
  CHECK(w.function().not_empty == 0);
  CHECK(t.kernel(1).transmit() == 2);
  CHECK(out.packets == std::vector<std::vector<std::byte>>(2, std::vector<std::byte>(60, std::byte{7})));
  CHECK(t.port(0).made.read() == 2);
  CHECK(t.port(1).tx_packets.read() == 2);
  CHECK(balance(t, 2).holds());
  CHECK(w.ledger().leaked() == 0);
}

TEST_CASE("without its interval having passed there is no tick", "[frames]") {
  testbed t;
  worker<beats> w(t.config(), {});
  for (int i = 0; i < 10; ++i) w.turn();
  CHECK(w.function().ticks.empty());
}

TEST_CASE("copies are packets of their own, and counted as made", "[frames]") {
  testbed t;
  const sink out0(t.kernel(0)), out1(t.kernel(1));
  worker<floods> w(t.config(), {});
  for (std::uint32_t i = 0; i < 5; ++i) REQUIRE(t.kernel(0).deliver(frame(i, 77)));
  CHECK(w.turn() == 5);
  t.kernel(0).transmit(), t.kernel(1).transmit(), w.turn();
  CHECK(out0.packets == out1.packets);
  CHECK(out0.packets.size() == 5);
  CHECK(t.port(0).made.read() == 10);
  CHECK(t.drops(0, RW_REASON_NO_VERDICT) == 5);
  CHECK(balance(t, 2).holds());
  CHECK(w.ledger().leaked() == 0);
  CHECK(t.misplaced_frame() == -1);
}

TEST_CASE("addresses on the completion ring that are not ours to reap are counted and left alone",
          "[frames]") {
  testbed t({.first_worker = 1});
  worker<to_port> w(t.config(), {1});
  REQUIRE(t.kernel(0).deliver(frame(1)));
  w.turn();
  const std::uint64_t sent = t.kernel(1).tx.peek().addr;
  const std::uint64_t end = t.umem().memory.bytes();
  const std::uint64_t in_fill = t.kernel(0).fill.peek();
  t.kernel(1).transmit();
  for (const std::uint64_t bad :
       {sent, end, end + 1, ~std::uint64_t{0}, std::uint64_t{0} /* other worker's */, in_fill,
        t.state().stack[0] * std::uint64_t{2048} /* free */})
    t.kernel(1).completion.put(bad);
  const std::uint32_t pool = w.ledger().pool;
  w.turn();
  CHECK(t.counters().bad_completions.read() == 7);
  CHECK(w.ledger().pool == pool);  // the frame that was sent came back, and one went to the fill ring
  CHECK(w.ledger().tx == 0);
  CHECK(t.misplaced_frame() == -1);
  CHECK(w.ledger().leaked() == 0);
}

TEST_CASE("a fill ring that is full costs no frame", "[frames]") {
  testbed t({.queues = {0}, .ring = 64});
  for (std::uint64_t i = 0; i < 100; ++i) t.kernel(0).fill.put(0);
  xsk taken_over = t.kernel(0).socket();  // its ring has room for 28
  worker_config c = t.config();
  c.queues = {{&taken_over, 0}};
  worker<to_port> w(c, {0});
  CHECK(t.kernel(0).fill.room() == 0);
  CHECK(w.ledger().fill == 28);
  CHECK(w.ledger().leaked() == 0);
  CHECK(t.counters().pool_empty.read() == 0);
  w.turn();
  CHECK(w.ledger().leaked() == 0);
}

TEST_CASE("what TX holds at the end was not transmitted, and is counted so", "[frames]") {
  testbed t;
  const sink out(t.kernel(1));
  worker<to_port> w(t.config(), {1});
  for (std::uint32_t i = 0; i < 4; ++i) REQUIRE(t.kernel(0).deliver(frame(i, 100)));
  REQUIRE(t.kernel(0).deliver(frame(4, 300), 3));
  REQUIRE(t.kernel(0).deliver(frame(5, 80)));
  w.turn();
  t.kernel(1).transmit(2);
  for (std::uint32_t i = 6; i < 8; ++i) REQUIRE(t.kernel(0).deliver(frame(i, 70)));  // drain() empties RX
  w.drain(1'000'000);
  CHECK(t.port(0).rx_packets.read() == 8);
  CHECK(t.port(1).tx_packets.read() == 2);
  CHECK(t.port(1).tx_bytes.read() == 200);
  CHECK(t.drops(1, RW_REASON_TX_UNSENT) == 6);
  CHECK(balance(t, 2).holds());
  CHECK(w.ledger().leaked() == 0);
  CHECK(w.ledger().tx == 8);  // still the kernel's, six packets of eight frames
  CHECK(t.misplaced_frame() == -1);
}

TEST_CASE("a drain that finds everything sent ends at once", "[frames]") {
  testbed t;
  worker<to_port> w(t.config(), {1});
  w.drain(~std::uint64_t{0});
  CHECK(t.counters().turns.read() == 1);
  CHECK(t.drops(1, RW_REASON_TX_UNSENT) == 0);
}
