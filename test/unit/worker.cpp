// SPDX-License-Identifier: BSD-2-Clause
// The hot loop over rings in plain memory: where packets go, and what is counted.
#include <algorithm>
#include <ringway/nf/l2.hpp>

#include "functions.hpp"
#include "support/catch.hpp"
#include "support/testbed.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

rw_l2 l2_config(rw_l2_mode mode, port_id port, port_id out) {
  rw_l2 c{};
  c.mode = static_cast<__u8>(mode), c.port = port, c.out = out;
  return c;
}

}  // namespace

TEST_CASE("a new worker has filled its fill rings, and nothing is missing", "[worker]") {
  testbed t;
  worker<to_port> w(t.config(), {1});
  for (std::size_t q = 0; q < 2; ++q) CHECK(t.kernel(q).fill.room() == 0);
  CHECK(w.ledger().fill == 2 * t.kernel(0).fill.size());
  CHECK(w.ledger().leaked() == 0);
  CHECK(t.misplaced_frame() == -1);
}

TEST_CASE("packets cross from port to port with exactly their bytes, in order", "[worker]") {
  testbed t({.first_index = GENERATE(0U, 0xfffffff0U), .first_worker = 1});
  const sink out(t.kernel(1));
  const rw_l2 ports[] = {l2_config(RW_L2_IO, 0, 1), l2_config(RW_L2_IO, 1, 0)};
  worker<nf::l2> w(t.config(), nf::l2(ports));
  std::vector<std::vector<std::byte>> sent;
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 0; i < 300; ++i) {
    sent.push_back(frame(i, 60 + i % 1700));
    bytes += sent.back().size();
    REQUIRE(t.kernel(0).deliver(sent.back()));
    if (i % 3 == 0) w.turn();
    t.kernel(1).transmit();
  }
  for (int i = 0; i < 20; ++i) w.turn(), t.kernel(1).transmit();
  w.turn();  // reaps what was sent last
  CHECK(out.packets == sent);
  CHECK(t.port(0).rx_packets.read() == 300);
  CHECK(t.port(0).rx_bytes.read() == bytes);
  CHECK(t.port(1).tx_packets.read() == 300);
  CHECK(t.port(1).tx_bytes.read() == bytes);
  CHECK(t.kernel(1).invalid == 0);
  CHECK(w.ledger().tx == 0);
  CHECK(w.ledger().leaked() == 0);
  CHECK(t.misplaced_frame() == -1);
}

TEST_CASE("macswap writes the packet in its frame, and nothing but the addresses", "[worker]") {
  testbed t({.queues = {0}});
  const sink out(t.kernel(0));
  const rw_l2 port = l2_config(RW_L2_MACSWAP, 0, 0);
  worker<nf::l2> w(t.config(), nf::l2({&port, 1}));
  std::vector<std::byte> p = frame(1, 99);
  REQUIRE(t.kernel(0).deliver(p));
  REQUIRE(t.kernel(0).deliver(frame(2, 13)));  // too short to have addresses
  CHECK(w.turn() == 2);
  t.kernel(0).transmit();
  std::swap_ranges(p.begin(), p.begin() + 6, p.begin() + 6);
  REQUIRE(out.packets.size() == 1);
  CHECK(out.packets[0] == p);
  CHECK(t.drops(0, RW_REASON_MALFORMED) == 1);
}

TEST_CASE("each verdict ends in exactly one counter", "[worker]") {
  struct expectation {
    verdict out;
    std::uint32_t reason;
  };
  for (const expectation e : {expectation{2, RW_REASON_BAD_PORT},
                              {RW_PORT_LAST, RW_REASON_BAD_PORT},
                              {drop(), RW_REASON_NO_VERDICT},
                              {drop(RW_REASON_MALFORMED), RW_REASON_MALFORMED},
                              {drop(RW_REASON_RX_ONLY), RW_REASON_RX_ONLY},
                              {drop(RW_REASON_TABLE_MISS), RW_REASON_TABLE_MISS},
                              {drop(RW_REASON_LIB_SLOTS), RW_REASON_NO_VERDICT},  // no such reason
                              {drop(RW_REASON_NF), RW_REASON_NF},
                              {drop(RW_REASON_NF + 63), RW_REASON_NF + 63},
                              {drop(RW_REASON_NF + 64), RW_REASON_NO_VERDICT},  // no such slot
                              {punt, RW_REASON_PUNT_UNAVAILABLE}}) {
    INFO("verdict " << e.out);
    testbed t;
    worker<scripted> w(t.config(), {{e.out}});
    REQUIRE(t.kernel(0).deliver(frame(1)));
    CHECK(w.turn() == 1);
    CHECK(t.drops(0, e.reason) == 1);
    const balance b(t, 2);
    CHECK(b.drops == 1);
    CHECK(b.holds());
    CHECK(w.ledger().leaked() == 0);
    CHECK(t.misplaced_frame() == -1);
  }
}

