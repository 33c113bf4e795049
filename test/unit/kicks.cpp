// SPDX-License-Identifier: BSD-2-Clause
// What a worker does with every answer of sendto() and recvfrom(), and when it calls them. The calls on
// sockets in plain memory (descriptor -1) come here instead of the kernel.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ringway/tsc.hpp>

#include "functions.hpp"
#include "support/catch.hpp"
#include "support/testbed.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

std::function<int()> on_sendto, on_recvfrom;  // 0 or an errno

ssize_t answer(const std::function<int()>& script) {
  if (const int e = script ? script() : EBADF; e != 0) return errno = e, -1;
  return 0;
}

}  // namespace

extern "C" ssize_t sendto(int fd, const void* data, size_t n, int flags, const sockaddr* to, socklen_t len) {
  if (fd == -1) return answer(on_sendto);
  return ::syscall(SYS_sendto, fd, data, n, flags, to, len);
}
extern "C" ssize_t recvfrom(int fd, void* data, size_t n, int flags, sockaddr* from, socklen_t* len) {
  if (fd == -1) return answer(on_recvfrom);
  return ::syscall(SYS_recvfrom, fd, data, n, flags, from, len);
}

namespace {

constexpr std::uint64_t for_ever = std::uint64_t{1} << 62;

/// One port in copy mode: TX always wants a call. Counts them.
struct copy_mode {
  explicit copy_mode(testbed_options o = {}) : t(with_one_port(o)) {
    t.kernel(0).tx.want_wakeup(true);
    on_sendto = [this] { return ++calls, kernel_says ? kernel_says() : sends(); };
    on_recvfrom = [this] { return ++rx_calls, rx_says; };
  }
  ~copy_mode() { on_sendto = on_recvfrom = nullptr; }
  static testbed_options with_one_port(testbed_options o) {
    o.queues = {0};
    if (o.ring == 64) o.ring = 256;
    return o;
  }
  void deliver(std::uint32_t n) {
    for (; n != 0; --n) REQUIRE(t.kernel(0).deliver(frame(next++)));
  }
  /// The kernel of today: a budget of packets a call, EAGAIN while there are more.
  int sends() {
    t.kernel(0).transmit();
    return t.kernel(0).tx.filled() != 0 ? EAGAIN : 0;
  }
  std::uint64_t drops(std::uint32_t reason) { return t.drops(0, reason); }
  void check_balance(worker<to_port, 256>& w) {
    CHECK(t.counters().kicks.read() == calls);
    CHECK(balance(t, 1).holds());
    CHECK(w.ledger().leaked() == 0);
    CHECK(t.misplaced_frame() == -1);
  }

  testbed t;
  std::function<int()> kernel_says;
  int rx_says = 0;
  std::uint64_t calls = 0, rx_calls = 0;
  std::uint32_t next = 0;
};

}  // namespace

TEST_CASE("without the wake-up flag there is no call; with it there is one", "[kicks]") {
  copy_mode m;
  worker<to_port, 256> w(m.t.config(), {0});
  m.t.kernel(0).tx.want_wakeup(false);
  m.deliver(1), w.turn();
  CHECK(m.calls == 0);
  CHECK(m.t.kernel(0).tx.filled() == 1);
  SECTION("a driver that fell asleep after we had looked is woken by the next turn") {
    m.t.kernel(0).tx.want_wakeup(true);
    w.turn();
    CHECK(m.calls == 1);
    CHECK(m.t.kernel(0).transmitted == 1);
  }
  SECTION("a driver that is awake is left alone") {
    for (int i = 0; i < 5; ++i) w.turn();
    CHECK(m.calls == 0);
  }
}

