// SPDX-License-Identifier: BSD-2-Clause
// What the kernel says to a socket, and what we make of it: every answer here comes from a real one.
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <ringway/error.hpp>

#include "../support/catch.hpp"
#include "../support/dut.hpp"
#include "../support/hand_worker.hpp"
#include "../support/mapped_ring.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

constexpr xsk_config small{.ring_size = 256, .busy_deadline = std::chrono::milliseconds(50)};

umem memory() { return umem({.frames = 1024, .frame_size = 2048}); }

/// One end of a veth pair to open sockets on, the other to look at.
struct pair {
  explicit pair(unsigned queues = 1) { make_veth(here, "d0", there, "g0", {.queues = queues}); }
  interface at() const {
    return here.at("d0");
  }
  netns_guard here{"dut"}, there{"gen"};
};

struct complaint {
  int number = 0;
  std::string text;
};
template <class Do>
complaint of(Do&& what) {
  try {
    what();
  } catch (const error& e) {
    return {e.number(), e.what()};
  }
  return {};
}

/// Frames 0 ... n-1 in the TX ring, published.
void stage(umem& memory, xsk& socket, std::uint32_t n) {
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto frame = make_frame({.number = static_cast<std::uint32_t>(i)});
    std::memcpy(memory.at(i * 2048), frame.data(), frame.size());
    REQUIRE(
        socket.tx.push({.addr = i * 2048, .len = static_cast<std::uint32_t>(frame.size()), .options = 0}));
  }
  socket.tx.publish();
}

std::uint32_t completed(xsk& socket) {
  const std::uint32_t n = socket.completion.available(socket.completion.size());
  socket.completion.release(n);
  return n;
}

void drop_cap_ipc_lock() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  ::syscall(SYS_capget, &header, sets);
  sets[0].effective &= ~(1u << CAP_IPC_LOCK);
  sets[0].permitted &= ~(1u << CAP_IPC_LOCK);
  ::syscall(SYS_capset, &header, sets);
}

}  // namespace

TEST_CASE("bind: a queue, an interface and a mode that are not there", "[errno]") {
  const pair p;
  umem m = memory();
  const interface at = p.at();
  const complaint queue = of([&] { xsk(m, at, 5, small); });
  CHECK(queue.number == EINVAL);
  CHECK_THAT(queue.text, ContainsSubstring("d0 queue 5") && ContainsSubstring("has 1 queue: 0-0"));
  xsk_config zero_copy = small;
  zero_copy.bind = bind_mode::zero_copy;
  const complaint mode = of([&] { xsk(m, at, 0, zero_copy); });
  CHECK(mode.number == EOPNOTSUPP);
  CHECK_THAT(mode.text, ContainsSubstring("the veth driver has no zero-copy; use copy mode"));
  CHECK(xsk(m, at, 0, small).bound_mode() == bind_mode::copy);  // asked for neither: told which
  p.here.run("ip link del d0");
  CHECK(of([&] { xsk(m, at, 0, small); }).number == ENODEV);
}

TEST_CASE("bind: a queue that another socket has, or had a moment ago", "[errno]") {
  const pair p;
  umem m = memory(), other = memory();
  {
    const xsk holder(other, p.at(), 0, small);
    const complaint taken = of([&] { xsk(m, p.at(), 0, small); });
    CHECK(taken.number == EBUSY);
    CHECK_THAT(taken.text, ContainsSubstring("another AF_XDP socket has this queue"));
  }
  xsk_config patient = small;
  patient.busy_deadline = std::chrono::milliseconds(1000);
  for (int i = 0; i < 5; ++i) CHECK(of([&] { xsk(i % 2 ? m : other, p.at(), 0, patient); }).text == nothing);
}

TEST_CASE("bind: one ring that is still mapped keeps the queue", "[errno]") {
  const pair p;
  umem m = memory(), other = memory();
  std::optional<xsk> first(std::in_place, other, p.at(), 0, small);
  std::optional<mapped_ring> left_over(std::in_place, first->fd(), ring_kind::rx, 256);
  first.reset();
  CHECK(of([&] { xsk(m, p.at(), 0, small); }).number == EBUSY);  // after the deadline
  left_over.reset();
  CHECK(of([&] { xsk(m, p.at(), 0, {.ring_size = 256}); }).text == nothing);
}

