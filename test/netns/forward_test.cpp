// SPDX-License-Identifier: BSD-2-Clause
// Frames cross a forwarder over AF_XDP with every byte as it was, and every one is accounted for.
#include "../support/catch.hpp"
#include "../support/dut.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

struct mirror {  // sends back where it came from, as if by the one it was meant for
  void process(batch& b) noexcept {
    for (packet& p : b) {
      for (int i = 0; i < 6; ++i) std::swap(p.data[i], p.data[6 + i]);
      p.out = b.ingress();
    }
  }
};

// Every size that a standard MTU allows, and the two ends often.
frame_spec all_sizes(std::uint32_t i) {
  return {.number = i, .size = i % 8 == 0 ? 60 : i % 8 == 1 ? 1514 : 60 + i % 1455};
}

void check_both_ways(const dut_testbed& bed, const forwarder_config& config, unsigned count) {
  forwarder<cross> f(config, make_cross);
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  const passage there = pass(left, right, {.count = count, .spec = all_sizes});
  const passage back = pass(right, left, {.count = count, .spec = all_sizes});
  CHECK(there.exact());
  CHECK(back.exact());
  f.stop();
  const forwarder_stats s = f.stats();
  CHECK(imbalance(s) == nothing);
  CHECK(kernel_losses(s) == 0);
  std::uint64_t bytes = 0;
  for (unsigned i = 0; i < count; ++i) bytes += all_sizes(i).size;
  REQUIRE(s.ports.size() == 2);
  for (const port_report& p : s.ports) {
    CHECK(p.stats.rx_packets == count);
    CHECK(p.stats.tx_packets == count);
    CHECK(p.stats.rx_bytes == bytes);
    CHECK(p.stats.tx_bytes == bytes);
    CHECK(p.stats.dropped() == 0);
    CHECK_FALSE(p.zero_copy);  // veth has none: what was obtained is told, not what was asked for
  }
  CHECK(s.workers.at(0).kicks > 0);
}

}  // namespace

TEST_CASE("frames of every size cross both ways, byte for byte", "[forward]") {
  const dut_testbed bed;
  forwarder_config config = bed.config();
  SECTION("as it comes") {}
  SECTION("frames of 2048 bytes, pages as small as they are") {
    config.frame_size = 2048;
    config.pages = huge_pages::never;
  }
  SECTION("frames of 4096 bytes, huge pages if there are any") {
    config.frame_size = 4096;
    config.pages = huge_pages::automatic;
  }
  SECTION("sleeping when idle") { config.idle = idle_policy::poll; }
  SECTION("copy mode asked for, a larger budget a kick, large rings") {
    config.socket.bind = bind_mode::copy;
    config.socket.tx_budget = 128;
    config.socket.ring_size = 2048;
  }
  check_both_ways(bed, config, 2000);
}

TEST_CASE("the attach mode is the one asked for, and told", "[forward]") {
  const dut_testbed bed;
  const attach_mode asked = GENERATE(attach_mode::native, attach_mode::generic, attach_mode::automatic);
  const attach_mode expected = asked == attach_mode::automatic ? attach_mode::native : asked;
  forwarder_config config = bed.config();
  for (port_config& p : config.ports) p.attach = asked;
  {
    forwarder<cross> f(config, make_cross);
    CHECK(f.stats().ports[0].attach == attach_mode::automatic);
    f.start();
    for (const char* name : {"d0", "d1"}) {
      const auto there = program_on(bed.dut.at(name));
      REQUIRE(there);
      CHECK(there->mode == expected);
      CHECK(there->by_link);
      CHECK(there->name == "rw_redirect");
    }
    for (const port_report& p : f.stats().ports) CHECK(p.attach == expected);
    traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
    CHECK(pass(left, right, {.count = 500, .spec = all_sizes}).exact());
    CHECK(pass(right, left, {.count = 500, .spec = all_sizes}).exact());
    f.stop();
    CHECK(imbalance(f.stats()) == nothing);
    CHECK(f.stats().ports[0].attach == expected);  // known to the last report
    CHECK_FALSE(program_on(bed.dut.at("d0")));
  }
  CHECK_FALSE(program_on(bed.dut.at("d1")));
}

TEST_CASE("one port alone reflects, with the addresses exchanged", "[forward]") {
  const dut_testbed bed;
  forwarder_config config = bed.config();
  config.ports.pop_back();
  forwarder<mirror, 256> f(config, [](unsigned) { return mirror{}; });
  f.start();
  traffic_socket left(bed.gen.at("g0"));
  CHECK(pass(left, left, {.count = 2000, .spec = all_sizes, .changed = test::swap_macs}).exact());
  f.stop();
  CHECK(imbalance(f.stats()) == nothing);
  CHECK(f.stats().ports[0].stats.tx_packets == 2000);
}

TEST_CASE("packets of several frames cross whole", "[forward]") {
  const dut_testbed bed;
  for (const char* name : {"g0", "g1"}) bed.gen.run(fmt::format("ip link set {} mtu 9000", name));
  for (const char* name : {"d0", "d1"}) bed.dut.run(fmt::format("ip link set {} mtu 9000", name));
  forwarder_config config = bed.config();
  config.socket.multi_buffer = true;
  config.frame_size = 2048;
  forwarder<cross> f(config, make_cross);
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  const auto sizes = [](std::uint32_t i) { return frame_spec{.number = i, .size = 60 + i * 131 % 8955}; };
  CHECK(pass(left, right, {.count = 2000, .window = 16, .spec = sizes}).exact());
  CHECK(pass(right, left, {.count = 2000, .window = 16, .spec = sizes}).exact());
  f.stop();
  CHECK(imbalance(f.stats()) == nothing);
  CHECK(kernel_losses(f.stats()) == 0);
  CHECK(f.stats().ports[0].stats.rx_packets == 2000);  // a chain is one packet
}

TEST_CASE("stop() may be called twice, and with nothing received", "[forward]") {
  const dut_testbed bed;
  forwarder<cross> f(bed.config(), make_cross);
  f.start();
  f.stop();
  f.stop();  // idempotent
  CHECK(imbalance(f.stats()) == nothing);
  CHECK(received(f.stats()) == 0);
}
