// SPDX-License-Identifier: BSD-2-Clause
// The worker on one thread, the kernel on another, and somebody who reads the counters: for TSan.
#include <thread>

#include "functions.hpp"
#include "support/catch.hpp"
#include "support/testbed.hpp"

using namespace ringway;
using namespace ringway::test;

TEST_CASE("packets cross between a kernel's and a worker's thread, bytes and frames intact",
          "[worker][threads]") {
  constexpr std::uint32_t packets = 30'000;
  testbed t({.first_index = 0xffffff00U});
  worker<to_port> w(t.config(), {1});
  std::atomic<bool> stop{false};
  std::thread thread([&] { w.run(stop, 0); });
  std::uint32_t arrived = 0, wrong = 0;
  t.kernel(1).sink = [&](std::span<const std::byte> p) {
    wrong += std::vector(p.begin(), p.end()) != frame(arrived, 60 + arrived % 40);
    ++arrived;
  };
  std::uint64_t backwards = 0, last = 0;
  for (std::uint32_t sent = 0; arrived < packets;) {
    // No more in flight than rings hold, so that nothing is dropped for want of room.
    if (sent < packets && sent - arrived < 48) {
      sent += t.kernel(0).deliver(frame(sent, 60 + sent % 40));
    } else if (t.kernel(1).transmit() == 0) {
      std::this_thread::yield();
    }
    const std::uint64_t seen = t.port(1).tx_packets.read();
    backwards += seen < last;
    last = seen;
  }
  stop.store(true);
  thread.join();
  CHECK(arrived == packets);
  CHECK(wrong == 0);
  CHECK(backwards == 0);
  CHECK(t.port(0).rx_packets.read() == packets);
  CHECK(t.port(1).tx_packets.read() == packets);
  w.turn();
  CHECK(w.ledger().leaked() == 0);
  CHECK(w.ledger().tx == 0);
  CHECK(t.misplaced_frame() == -1);
}