TEST_CASE("the kernel's budget is no end: calls go on while they make progress", "[kicks]") {
  copy_mode m;
  worker<to_port, 256> w(m.t.config(), {0});
  m.deliver(200);
  CHECK(w.turn() == 200);
  CHECK(m.calls == 7);  // 32 a call
  CHECK(m.t.kernel(0).transmitted == 200);
  w.turn();
  CHECK(m.calls == 7);
  CHECK(m.t.port(0).tx_packets.read() == 200);
  CHECK(m.t.counters().kick_errors.read() == 0);
  CHECK(w.ledger().tx == 0);
  m.check_balance(w);
}

TEST_CASE("calls without progress are few, and every turn tries again", "[kicks]") {
  copy_mode m;
  m.kernel_says = [] { return EAGAIN; };
  worker<to_port, 256> w(m.t.config(), {0});
  m.deliver(100), w.turn();
  CHECK(m.calls == 2);
  w.turn();
  CHECK(m.calls == 4);
  CHECK(w.ledger().tx == 100);
  m.kernel_says = nullptr;
  w.turn();
  CHECK(m.t.kernel(0).transmitted == 100);
  CHECK(m.t.counters().kick_errors.read() == 0);  // EAGAIN is no error
  m.check_balance(w);
}

TEST_CASE("a kernel that sends one packet a call is called once for each, no more", "[kicks]") {
  copy_mode m;
  m.kernel_says = [&m] { return m.t.kernel(0).transmit(1), EAGAIN; };
  worker<to_port, 256> w(m.t.config(), {0});
  m.deliver(200), w.turn();
  CHECK(m.calls == 200);
  m.check_balance(w);
}

TEST_CASE("a kernel that shows its progress one call late is called on", "[kicks]") {
  copy_mode m;
  std::uint32_t unseen = 0;
  m.kernel_says = [&] {
    m.t.kernel(0).transmit(unseen);  // what the call before this one sent becomes visible
    unseen = std::min(m.t.kernel(0).tx.filled(), fake_kernel::budget);
    return unseen != 0 ? EAGAIN : 0;
  };
  worker<to_port, 256> w(m.t.config(), {0});
  m.deliver(150), w.turn();
  CHECK(m.t.kernel(0).transmitted == 150);
  m.check_balance(w);
}

TEST_CASE("a full completion ring is emptied between two calls", "[kicks]") {
  copy_mode m({.ring = 32, .frames = 400});
  worker<to_port, 256> w(m.t.config(), {0});
  for (int round = 0; round < 10; ++round) {
    m.deliver(32);
    CHECK(w.turn() == 32);
  }
  CHECK(m.t.kernel(0).transmitted == 320);
  CHECK(m.drops(RW_REASON_TX_RING_FULL) == 0);
  m.check_balance(w);
}

TEST_CASE("EBUSY is one packet lost in the device, and the others are sent", "[kicks]") {
  copy_mode m;
  m.kernel_says = [&m] {
    m.t.kernel(0).transmit(m.calls == 2 ? 1 : 10);  // the second call loses what it took first
    return m.calls == 2 ? EBUSY : m.t.kernel(0).tx.filled() != 0 ? EAGAIN : 0;
  };
  worker<to_port, 256> w(m.t.config(), {0});
  m.deliver(40), w.turn();
  CHECK(m.calls == 5);
  CHECK(m.t.kernel(0).tx.filled() == 0);
  CHECK(m.drops(RW_REASON_TX_DEVICE) == 1);
  CHECK(m.t.port(0).tx_packets.read() == 39);
  CHECK(m.t.counters().kick_errors.read() == 1);
  m.check_balance(w);
}

TEST_CASE("a device that loses everything costs a call for each packet, and all are counted", "[kicks]") {
  copy_mode m;
  m.kernel_says = [&m] { return m.t.kernel(0).transmit(1), EBUSY; };
  worker<to_port, 256> w(m.t.config(), {0});
  m.deliver(50), w.turn();
  CHECK(m.calls == 50);
  CHECK(m.drops(RW_REASON_TX_DEVICE) == 50);
  CHECK(m.t.port(0).tx_packets.read() == 0);
  m.check_balance(w);
}