TEST_CASE("packets of one batch may go to different ports, and keep their order for each", "[worker]") {
  testbed t({.queues = {0, 1, 2}});
  const sink out0(t.kernel(0)), out1(t.kernel(1)), out2(t.kernel(2));
  worker<scripted> w(t.config(), {{1, 1, 0, 2, drop(), 2, 1}});
  for (std::uint32_t i = 0; i < 14; ++i) REQUIRE(t.kernel(1).deliver(frame(i)));
  CHECK(w.turn() == 14);
  for (std::size_t q = 0; q < 3; ++q) t.kernel(q).transmit();
  CHECK(out1.ids() == std::vector<std::uint32_t>{0, 1, 6, 7, 8, 13});
  CHECK(out0.ids() == std::vector<std::uint32_t>{2, 9});
  CHECK(out2.ids() == std::vector<std::uint32_t>{3, 5, 10, 12});
  CHECK(t.drops(1, RW_REASON_NO_VERDICT) == 2);
  CHECK(t.port(1).rx_packets.read() == 14);
  CHECK(t.port(2).tx_packets.read() == 4);
  CHECK(t.port(2).tx_bytes.read() == 4 * 64);
}

TEST_CASE("a worker serves every queue of a port and transmits on the first", "[worker]") {
  testbed t({.queues = {0, 0, 1}});
  const sink out(t.kernel(2));
  worker<to_port> w(t.config(), {1});
  for (std::uint32_t i = 0; i < 5; ++i) {
    REQUIRE(t.kernel(0).deliver(frame(i)));
    REQUIRE(t.kernel(1).deliver(frame(100 + i)));
  }
  CHECK(w.turn() == 10);
  t.kernel(2).transmit();
  CHECK(out.packets.size() == 10);
  CHECK(t.port(0).rx_packets.read() == 10);
  REQUIRE(t.kernel(2).deliver(frame(1)));
  w.function().port = 0;
  w.turn();
  CHECK(t.kernel(0).tx.filled() == 1);
  CHECK(t.kernel(1).tx.filled() == 0);
}

TEST_CASE("a batch holds at most its capacity; the rest waits for the next turn", "[worker]") {
  testbed t;
  worker<to_port, 16> w(t.config(), {1});
  for (std::uint32_t i = 0; i < 40; ++i) REQUIRE(t.kernel(0).deliver(frame(i)));
  CHECK(w.turn() == 16);
  CHECK(w.turn() == 16);
  CHECK(w.turn() == 8);
  CHECK(w.turn() == 0);
  CHECK(t.counters().turns.read() == 4);
  CHECK(t.counters().busy_turns.read() == 3);
  CHECK(t.counters().busy_ticks.read() > 0);
  CHECK(t.counters().longest_gap.read() > 0);
}

TEST_CASE("a full TX ring drops what does not fit, and goes on once it has room", "[worker]") {
  testbed t({.ring = 64});
  const sink out(t.kernel(1));
  worker<to_port> w(t.config(), {1});
  for (std::uint32_t i = 0; i < 100; ++i) {
    REQUIRE(t.kernel(0).deliver(frame(i)));
    w.turn();
  }
  CHECK(t.kernel(1).tx.room() == 0);
  CHECK(t.port(1).tx_packets.read() == 64);
  CHECK(t.drops(1, RW_REASON_TX_RING_FULL) == 36);  // at the egress port
  CHECK(balance(t, 2).holds());
  CHECK(t.misplaced_frame() == -1);
  t.kernel(1).transmit(3);
  for (std::uint32_t i = 100; i < 105; ++i) REQUIRE(t.kernel(0).deliver(frame(i)));
  w.turn();
  CHECK(t.drops(1, RW_REASON_TX_RING_FULL) == 38);
  while (t.kernel(1).transmit() != 0) {
  }
  CHECK(out.packets.size() == 67);
  CHECK(out.ids().back() == 102);
  w.turn();
  CHECK(w.ledger().leaked() == 0);
}

TEST_CASE("a worker without free frames counts that, and goes on with what comes back", "[worker]") {
  testbed t({.queues = {0}, .ring = 64, .frames = 40});  // the fill ring alone has room for 128
  worker<to_port> w(t.config(), {0});
  CHECK(t.counters().pool_empty.read() == 1);
  CHECK(t.kernel(0).fill.filled() == 40);
  for (std::uint32_t i = 0; i < 40; ++i) REQUIRE(t.kernel(0).deliver(frame(i)));
  CHECK_FALSE(t.kernel(0).deliver(frame(40)));
  CHECK(t.kernel(0).rx_dropped == 1);
  CHECK(w.turn() == 40);
  CHECK(t.counters().pool_empty.read() == 2);
  CHECK(t.misplaced_frame() == -1);
  for (int i = 0; i < 3; ++i) t.kernel(0).transmit(), w.turn();
  CHECK(t.kernel(0).fill.filled() == 40);
  REQUIRE(t.kernel(0).deliver(frame(41)));
  CHECK(w.turn() == 1);
  CHECK(w.ledger().leaked() == 0);
}

TEST_CASE("run() forwards until it is told to stop", "[worker]") {
  testbed t;
  struct stops {
    std::atomic<bool>* stop;
    std::uint32_t left;
    void process(batch& b) noexcept {
      for (packet& p : b) p.out = 1;
      if ((left -= b.size()) == 0) stop->store(true);
    }
  };
  std::atomic<bool> stop{false};
  worker<stops, 8> w(t.config(), {&stop, 30});
  for (std::uint32_t i = 0; i < 30; ++i) REQUIRE(t.kernel(0).deliver(frame(i)));
  w.run(stop, GENERATE(0U, 1U));
  CHECK(t.port(1).tx_packets.read() == 30);
}
