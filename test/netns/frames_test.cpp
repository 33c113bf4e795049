// SPDX-License-Identifier: BSD-2-Clause
// Packet memory: how much of it, of what size, and what does not fit.
#include <fstream>
#include <ringway/error.hpp>

#include "../support/catch.hpp"
#include "../support/dut.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

template <class Error>
std::string complaint(const forwarder_config& config) {
  try {
    forwarder<cross> f(config, make_cross);
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing was wrong";
}

void set_mtu(const dut_testbed& bed, unsigned mtu) {
  for (const char* name : {"g0", "g1"}) bed.gen.run(fmt::format("ip link set {} mtu {}", name, mtu));
  for (const char* name : {"d0", "d1"}) bed.dut.run(fmt::format("ip link set {} mtu {}", name, mtu));
}

frame_spec around_1792(std::uint32_t i) { return {.number = i, .size = 1785 + i % 16}; }

}  // namespace

TEST_CASE("packet memory sizes itself, and says how much it took", "[frames]") {
  const dut_testbed bed({.queues = 2});
  const log_capture log;
  forwarder_config config = bed.config();
  config.workers = 2;
  const forwarder<cross, 256> f(config, make_cross);
  // Two queues a worker, two ports: 2 x (512 + 256) + 2 x (256 + 128) + 2 x 256
  CHECK(f.stats().frames == 5632);
  CHECK(f.files().frames == 2816);
  CHECK_THAT(log.text(log_level::info), ContainsSubstring("2 workers x 2816 frames x 2048 bytes = 11 MiB"));
  CHECK(log.text(log_level::warning) == nothing);
}

TEST_CASE("too few frames are refused with the number needed", "[frames]") {
  const dut_testbed bed;
  forwarder_config config = bed.config();
  config.frames = 575;  // wrong whatever the machine: not even one queue's fill ring and a batch
  CHECK_THAT(complaint<usage_error>(config),
             ContainsSubstring("575 frames") && ContainsSubstring("needs 576"));
  config.frames = 1087;  // one queue of each of two ports
  CHECK_THAT(complaint<error>(config), ContainsSubstring("1087 frames for a worker with 2 queues") &&
                                           ContainsSubstring("1088 are needed"));
  config.frames = 1088;
  forwarder<cross> f(config, make_cross);
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  CHECK(pass(left, right, {.count = 3000, .window = 32}).exact());
  CHECK(pass(right, left, {.count = 3000, .window = 32}).exact());
  f.stop();
  CHECK(imbalance(f.stats()) == nothing);
  CHECK(f.stats().frames == 1088);
}

TEST_CASE("a packet that does not fit its frame is a counted loss, warned of at start", "[frames]") {
  const dut_testbed bed;
  set_mtu(bed, 2000);
  const log_capture log;
  forwarder_config config = bed.config();
  config.frame_size = 2048;
  forwarder<cross> f(config, make_cross);
  CHECK_THAT(log.text(log_level::warning),
             ContainsSubstring("d0: MTU 2000 exceeds a frame of 2048 bytes") &&
                 ContainsSubstring("packets of more than 1792 bytes are lost as rx_dropped") &&
                 ContainsSubstring("ip link set d1 mtu 1778"));
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  arrivals came(right);
  for (std::uint32_t i = 0; i < 160; ++i) REQUIRE(left.send(around_1792(i)));
  REQUIRE(eventually([&] { return came.take(10), came.found.received == 80; }));
  came.settle(20);
  f.stop();
  const forwarder_stats s = f.stats();
  CHECK(came.found.received == 80);  // 1785 to 1792 bytes
  CHECK(came.found.corrupt == 0);
  CHECK(s.ports[0].stats.rx_packets == 80);
  CHECK(s.ports[0].stats.kernel.rx_dropped == 80);  // 1793 to 1800
  CHECK(s.ports[0].stats.kernel.rx_ring_full == 0);
  CHECK(imbalance(s) == nothing);
}

TEST_CASE("frames of 4096 bytes are taken where the MTU asks for it", "[frames]") {
  const dut_testbed bed;
  set_mtu(bed, 2000);
  const log_capture log;
  forwarder<cross> f(bed.config(), make_cross);
  CHECK(f.files().frame_size == 4096);
  CHECK(log.text(log_level::warning) == nothing);
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  CHECK(pass(left, right, {.count = 300, .window = 16, .spec = around_1792}).exact());
  bed.dut.run("ip link set d0 mtu 1900");
  f.watch(std::chrono::milliseconds(1000));
  CHECK_THAT(log.text(), ContainsSubstring("d0: MTU changed"));
}

TEST_CASE("an MTU that grows beyond the frame is told while running", "[frames]") {
  const dut_testbed bed;
  const log_capture log;
  forwarder<cross> f(bed.config(), make_cross);
  f.start();
  bed.dut.run("ip link set d0 mtu 3000");
  for (int i = 0; i < 10 && log.text(log_level::warning).empty(); ++i)
    f.watch(std::chrono::milliseconds(200));
  CHECK_THAT(log.text(log_level::warning),
             ContainsSubstring("d0: MTU is now 3000, more than a frame of 2048 bytes holds"));
}

TEST_CASE("a forwarder of no ports, too many, or none with a worker is a usage error", "[frames]") {
  const dut_testbed bed;
  forwarder_config config = bed.config();
  config.frame_size = 3000;
  CHECK_THAT(complaint<usage_error>(config), ContainsSubstring("frame size 3000: it must be 2048 or 4096"));
  config.frame_size = 0;
  config.socket.ring_size = 100;
  CHECK_THAT(complaint<usage_error>(config), ContainsSubstring("ring size 100"));
  config.ports.resize(33, config.ports[0]);
  CHECK_THAT(complaint<usage_error>(config), ContainsSubstring("33 ports: 32 at most"));
  config.ports.clear();
  CHECK_THAT(complaint<usage_error>(config), ContainsSubstring("no port given"));
}

TEST_CASE("huge pages are taken if the kernel has them to give", "[frames]") {
  const char* knob = "/proc/sys/vm/nr_hugepages";
  std::string before, now;
  std::ifstream(knob) >> before;
  std::ofstream(knob) << std::stoul(before) + 2;
  std::ifstream(knob) >> now;
  const bool reserved = std::stoul(now) == std::stoul(before) + 2;
  {
    const memory_file small_pages("test", 3 << 20, huge_pages::never);
    CHECK_FALSE(small_pages.huge());
    CHECK(small_pages.bytes() == 3 << 20);
    const memory_file pages("test", 3 << 20, huge_pages::automatic);
    if (reserved) {
      CHECK(pages.huge());
      CHECK(pages.bytes() == 4 << 20);
      pages.data()[pages.bytes() - 1] = std::byte{1};
    }
    const memory_file more("test", std::size_t{1} << 30,
                           huge_pages::automatic);  // not so much: then small ones
    CHECK_FALSE(more.huge());
    const memory_file again(unique_fd(::dup(pages.fd())), pages.bytes());  // as another process would
    pages.data()[5] = std::byte{42};
    CHECK(again.data()[5] == std::byte{42});
  }
  std::ofstream(knob) << before;
  CHECK_THROWS_AS(memory_file("test", std::size_t{1} << 62, huge_pages::never), error);
}
