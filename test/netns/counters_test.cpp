// SPDX-License-Identifier: BSD-2-Clause
// Every counter of the AF_XDP datapath, made to move by real packets, and by how much.
#include <array>
#include <atomic>
#include <cstring>
#include <ringway/tsc.hpp>

#include "../support/catch.hpp"
#include "../support/dut.hpp"
#include "../support/hand_worker.hpp"
#include "stalled_napi.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

using rule = verdict (*)(std::uint32_t number);

/// Decides by the number in the frame.
struct by_number {
  static constexpr std::array<std::string_view, 2> drop_names{"too_old", "too_new"};
  rule what;
  void process(batch& b) noexcept {
    for (packet& p : b)
      if (const auto spec = read_frame({reinterpret_cast<const std::uint8_t*>(p.data), p.len}))
        p.out = what(spec->number);
  }
};

verdict each_in_turn(std::uint32_t number) {
  constexpr std::array<verdict, 10> all{1,
                                        drop(),
                                        7,
                                        punt,
                                        drop(RW_REASON_RX_ONLY),
                                        drop(RW_REASON_MALFORMED),
                                        drop(RW_REASON_TABLE_MISS),
                                        drop(RW_REASON_NF + 0),
                                        drop(RW_REASON_NF + 1),
                                        drop(RW_REASON_NF + 64)};  // beyond the slots: as if it had none
  return all[number % all.size()];
}

/// Says of every tenth packet that it is longer than its frame.
struct liar {
  void process(batch& b) noexcept {
    for (packet& p : b) {
      p.out = b.ingress() ^ 1u;
      if (read_frame({reinterpret_cast<const std::uint8_t*>(p.data), p.len})->number % 10 == 0)
        p.len = p.total = 5000;
    }
  }
};

/// Waits at a gate, with a batch in its hands.
struct gate {
  std::atomic<bool> open{true}, waiting{false};
};
struct gated {
  gate* at;
  void process(batch& b) noexcept {
    at->waiting = !at->open;
    while (!at->open) ::usleep(100);
    for (packet& p : b) p.out = b.ingress() ^ 1u;
  }
};

/// Keeps all packets until it is told to let go of them.
struct keeper {
  std::atomic<bool>* keeping;
  std::vector<packet> kept;
  void process(batch& b) noexcept {
    for (packet& p : b) {
      p.out = *keeping ? taken : verdict(b.ingress() ^ 1u);
      if (*keeping) kept.push_back(p);
    }
  }
  void tick(batch& b) noexcept {
    if (*keeping || b.ingress() != 0) return;
    while (!kept.empty()) {
      kept.back().out = 1;
      if (!b.put(kept.back())) return;
      kept.pop_back();
    }
  }
};

/// Sends frames 0 ... n-1, a few at a time, and waits until they have been received.
void send_slowly(traffic_socket& from, const forwarder_base& f, std::uint32_t n) {
  const std::uint64_t before = received(f.stats());
  for (std::uint32_t i = 0; i < n; ++i) {
    REQUIRE(from.send({.number = i}));
    if (i % 32 == 31 || i + 1 == n)
      REQUIRE(eventually([&] { return received(f.stats()) == before + i + 1; }));
  }
}

forwarder_config with_rings_of(const dut_testbed& bed, std::uint32_t slots) {
  forwarder_config config = bed.config();
  config.socket.ring_size = slots;
  return config;
}

}  // namespace

TEST_CASE("every verdict ends in its own counter", "[counters]") {
  const dut_testbed bed;
  forwarder<by_number> f(bed.config(), [](unsigned) { return by_number{each_in_turn}; });
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  send_slowly(left, f, 1000);
  arrivals came(right);
  came.settle(50);
  f.stop();
  const forwarder_stats s = f.stats();
  CHECK(imbalance(s) == nothing);
  CHECK(came.found.received == 100);
  CHECK(s.ports[1].stats.tx_packets == 100);
  const auto& in = s.ports[0].stats.drops;
  CHECK(in[RW_REASON_NO_VERDICT] == 200);
  for (const rw_reason reason : {RW_REASON_BAD_PORT, RW_REASON_PUNT_UNAVAILABLE, RW_REASON_RX_ONLY,
                                 RW_REASON_MALFORMED, RW_REASON_TABLE_MISS})
    CHECK(in[reason] == 100);
  CHECK(in[rw_reason_slot(RW_REASON_NF)] == 100);
  CHECK(in[rw_reason_slot(RW_REASON_NF + 1)] == 100);
  CHECK(s.ports[1].stats.dropped() == 0);
  CHECK(f.reason_name(RW_REASON_BAD_PORT) == "bad_port");
  CHECK(f.reason_name(rw_reason_slot(RW_REASON_NF + 1)) == "too_new");
  CHECK(f.reason_name(rw_reason_slot(RW_REASON_NF + 2)) == nothing);
  CHECK(f.reason_name(RW_REASON_COUNT) == nothing);
}

