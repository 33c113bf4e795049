// SPDX-License-Identifier: BSD-2-Clause
// How queues are shared out among workers, with flows that spread over all of them.
#include <ringway/error.hpp>

#include "../support/catch.hpp"
#include "../support/dut.hpp"
#include "../support/mapped_ring.hpp"

using namespace ringway;
using namespace ringway::test;

namespace {

// The kernel hashes a flow onto a TX queue of the sender, and a veth takes the RX queue of that number: of 64
// flows none of 4 queues is left out but once in 25 million boots.
frame_spec many_flows(std::uint32_t i) { return {.number = i, .size = 60 + i % 200, .flow = i % 64}; }

forwarder_config serving(const dut_testbed& bed, const std::string& queues) {
  forwarder_config config = bed.config();
  for (port_config& p : config.ports) p.queues = queue_selection(queues);
  return config;
}

template <class Do>
std::string complaint(Do&& what) {
  try {
    what();
  } catch (const error& e) {
    return e.what();
  }
  return "nothing was wrong";
}

void check_every_queue(unsigned queues, unsigned workers) {
  INFO(queues << " queues, " << workers << " workers");
  constexpr unsigned count = 4000;
  const dut_testbed bed({.queues = queues});
  forwarder_config config = bed.config();
  config.workers = workers;
  config.idle = idle_policy::poll;  // more threads than CPUs
  forwarder<cross> f(config, make_cross);
  std::vector<std::pair<forwarder_files::socket, mapped_ring>> rx;
  for (const forwarder_files::socket& s : f.files().sockets)
    rx.emplace_back(s, mapped_ring(s.fd, ring_kind::rx, f.files().ring_size));
  REQUIRE(rx.size() / 2 == queues);
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  CHECK(pass(left, right, {.count = count, .spec = many_flows}).exact());
  CHECK(pass(right, left, {.count = count, .spec = many_flows}).exact());
  f.stop();
  std::uint32_t sum = 0;
  for (const auto& [socket, ring] : rx) {
    INFO("port " << socket.port << " queue " << socket.queue);
    CHECK(ring.produced() > 0);
    CHECK(ring.consumed() == ring.produced());
    CHECK(socket.worker == socket.queue % workers);
    sum += ring.produced();
  }
  CHECK(sum == 2 * count);
  const forwarder_stats s = f.stats();
  CHECK(imbalance(s) == nothing);
  CHECK(kernel_losses(s) == 0);
  REQUIRE(s.workers.size() == workers);
  for (const port_report& p : s.ports) {
    CHECK(p.stats.rx_packets == count);
    CHECK(p.stats.tx_packets == count);
    CHECK(p.stats.unserved_queue == 0);
    CHECK(p.queues.size() == queues);
  }
}

}  // namespace

TEST_CASE("one queue, one worker", "[queues]") { check_every_queue(1, 1); }
TEST_CASE("two queues, one worker", "[queues]") { check_every_queue(2, 1); }
TEST_CASE("two queues, two workers", "[queues]") { check_every_queue(2, 2); }
TEST_CASE("three queues, one worker", "[queues]") { check_every_queue(3, 1); }
TEST_CASE("three queues, two workers", "[queues]") { check_every_queue(3, 2); }
TEST_CASE("four queues, one worker", "[queues]") { check_every_queue(4, 1); }

TEST_CASE("workers are pinned to the CPUs given", "[queues]") {
  const dut_testbed bed({.queues = 2});
  forwarder_config config = bed.config();
  config.cpus = {1, 0};
  config.idle = idle_policy::poll;
  forwarder<cross> f(config, make_cross);
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  CHECK(pass(left, right, {.count = 500, .spec = many_flows}).exact());
  f.stop();
  const forwarder_stats s = f.stats();
  REQUIRE(s.workers.size() == 2);
  CHECK(s.workers[0].cpu == 1);
  CHECK(s.workers[1].cpu == 0);
  CHECK(imbalance(s) == nothing);
}