TEST_CASE("after ENETDOWN, ENOBUFS or EINTR calls pause; then the old packets go out", "[kicks]") {
  const int said = GENERATE(ENETDOWN, ENOBUFS, EINTR);
  INFO(strerror(said));
  SECTION("within the pause nothing is called, and what does not fit is dropped") {
    copy_mode m({.tx = {.retries = 3, .pause = for_ever, .stall = for_ever}});
    m.kernel_says = [said] { return said; };
    worker<to_port, 256> w(m.t.config(), {0});
    m.deliver(1), w.turn();
    for (int i = 0; i < 100; ++i) m.deliver(3), w.turn();
    CHECK(m.calls == 1);
    CHECK(m.t.counters().kick_errors.read() == 1);
    CHECK(w.ledger().tx == 256);
    CHECK(m.drops(RW_REASON_TX_RING_FULL) == 45);
    CHECK(m.t.counters().device_gone.read() == 0);
    m.check_balance(w);
  }
  SECTION("after it they go on, with the packets that were there") {
    copy_mode m({.tx = {.pause = 0, .stall = for_ever}});
    m.kernel_says = [said] { return said; };
    worker<to_port, 256> w(m.t.config(), {0});
    m.deliver(3), w.turn();
    CHECK(m.calls == 1);
    CHECK(w.ledger().tx == 3);
    m.kernel_says = nullptr;
    w.turn();
    CHECK(m.t.kernel(0).transmitted == 3);
    CHECK(m.t.port(0).tx_packets.read() == 3);
    m.check_balance(w);
  }
}

TEST_CASE("ENXIO says that the device is gone, on either side", "[kicks]") {
  copy_mode m({.tx = {.pause = for_ever, .stall = for_ever}});
  SECTION("when sending") {
    m.kernel_says = [] { return ENXIO; };
    worker<to_port, 256> w(m.t.config(), {0});
    m.deliver(2), w.turn(), w.turn();
    CHECK(m.t.counters().device_gone.read() == 1);
    CHECK(m.t.counters().kick_errors.read() == 1);
    m.check_balance(w);
  }
  SECTION("when waking the receive side") {
    m.rx_says = ENXIO;
    m.t.kernel(0).fill.want_wakeup(true);
    worker<to_port, 256> w(m.t.config(), {0});
    w.turn();
    CHECK(m.t.counters().device_gone.read() == 1);
  }
}

TEST_CASE("the receive side is woken when it asks, and polled when busy polling is on", "[kicks]") {
  copy_mode m;
  m.rx_says = GENERATE(0, EAGAIN, ENETDOWN);
  worker_config c = m.t.config();
  SECTION("on its flag, and only with an empty RX ring") {
    worker<to_port, 256> w(c, {0});
    w.turn();
    CHECK(m.rx_calls == 0);
    m.t.kernel(0).fill.want_wakeup(true);
    w.turn();
    CHECK(m.rx_calls == 1);
    m.deliver(1), w.turn();
    CHECK(m.rx_calls == 1);
    CHECK(m.t.counters().rx_kicks.read() == 1);
  }
  SECTION("with busy polling always") {
    c.busy_poll = true;
    worker<to_port, 256> w(c, {0});
    w.turn(), w.turn();
    CHECK(m.rx_calls == 2);
  }
  CHECK(m.t.counters().device_gone.read() == 0);
}