TEST_CASE("no room in the TX ring, and what is left there at the end", "[counters]") {
  const dut_testbed bed;
  forwarder<cross> f(with_rings_of(bed, 64), make_cross);
  f.start();
  traffic_socket left(bed.gen.at("g0"));
  bed.dut.run("ip link set d1 down");
  send_slowly(left, f, 200);
  CHECK(f.stats().ports[1].stats.tx_packets == 0);                     // in the ring is not yet sent
  CHECK(eventually([&] { return f.stats().workers[0].stalls > 0; }));  // the watchdog tells
  f.stop();
  const forwarder_stats s = f.stats();
  CHECK(drops(s, RW_REASON_TX_RING_FULL) == 136);
  CHECK(s.ports[1].stats.drops[RW_REASON_TX_UNSENT] == 64);
  CHECK(s.ports[1].stats.tx_packets == 0);
  CHECK(s.ports[1].stats.tx_bytes == 0);
  CHECK(s.workers[0].kick_errors > 0);
  CHECK(imbalance(s) == nothing);
}

TEST_CASE("a peer that is down loses every packet in the device", "[counters]") {
  const dut_testbed bed;
  forwarder<cross> f(bed.config(), make_cross);
  f.start();
  traffic_socket left(bed.gen.at("g0"));
  bed.gen.run("ip link set g1 down");
  send_slowly(left, f, 300);
  f.stop();
  const forwarder_stats s = f.stats();
  CHECK(s.ports[1].stats.drops[RW_REASON_TX_DEVICE] == 300);
  CHECK(s.ports[1].stats.tx_packets == 0);
  CHECK(s.workers[0].kick_errors == 300);
  CHECK(imbalance(s) == nothing);
}

TEST_CASE("a stalled peer: what was sent was received, or is a named loss", "[counters]") {
  const dut_testbed bed;
  // The peer holds 256 packets. By default the kernel lets a socket have as many in flight
  // (net.core.wmem_default, and the completion ring), so it takes no more of us and our TX ring fills. With a
  // larger send buffer it goes on taking them, and its device loses them.
  const bool large_buffer = GENERATE(true, false);
  const rw_reason reason = large_buffer ? RW_REASON_TX_DEVICE : RW_REASON_TX_RING_FULL;
  const std::uint32_t slots = large_buffer ? 1024 : 256;
  forwarder_config config = with_rings_of(bed, slots);
  config.cpus = {0};
  config.idle = idle_policy::poll;
  forwarder<cross> f(config, make_cross);
  const int bytes = 8 << 20;
  for (const forwarder_files::socket& k : f.files().sockets)
    if (large_buffer) REQUIRE(::setsockopt(k.fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) == 0);
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  arrivals came(right);
  {
    const stalled_napi stalled(bed.gen, "g1");
    send_slowly(left, f, 700);
    f.wait_for_turns();
  }
  came.settle(300);
  f.stop();
  const forwarder_stats s = f.stats();
  const std::uint64_t lost = s.ports[1].stats.drops[reason];
  INFO(f.reason_name(reason) << " " << lost);
  CHECK(lost > 100);
  CHECK(lost == s.ports[1].stats.dropped());
  CHECK(came.found.received >= 256);
  CHECK(came.found.received + lost == 700);
  CHECK(s.ports[1].stats.tx_packets == came.found.received);
  CHECK(came.found.corrupt + came.found.duplicates + came.found.reordered == 0);
  CHECK(imbalance(s) == nothing);
}