TEST_CASE("a CPU that is not there is named", "[queues]") {
  const dut_testbed bed({.queues = 2});
  forwarder_config config = bed.config();
  config.cpus = {0, 4095};
  CHECK_THAT(complaint([&] { forwarder<cross> g(config, make_cross); }), ContainsSubstring("CPU 4095"));
}

TEST_CASE("a frame on a queue that nobody serves is counted and goes to the kernel", "[queues]") {
  constexpr unsigned count = 2000;
  const dut_testbed bed({.queues = 2});
  const char* selection = GENERATE("1", "1-1");  // the first one; number one
  INFO("--queues " << selection);
  forwarder<cross> f(serving(bed, selection), make_cross);
  f.start();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1")), kernel(bed.dut.at("d0"));
  arrivals forwarded(right), left_over(kernel);
  unsigned taken = 0;
  for (unsigned i = 0; i < count; i += 50) {  // few at a time: nothing may be lost for want of room
    for (unsigned j = i; j < i + 50; ++j) REQUIRE(left.send(many_flows(j)));
    REQUIRE(eventually([&] { return (taken += forwarded.take(0) + left_over.take(0)) == i + 50; }));
  }
  CHECK(forwarded.settle(2) + left_over.settle(2) == 0);
  f.stop();
  const forwarder_stats s = f.stats();
  CHECK(forwarded.found.received > 0);
  CHECK(left_over.found.received > 0);
  CHECK(forwarded.found.received + left_over.found.received == count);
  CHECK(forwarded.found.corrupt + left_over.found.corrupt == 0);
  CHECK(s.ports[0].stats.unserved_queue == left_over.found.received);
  CHECK(s.ports[0].stats.rx_packets == forwarded.found.received);
  CHECK(s.ports[1].stats.tx_packets == forwarded.found.received);
  CHECK(s.ports[0].queues.size() == 1);
  CHECK(imbalance(s) == nothing);
}

TEST_CASE("what cannot be shared out is refused with the numbers", "[queues]") {
  const dut_testbed bed({.queues = 2});
  forwarder_config config = bed.config();
  config.workers = 3;
  CHECK_THAT(complaint([&] { forwarder<cross> f(config, make_cross); }),
             ContainsSubstring("3 workers, but only 2 served queues"));
  CHECK_THAT(complaint([&] { forwarder<cross> f(serving(bed, "3"), make_cross); }),
             ContainsSubstring("serve queue 2 of " + bed.dut.path("d0") + ": it has 2 RX queues, 0-1"));
  CHECK_THAT(complaint([&] { forwarder<cross> f(serving(bed, "1,7"), make_cross); }),
             ContainsSubstring("serve queue 7"));
  bed.dut.run("ethtool -L d0 tx 1");
  CHECK_THAT(complaint([&] { forwarder<cross> f(serving(bed, "1-1"), make_cross); }),
             ContainsSubstring("worker 0 would transmit on queue 1, but it has 1 TX queue"));
  config.workers = 2;
  CHECK_THAT(complaint([&] { forwarder<cross> f(config, make_cross); }),
             ContainsSubstring("worker 1 would transmit on queue 1, but it has 1 TX queue"));
  config.workers = 0;
  CHECK_THROWS_AS(forwarder<cross>(config, make_cross), usage_error);
}

TEST_CASE("which queues is said by 'all', a number or a list", "[queues]") {
  for (const char* text : {"all", "1", "12", "0-3", "5,7", "4-4", "0-1,3"})
    CHECK(queue_selection(queue_selection(text).text()).text() == queue_selection(text).text());
  CHECK(queue_selection("4-7").text() == "4,5,6,7");
  CHECK(queue_selection("3,1").text() == "1,3");
  for (const char* text :
       {"", "0", "x", "1,", ",1", "3-1", "1,1", "0-2,2", "-1", "1-", "4096", "99999999999", "1 "})
    CHECK_THROWS_AS(queue_selection(text), usage_error);
}
