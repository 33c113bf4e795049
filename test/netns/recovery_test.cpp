// SPDX-License-Identifier: BSD-2-Clause
// What is ordinary: links that flap, interfaces that go, a stop under load, a packet alone.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <ringway/error.hpp>
#include <thread>

#include "../support/catch.hpp"
#include "../support/dut.hpp"
#include "../support/mapped_ring.hpp"

using namespace ringway;
using namespace ringway::test;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

namespace {

/// Sends numbered frames from a thread of its own until it goes.
class load {
 public:
  load(const interface& from, std::chrono::microseconds gap)
      : socket_(from), gap_(gap), thread_([this] { run(); }) {}
  ~load() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  load(const load&) = delete;
  load& operator=(const load&) = delete;
  std::uint32_t sent() const { return sent_; }

 private:
  void run() {
    for (std::uint32_t i = 0; !stop_; ++i) {
      if (socket_.send({.number = i, .flow = i % 64})) sent_ = i + 1;
      if (gap_.count() != 0) std::this_thread::sleep_for(gap_);
    }
  }
  traffic_socket socket_;
  std::chrono::microseconds gap_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint32_t> sent_{0};
  std::thread thread_;
};

std::chrono::milliseconds since(clock_type::time_point t) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_type::now() - t);
}

bool promiscuous(const netns_guard& where, const std::string& ifname) {
  return where.run("ip -d link show " + ifname).find("promiscuity 0") == std::string::npos;
}

/// From carrier to the next frame that comes through.
std::chrono::milliseconds flap(const netns_guard& where, const std::string& ifname, const dut_testbed& bed,
                               arrivals& at) {
  where.run(fmt::format("ip link set {} down", ifname));
  std::this_thread::sleep_for(50ms);
  at.take(0);
  where.run(fmt::format("ip link set {} up", ifname));
  const interface d0 = bed.dut.at("d0"), d1 = bed.dut.at("d1");
  REQUIRE(eventually([&] { return d0.carrier() && d1.carrier(); }));
  const auto carrier = clock_type::now();
  const unsigned before = at.found.received;
  while (at.found.received == before && since(carrier) < 2s) at.take(1);
  REQUIRE(at.found.received > before);
  return since(carrier);
}

}  // namespace

TEST_CASE("a link that flaps under traffic goes on within 100 ms of its carrier", "[recovery]") {
  const dut_testbed bed;
  forwarder_config config = bed.config();
  config.idle = GENERATE(idle_policy::spin, idle_policy::poll);
  forwarder<cross> f(config, make_cross);
  f.start();
  traffic_socket right(bed.gen.at("g1"));
  arrivals came(right);
  {
    const load traffic(bed.gen.at("g0"), 200us);
    REQUIRE(eventually([&] { return came.take(1) > 0; }));
    std::vector<std::chrono::milliseconds> gaps;
    for (const char* own : {"d1", "d0"}) gaps.push_back(flap(bed.dut, own, bed, came));
    for (const char* peer : {"g1", "g0"}) gaps.push_back(flap(bed.gen, peer, bed, came));
    for (const auto gap : gaps) CHECK(gap < 100ms);
  }
  came.settle(50);
  f.stop();
  CHECK(came.found.corrupt + came.found.duplicates + came.found.reordered == 0);
  CHECK(imbalance(f.stats()) == nothing);
  // What lies in the peer's ring when it goes down was sent, and is lost there.
  const std::uint64_t sent = f.stats().ports[1].stats.tx_packets;
  CHECK(sent >= came.found.received);
  CHECK(sent - came.found.received < 16);
}

TEST_CASE("an interface that is deleted, or moved away, ends the program with its name", "[recovery]") {
  const dut_testbed bed;
  forwarder<cross> f(bed.config(), make_cross);
  f.start();
  const load traffic(bed.gen.at("g0"), 200us);
  f.watch(1ms);
  std::string command, expected;
  SECTION("deleted") { command = "ip link del d1", expected = "/d1: the interface was deleted"; }
  SECTION("moved") {
    command = fmt::format("ip link set d1 netns {}", bed.gen.name());
    expected = "/d1: the interface was moved to another network namespace";
  }
  bed.dut.run(command);
  const auto gone = clock_type::now();
  std::string said;
  try {
    while (since(gone) < 3s) f.watch(200ms);
  } catch (const error& e) {
    said = e.what();
  }
  CHECK(since(gone) < 1s);
  CHECK_THAT(said, ContainsSubstring(expected));
  f.stop();
  CHECK_FALSE(program_on(bed.dut.at("d0")));
  CHECK_FALSE(promiscuous(bed.dut, "d0"));
  CHECK(imbalance(f.stats()) == nothing);
}