TEST_CASE("no slot in the RX ring", "[counters]") {
  const dut_testbed bed;
  gate at;
  forwarder<gated> f(with_rings_of(bed, 64), [&](unsigned) { return gated{&at}; });
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  at.open = false;
  REQUIRE(left.send({.number = 0}));
  REQUIRE(eventually([&] { return at.waiting.load(); }));
  for (std::uint32_t i = 1; i <= 200; ++i) REQUIRE(left.send({.number = i}));
  at.open = true;
  arrivals came(right);
  came.settle(100);
  f.stop();
  const forwarder_stats s = f.stats();
  CHECK(came.found.received == 65);
  CHECK(s.ports[0].stats.rx_packets == 65);
  CHECK(s.ports[0].stats.kernel.rx_ring_full == 136);
  CHECK(s.ports[0].stats.kernel.rx_dropped == 0);  // not counted twice
  CHECK(imbalance(s) == nothing);
  CHECK(s.workers[0].longest_gap_us > 100);
}

TEST_CASE("a function that keeps every frame: an empty pool, losses, and back to work", "[counters]") {
  const dut_testbed bed;
  std::atomic<bool> keeping{true};
  forwarder_config config = with_rings_of(bed, 64);
  config.frames = 320;  // 128 in each fill ring, 64 spare
  forwarder<keeper> f(config, [&](unsigned) {
    keeper k{&keeping, {}};
    k.kept.reserve(400);
    return k;
  });
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  send_slowly(left, f, 192);
  for (std::uint32_t i = 192; i < 300; ++i) REQUIRE(left.send({.number = i}));
  CHECK(eventually([&] { return f.stats().ports[0].stats.kernel.rx_dropped == 108; }));
  forwarder_stats s = f.stats();
  CHECK(s.ports[0].stats.taken == 192);
  CHECK(s.ports[0].stats.rx_packets == 192);
  CHECK(s.ports[0].stats.kernel.rx_ring_full == 0);
  CHECK(s.ports[0].stats.diagnostics.rx_fill_ring_empty_descs == 108);  // the same packets, named again
  CHECK(s.workers[0].pool_empty > 0);
  arrivals came(right);
  keeping = false;
  REQUIRE(eventually([&] { return came.take(10), came.found.received == 192; }));
  CHECK(came.found.corrupt + came.found.duplicates == 0);
  CHECK(pass(left, right, {.count = 1000, .window = 32}).exact());
  f.stop();
  s = f.stats();
  CHECK(s.ports[0].stats.taken == 0);
  CHECK(s.ports[1].stats.tx_packets == 1192);
  CHECK(imbalance(s) == nothing);
}

TEST_CASE("a packet of several frames cannot be kept", "[counters]") {
  const dut_testbed bed;
  for (const char* name : {"g0", "g1"}) bed.gen.run(fmt::format("ip link set {} mtu 9000", name));
  for (const char* name : {"d0", "d1"}) bed.dut.run(fmt::format("ip link set {} mtu 9000", name));
  std::atomic<bool> keeping{true};
  forwarder_config config = bed.config();
  config.socket.multi_buffer = true;
  forwarder<keeper> f(config, [&](unsigned) { return keeper{&keeping, {}}; });
  f.start();
  traffic_socket left(bed.gen.at("g0"));
  for (std::uint32_t i = 0; i < 40; ++i) {
    REQUIRE(left.send({.number = i, .size = i % 4 == 0 ? 1000u : 9000u}));
    REQUIRE(eventually([&] { return received(f.stats()) == i + 1; }));
  }
  f.stop();
  CHECK(f.stats().ports[0].stats.taken == 10);
  CHECK(f.stats().ports[0].stats.drops[RW_REASON_TOO_MANY_FRAGS] == 30);
  CHECK(imbalance(f.stats()) == nothing);
}

TEST_CASE("a function that lies about a length: the kernel refuses what it says", "[counters]") {
  const dut_testbed bed;
  forwarder<liar> f(bed.config(), [](unsigned) { return liar{}; });
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  send_slowly(left, f, 200);
  arrivals came(right);
  came.settle(100);
  f.stop();
  const forwarder_stats s = f.stats();
  CHECK(came.found.received == 180);
  CHECK(came.found.corrupt == 0);
  CHECK(s.ports[1].stats.diagnostics.tx_invalid_descs == 20);
  CHECK(imbalance(s) == nothing);
}