TEST_CASE("bind: two queues share one UMEM", "[errno]") {
  const pair p(2);
  umem m = memory();
  const xsk first(m, p.at(), 0, small), second(m, p.at(), 1, small);
  CHECK(second.queue() == 1);
  CHECK(second.bound_mode() == bind_mode::copy);
}

TEST_CASE("registering more memory than may be locked says so", "[errno]") {
  const pair p;
  const interface at = p.at();
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {  // without the capability for good: so in a process of its own
    const rlimit limit{64 << 10, 64 << 10};
    ::setrlimit(RLIMIT_MEMLOCK, &limit);
    drop_cap_ipc_lock();
    const complaint said = of([&] {
      umem m = memory();
      xsk(m, at, 0, small);
    });
    const std::string line = fmt::format("{} {}", said.number, said.text);
    ::_exit(::write(ends[1], line.data(), line.size()) < 0 ? 1 : 0);
  }
  ::close(ends[1]);
  std::array<char, 512> text{};
  REQUIRE(::read(ends[0], text.data(), text.size() - 1) > 0);
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  CHECK_THAT(std::string(text.data()),
             ContainsSubstring(fmt::format("{} ", ENOBUFS)) &&
                 ContainsSubstring("register 2048 KiB of packet memory: RLIMIT_MEMLOCK allows 64 KiB") &&
                 ContainsSubstring("CAP_IPC_LOCK"));
}

TEST_CASE("options that are wrong in themselves are told apart from a machine that refuses", "[errno]") {
  const pair p;
  umem m = memory();
  for (const std::uint32_t ring : {0u, 32u, 100u, 257u})
    CHECK_THROWS_AS(xsk(m, p.at(), 0, {.ring_size = ring}), usage_error);
  for (const std::uint32_t size : {0u, 1024u, 3000u, 8192u})
    CHECK_THROWS_AS(umem({.frames = 64, .frame_size = size}), usage_error);
  CHECK_THROWS_AS(umem({.frames = 0}), usage_error);
  CHECK_THROWS_AS(umem({.frames = 64, .headroom = 1024}), usage_error);
}

TEST_CASE("kick: EAGAIN after 32 packets, and while completions are not taken", "[errno]") {
  const pair p;
  umem m = memory();
  xsk socket(m, p.at(), 0, small);
  traffic_socket peer(p.there.at("g0"));
  stage(m, socket, 200);
  std::uint32_t calls = 1;
  CHECK(socket.kick_tx() == kick_result::more);
  CHECK(socket.tx.pending() == 168);
  while (socket.kick_tx() == kick_result::more) ++calls;
  CHECK(calls == 6);  // 6 x 32 say "more"; the seventh sends the last 8
  CHECK(socket.tx.pending() == 0);
  arrivals came(peer);
  came.settle(50);
  CHECK(came.found.received == 200);
  stage(m, socket, 100);  // 200 of the 256 completion slots are taken
  while (socket.kick_tx() == kick_result::more && socket.tx.pending() > 44) {
  }
  CHECK(socket.tx.pending() == 44);
  CHECK(socket.kick_tx() == kick_result::more);
  CHECK(socket.tx.pending() == 44);
  CHECK(completed(socket) == 256);
  while (socket.kick_tx() == kick_result::more) {
  }
  CHECK(socket.tx.pending() == 0);
}

TEST_CASE("kick: a larger budget goes out in one call, where the kernel has it", "[errno]") {
  const pair p;
  umem m = memory();
  xsk_config config = small;
  config.tx_budget = 128;
  xsk socket(m, p.at(), 0, config);
  stage(m, socket, 200);
  CHECK(socket.kick_tx() == kick_result::more);
  CHECK(socket.tx.pending() == 200 - socket.tx_budget());
  CHECK((socket.tx_budget() == 128 || socket.tx_budget() == 32));
}