TEST_CASE("a stop under load leaves nothing in the RX rings and every frame known", "[recovery]") {
  const dut_testbed bed({.queues = 2});
  const load there(bed.gen.at("g0"), 0us), back(bed.gen.at("g1"), 0us);
  for (int i = 0; i < 6; ++i) {
    forwarder_config config = bed.config();
    for (port_config& p : config.ports) p.attach = i < 3 ? attach_mode::native : attach_mode::generic;
    config.workers = i % 2 + 1u;
    config.idle = i % 3 == 0 ? idle_policy::poll : idle_policy::spin;
    forwarder<cross> f(config, make_cross);
    const forwarder_files files = f.files();
    f.start();
    REQUIRE(eventually([&] { return received(f.stats()) > 1000; }));
    f.stop();
    CHECK(imbalance(f.stats()) == nothing);
    CHECK_FALSE(program_on(bed.dut.at("d0")));
    ::usleep(2000);
    for (const forwarder_files::socket& s : files.sockets) {
      const mapped_ring rx(s.fd, ring_kind::rx, files.ring_size), tx(s.fd, ring_kind::tx, files.ring_size);
      CHECK(rx.produced() == rx.consumed());
      CHECK(tx.produced() == tx.consumed());
    }
  }
}

TEST_CASE("a start that fails leaves nothing attached", "[recovery]") {
  const dut_testbed bed;
  forwarder_config config = bed.config();
  config.wait_carrier = 1s;
  bed.gen.run("ip link set g1 down");
  forwarder<cross> f(config, make_cross);
  std::string said;
  try {
    f.start();
  } catch (const error& e) {
    said = e.what();
  }
  CHECK_THAT(said, ContainsSubstring("wait 1 s for carrier on " + bed.dut.path("d1")));
  CHECK_FALSE(program_on(bed.dut.at("d0")));
  CHECK_FALSE(promiscuous(bed.dut, "d0"));
  bed.gen.run("ip link set g1 up");
  f.start();  // and may be tried again
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  CHECK(pass(left, right, {.count = 100}).exact());
  CHECK(promiscuous(bed.dut, "d0"));
}

TEST_CASE("two forwarders do not share an interface, and the second one leaves nothing", "[recovery]") {
  const dut_testbed bed;
  forwarder_config config = bed.config();
  forwarder<cross> first(config, make_cross);
  first.start();
  config.socket.busy_deadline = 50ms;
  std::string said;
  try {
    forwarder<cross> second(config, make_cross);
  } catch (const error& e) {
    said = e.what();
  }
  CHECK_THAT(said,
             ContainsSubstring("d0 queue 0") && ContainsSubstring("another AF_XDP socket has this queue"));
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  CHECK(pass(left, right, {.count = 100}).exact());
  first.stop();
  CHECK(imbalance(first.stats()) == nothing);
}

TEST_CASE("a packet alone gets through at once, however the worker waits", "[recovery]") {
  const dut_testbed bed;
  forwarder_config config = bed.config();
  SECTION("spinning") { config.idle = idle_policy::spin; }
  SECTION("sleeping in poll()") { config.idle = idle_policy::poll; }
  SECTION("busy polling") {
    config.socket.busy_poll_us = 20;
    config.socket.busy_poll_budget = 64;
  }
  SECTION("busy polling, sleeping when idle") {
    config.socket.busy_poll_us = 20;
    config.idle = idle_policy::poll;
  }
  forwarder<cross> f(config, make_cross);
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  arrivals came(right);
  unsigned late = 0;
  for (std::uint32_t i = 0; i < 50; ++i) {
    std::this_thread::sleep_for(5ms);  // idle by now
    const auto sent = clock_type::now();
    REQUIRE(left.send({.number = i}));
    REQUIRE(eventually([&] { return came.take(1), came.found.received == i + 1; }));
    late += since(sent) >= 50ms;
  }
  // No figure of speed: poll() alone would wake up after 100 ms, and one held back by a busy machine is none
  // of ours.
  CHECK(late <= 2);
  f.stop();
  CHECK(imbalance(f.stats()) == nothing);
  CHECK(f.stats().workers[0].stalls == 0);
  CHECK(f.stats().ports[1].stats.tx_packets == 50);
  if (config.socket.busy_poll_us != 0) CHECK(f.stats().workers[0].rx_kicks > 0);
}