TEST_CASE("what is taken at the end is in the ledger", "[counters]") {
  const dut_testbed bed;
  std::atomic<bool> keeping{true};
  forwarder<keeper> f(bed.config(), [&](unsigned) { return keeper{&keeping, {}}; });
  f.start();
  traffic_socket left(bed.gen.at("g0"));
  send_slowly(left, f, 100);
  f.stop();
  CHECK(f.stats().ports[0].stats.taken == 100);
  CHECK(imbalance(f.stats()) == nothing);
}

TEST_CASE("descriptors that the kernel refuses", "[counters]") {
  const dut_testbed bed;
  umem memory({.frames = 256, .frame_size = 2048});
  port p({.interface = bed.dut.path("d0")}, 0);
  xsk socket = p.open(memory, 0, {.ring_size = 64});
  REQUIRE(socket.fill.push(std::uint64_t{1} << 40));  // no such frame
  for (std::uint64_t i = 0; i < 8; ++i) REQUIRE(socket.fill.push(i * 2048));
  socket.fill.publish();
  p.attach();
  traffic_socket left(bed.gen.at("g0"));
  for (std::uint32_t i = 0; i < 4; ++i) REQUIRE(left.send({.number = i}));
  REQUIRE(eventually([&] { return socket.rx.available(4) == 4; }));
  // The bad address is skipped. rx_invalid_descs does not tell: XDP_STATISTICS reads that number from the RX
  // ring, where the kernel itself is the producer and nothing is ever invalid.
  CHECK(socket.statistics().rx_invalid_descs == 0);
  CHECK(socket.statistics().tx_invalid_descs == 0);
  REQUIRE(socket.tx.push({.addr = std::uint64_t{1} << 40, .len = 60, .options = 0}));
  REQUIRE(socket.tx.push({.addr = 204800, .len = 60, .options = 0}));
  socket.tx.publish();
  CHECK(eventually([&] { return socket.kick_tx() == kick_result::done && socket.tx.pending() == 0; }));
  CHECK(socket.statistics().tx_invalid_descs == 1);
  CHECK(socket.kick_tx() == kick_result::done);
  CHECK(socket.statistics().tx_ring_empty_descs > 0);  // it looked, and there was nothing: no loss
}

TEST_CASE("an address that is not ours to reap is counted and left alone", "[counters]") {
  const dut_testbed bed;
  hand_worker<maker> w({bed.dut.path("d0")}, maker{}, {.ring_size = 64});
  traffic_socket left(bed.gen.at("g0"));
  arrivals came(left);
  REQUIRE(w.socket(0).tx.push({.addr = std::uint64_t{1} << 40, .len = 60, .options = 0}));
  w->function().wanted = 10;
  REQUIRE(w.turn_until([&] { return came.take(0), came.found.received == 10; }));
  REQUIRE(w.turn_until([&] { return w->ledger().tx == 0; }));
  CHECK(w.socket(0).statistics().tx_invalid_descs == 1);
  CHECK(w.counters().bad_completions.read() <= 1);  // some kernels hand the bad address back
  CHECK(w->ledger().leaked() == 0);
}

TEST_CASE("the counters of a report are those of the sockets", "[counters]") {
  const dut_testbed bed;
  forwarder<cross> f(bed.config(), make_cross);
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  REQUIRE(pass(left, right, {.count = 200}).exact());
  f.wait_for_turns();
  const forwarder_stats running = f.stats();
  CHECK(running.ports[1].stats.tx_packets == 200);
  CHECK(running.ports[1].stats.diagnostics.tx_ring_empty_descs > 0);
  CHECK(running.elapsed.count() > 0);
  f.stop();
  const forwarder_stats s = f.stats();
  CHECK(imbalance(s) == nothing);
  CHECK(s.elapsed == f.stats().elapsed);  // stands still
  CHECK(s.workers[0].turns > 0);
  CHECK(s.workers[0].busy_us > 0);
  CHECK(s.workers[0].kick_errors == 0);
  CHECK(s.ports[0].name == bed.dut.path("d0"));
  CHECK(f.port_count() == 2);
  CHECK(f.port_interface(1) == bed.dut.at("d1"));
}