TEST_CASE("a full ring is kicked as often as the policy says, once a turn, before packets are dropped",
          "[kicks]") {
  const std::uint32_t retries = GENERATE(0U, 1U, 3U);
  copy_mode m({.tx = {.retries = retries, .stall = for_ever}});
  m.kernel_says = [] { return EAGAIN; };
  worker<to_port, 256> w(m.t.config(), {0});
  m.deliver(256), w.turn();
  CHECK(m.t.kernel(0).tx.room() == 0);
  const std::uint64_t before = m.calls;
  m.deliver(50), w.turn();
  CHECK(m.drops(RW_REASON_TX_RING_FULL) == 50);
  CHECK(m.calls - before == 2 * retries + 2);  // two calls without progress each, and those that end the turn
  m.check_balance(w);

  m.kernel_says = nullptr;  // the kernel sends again: with a retry nothing is lost
  m.deliver(50), w.turn();
  CHECK(m.drops(RW_REASON_TX_RING_FULL) == (retries == 0 ? 100 : 50));
  m.check_balance(w);
}

TEST_CASE("a packet alone is kicked at once", "[kicks]") {
  copy_mode m({.tx = {.hold = for_ever, .stall = for_ever}});
  worker<to_port, 256> w(m.t.config(), {0});
  for (std::uint64_t i = 1; i <= 5; ++i) {
    m.deliver(1), w.turn();
    CHECK(m.calls == i);
    CHECK(m.t.kernel(0).transmitted == i);
  }
}

TEST_CASE("a kick is put off only while RX holds more", "[kicks]") {
  copy_mode m({.tx = {.hold = for_ever, .stall = for_ever}});
  worker<to_port, 8> w(m.t.config(), {0});
  m.deliver(20);
  w.turn();
  CHECK(m.calls == 0);
  w.turn();
  CHECK(m.calls == 0);
  w.turn();  // the last four
  CHECK(m.calls == 1);
  CHECK(m.t.kernel(0).transmitted == 20);
}

TEST_CASE("a kick is put off for a quarter of the ring at most", "[kicks]") {
  copy_mode m({.tx = {.hold = for_ever, .stall = for_ever}});  // 256 slots
  worker<to_port, 16> w(m.t.config(), {0});
  m.deliver(200);
  for (int i = 0; i < 3; ++i) w.turn();
  CHECK(m.calls == 0);
  w.turn();  // 64 are staged
  CHECK(m.calls == 2);
  CHECK(m.t.kernel(0).transmitted == 64);
  w.turn();
  CHECK(m.calls == 2);
}

TEST_CASE("a kick is put off for the hold time at most", "[kicks]") {
  const std::uint64_t hold = GENERATE(0U, 1U);  // a turn takes longer than a tick
  copy_mode m({.tx = {.hold = hold, .stall = for_ever}});
  worker<to_port, 4> w(m.t.config(), {0});
  m.deliver(40);
  w.turn();
  CHECK(m.calls == 1 - hold);
  w.turn();
  CHECK(m.t.kernel(0).transmitted == 8);
}

TEST_CASE("the watchdog kicks what makes no progress, and counts that", "[kicks]") {
  copy_mode m({.tx = {.stall = 1}, .tick_interval = 0});
  worker<to_port, 256> w(m.t.config(), {0});
  m.t.kernel(0).tx.want_wakeup(false);
  w.turn(), w.turn();
  CHECK(m.t.counters().stalls.read() == 0);  // nothing to be sent
  m.deliver(1), w.turn();
  w.turn();
  CHECK(m.t.counters().stalls.read() >= 1);
  m.t.kernel(0).transmit(), w.turn();  // the completion is progress
  const std::uint64_t stalls = m.t.counters().stalls.read();
  w.turn(), w.turn();
  CHECK(m.t.counters().stalls.read() == stalls);
  CHECK(w.ledger().tx == 0);
}

TEST_CASE("the first packets after a start or a long idle time are no stall", "[kicks]") {
  const std::uint64_t half = ticks() / 2;  // of the machine's life: long before now
  copy_mode m({.tx = {.stall = half}, .tick_interval = half});
  worker<to_port, 256> w(m.t.config(), {0});
  m.kernel_says = [] { return EAGAIN; };
  m.deliver(1), w.turn();  // with a tick: none came before
  CHECK(m.t.counters().stalls.read() == 0);
}