TEST_CASE("kick: own link down, a pause; the packet goes out once it is up, without a new bind", "[errno]") {
  const pair p;
  umem m = memory();
  xsk socket(m, p.at(), 0, small);
  traffic_socket peer(p.there.at("g0"));
  p.here.run("ip link set d0 down");
  stage(m, socket, 1);
  CHECK(socket.kick_tx() == kick_result::later);
  CHECK(socket.kick_rx() == kick_result::later);
  CHECK(socket.tx.pending() == 1);
  p.here.run("ip link set d0 up");
  REQUIRE(eventually([&] { return p.at().carrier(); }));
  CHECK(socket.kick_tx() == kick_result::done);
  CHECK(socket.kick_rx() == kick_result::done);
  arrivals came(peer);
  came.settle(50);
  CHECK(came.found.received == 1);
  CHECK(completed(socket) == 1);
}

TEST_CASE("kick: peer down, one packet lost a call; interface deleted, gone", "[errno]") {
  const pair p;
  umem m = memory();
  xsk socket(m, p.at(), 0, small);
  p.there.run("ip link set g0 down");
  stage(m, socket, 3);
  for (std::uint32_t left : {2u, 1u, 0u}) {
    CHECK(socket.kick_tx() == kick_result::lost);
    CHECK(socket.tx.pending() == left);
  }
  CHECK(completed(socket) == 3);  // as if they had been sent
  p.here.run("ip link del d0");
  CHECK(socket.kick_tx() == kick_result::gone);
  CHECK(socket.kick_rx() == kick_result::gone);
  CHECK(socket.statistics().rx_dropped == 0);  // still answers
}

TEST_CASE("a worker drains more than a call sends, and waits for its link", "[errno]") {
  const pair p;
  hand_worker<maker> w({p.here.path("d0")}, maker{}, small);
  traffic_socket peer(p.there.at("g0"));
  arrivals came(peer);
  w->function().wanted = 100;
  w->turn();  // makes them and sends them all: 32, 32, 32, 4
  CHECK(w.socket(0).tx.pending() == 0);
  CHECK(w.counters().kicks.read() == 4);
  REQUIRE(w.turn_until([&] { return came.take(0), came.found.received == 100; }));
  REQUIRE(w.turn_until([&] { return w->ledger().tx == 0; }));
  CHECK(w.counters().kick_errors.read() == 0);

  p.here.run("ip link set d0 down");
  w->function().wanted = 120;
  CHECK(w.turn_until([&] { return w.counters().kick_errors.read() >= 5; }));
  CHECK(w.socket(0).tx.pending() == 20);
  const std::uint64_t kicks = w.counters().kicks.read();
  for (int i = 0; i < 1000; ++i) w->turn();
  CHECK(w.counters().kicks.read() - kicks < 500);  // it pauses between two tries
  p.here.run("ip link set d0 up");
  CHECK(w.turn_until([&] { return came.take(0), came.found.received == 120; }));
  CHECK(came.found.corrupt + came.found.duplicates + came.found.reordered == 0);
  CHECK(w.counters(0).tx_packets.read() == 120);
  CHECK(w->ledger().leaked() == 0);
}

TEST_CASE("a worker names what a deleted interface costs", "[errno]") {
  const pair p;
  hand_worker<maker> w({p.here.path("d0")}, maker{}, small);
  p.there.run("ip link set g0 down");
  w->function().wanted = 50;
  REQUIRE(w.turn_until([&] { return w.drops(0, RW_REASON_TX_DEVICE) == 50; }));
  CHECK(w.counters(0).tx_packets.read() == 0);
  p.here.run("ip link del d0");
  w->function().wanted = 60;
  REQUIRE(w.turn_until([&] { return w.counters().device_gone.read() >= 1; }));
  w->drain(ticks_per_second() / 50);
  CHECK(w.drops(0, RW_REASON_TX_UNSENT) == 10);
  CHECK(w.counters(0).tx_packets.read() == 0);
  CHECK(w->ledger().leaked() == 0);
}
