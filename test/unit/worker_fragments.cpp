// SPDX-License-Identifier: BSD-2-Clause
// Packets of several frames: they stay whole, on both sides.
#include "functions.hpp"
#include "support/catch.hpp"
#include "support/testbed.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

/// Notes the lengths that process() sees, and sends everything to port 1.
struct notes {
  std::vector<std::uint32_t> first{}, total{};
  verdict out = 1;
  void process(batch& b) noexcept {
    for (packet& p : b) first.push_back(p.len), total.push_back(p.total), p.out = out;
  }
};

}  // namespace

TEST_CASE("a packet of three frames crosses whole", "[fragments]") {
  testbed t({.first_index = GENERATE(0U, 0xffffffffU)});
  const sink out(t.kernel(1));
  worker<notes> w(t.config(), {});
  const auto p = frame(1, 4000);
  REQUIRE(t.kernel(0).deliver(frame(0)));
  REQUIRE(t.kernel(0).deliver(p, 3));
  REQUIRE(t.kernel(0).deliver(frame(2)));
  CHECK(w.turn() == 3);
  CHECK(w.function().first == std::vector<std::uint32_t>{64, 1334, 64});
  CHECK(w.function().total == std::vector<std::uint32_t>{64, 4000, 64});
  CHECK(t.kernel(1).tx.filled() == 5);
  CHECK(t.port(0).rx_packets.read() == 3);
  CHECK(t.port(0).rx_bytes.read() == 4128);
  CHECK(t.port(1).tx_packets.read() == 3);
  CHECK(t.port(1).tx_bytes.read() == 4128);
  CHECK(t.kernel(1).transmit() == 3);
  REQUIRE(out.packets.size() == 3);
  CHECK(out.packets[1] == p);
  CHECK(t.misplaced_frame() == -1);
  w.turn();
  CHECK(w.ledger().tx == 0);
  CHECK(w.ledger().leaked() == 0);
}

TEST_CASE("a packet whose last frame has not come yet is left in the ring", "[fragments]") {
  testbed t;
  const sink out(t.kernel(1));
  worker<notes> w(t.config(), {});
  REQUIRE(t.kernel(0).deliver(frame(0)));
  const auto p = frame(1, 300);
  REQUIRE(t.kernel(0).deliver(p, 3));
  const xdp_desc last = t.kernel(0).rx.peek(3);
  t.kernel(0).rx.unput();
  CHECK(w.turn() == 1);
  CHECK(w.turn() == 0);
  CHECK(t.kernel(0).rx.filled() == 2);
  CHECK(t.port(0).rx_packets.read() == 1);
  t.kernel(0).rx.put(last);
  CHECK(w.turn() == 1);
  CHECK(w.function().total == std::vector<std::uint32_t>{64, 300});
  t.kernel(1).transmit();
  REQUIRE(out.packets.size() == 2);
  CHECK(out.packets[1] == p);
}

TEST_CASE("a packet that the end of a batch would split waits whole for the next batch", "[fragments]") {
  testbed t;
  worker<notes, 4> w(t.config(), {});  // a batch looks at 4 + 17 descriptors
  REQUIRE(t.kernel(0).deliver(frame(0, 1000), 10));
  REQUIRE(t.kernel(0).deliver(frame(1, 1000), 10));
  REQUIRE(t.kernel(0).deliver(frame(2, 90), 3));
  CHECK(w.turn() == 2);
  CHECK(t.kernel(0).rx.filled() == 3);
  CHECK(w.turn() == 1);
  CHECK(w.function().total == std::vector<std::uint32_t>{1000, 1000, 90});
}

TEST_CASE("the longest packet of the kernel fits into an empty batch of any capacity", "[fragments]") {
  testbed t;
  worker<notes, 1> w(t.config(), {});
  REQUIRE(t.kernel(0).deliver(frame(0, 1800), max_fragments));
  CHECK(w.turn() == 1);
  CHECK(w.function().total == std::vector<std::uint32_t>{1800});
  CHECK(t.kernel(1).tx.filled() == max_fragments);
}

TEST_CASE("a chain is staged whole or not at all", "[fragments]") {
  testbed t({.ring = 8, .frames = 100});
  const sink out(t.kernel(1));
  worker<notes> w(t.config(), {});
  for (std::uint32_t i = 0; i < 6; ++i) REQUIRE(t.kernel(0).deliver(frame(i)));
  CHECK(w.turn() == 6);
  const std::uint32_t pool = w.ledger().pool;
  REQUIRE(t.kernel(0).deliver(frame(6, 300), 3));  // two slots are left
  CHECK(w.turn() == 1);
  CHECK(t.kernel(1).tx.filled() == 6);
  CHECK(t.drops(1, RW_REASON_TX_RING_FULL) == 1);
  CHECK(w.ledger().pool == pool - 6 + 3);  // six went to the fill ring, three came back
  CHECK(t.misplaced_frame() == -1);
  REQUIRE(t.kernel(0).deliver(frame(7, 200), 2));
  CHECK(w.turn() == 1);
  CHECK(t.kernel(1).tx.room() == 0);
  CHECK(t.kernel(1).transmit() == 7);
  CHECK(out.packets.back().size() == 200);
  CHECK(balance(t, 2).holds());
}

TEST_CASE("a chain that is dropped, or that cannot be kept, gives all its frames back", "[fragments]") {
  testbed t;
  worker<notes> w(t.config(), {});
  const auto [out, reason] = GENERATE(table<verdict, std::uint32_t>(
      {{drop(RW_REASON_NF), RW_REASON_NF}, {taken, RW_REASON_TOO_MANY_FRAGS}, {9, RW_REASON_BAD_PORT}}));
  w.function().out = out;
  REQUIRE(t.kernel(0).deliver(frame(0, 300), 3));
  CHECK(w.turn() == 1);
  CHECK(t.drops(0, reason) == 1);
  CHECK(balance(t, 2).holds());
  CHECK(balance(t, 2).drops == 1);
  CHECK(w.ledger().leaked() == 0);
  CHECK(t.misplaced_frame() == -1);
}

TEST_CASE("a chain longer than any of the kernel's is one drop, up to its end", "[fragments]") {
  testbed t;
  const sink out(t.kernel(1));
  worker<notes, 1> w(t.config(), {});  // a batch looks at 18 descriptors
  REQUIRE(t.kernel(0).deliver(frame(0, 4500), 45));
  REQUIRE(t.kernel(0).deliver(frame(1)));
  std::uint32_t received = 0;
  for (int i = 0; i < 6; ++i) received += w.turn();
  CHECK(received == 1);
  CHECK(t.drops(0, RW_REASON_TOO_MANY_FRAGS) == 1);
  CHECK(t.port(0).rx_packets.read() == 2);
  CHECK(balance(t, 2).holds());
  t.kernel(1).transmit();
  CHECK(out.ids() == std::vector<std::uint32_t>{1});
  CHECK(w.ledger().leaked() == 0);
  CHECK(t.misplaced_frame() == -1);
}
