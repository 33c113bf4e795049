// SPDX-License-Identifier: BSD-2-Clause
// The worker's function over rings in plain memory. Timed is worker::turn() alone, of a worker that balances
// and of one that does nothing with its packets; the difference is the balancer's.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <ringway/error.hpp>
#include <ringway/nf/lb.hpp>
#include <ringway/tsc.hpp>

#include "figures.hpp"
#include "setup.hpp"
#include "support/loop_kernel.hpp"

namespace ringway::lb_bench {
namespace {

struct nothing {
  void process(batch& b) noexcept {
    for (packet& p : b) p.out = out_port;
  }
};

template <network_function F, std::uint32_t Capacity>
class loop {
 public:
  loop(const F& function, const lb_flows& flows) : bed_(2, ring, function), flows_(flows) {}

  /// Nanoseconds a packet, of so many.
  double time(std::uint64_t packets) {
    std::uint64_t spent = 0, done = 0;
    while (done < packets) {
      test::loop_kernel& k = bed_.kernel(in_port);
      for (std::uint32_t i = 0; i < Capacity; ++i)
        lb_flow_write(bed_.at(k.fill.at(k.fill.consumer + i) + packet_headroom), &flows_,
                      flows_.next++ & flows_.mask);
      k.receive(Capacity, LB_FRAME);
      const std::uint64_t begin = ticks();
      const std::uint32_t packets_now = bed_.user().turn();
      const std::uint64_t took = ticks() - begin;
      total_ += packets_now;
      sent_ += bed_.kernel(out_port).send();
      if (took > longest_) continue;
      spent += took;
      done += packets_now;
    }
    if (sent_ != total_) throw error(EPROTO, "the worker has sent {} of {} packets", sent_, total_);
    return 1e9 * static_cast<double>(spent) / static_cast<double>(ticks_per_second_) /
           static_cast<double>(done);
  }

 private:
  static constexpr std::uint32_t ring = 512;
  test::loop_bed<F, Capacity> bed_;
  lb_flows flows_;
  std::uint64_t sent_ = 0, total_ = 0, ticks_per_second_ = ticks_per_second();
  /// Half a millisecond: in a turn that took so long something else had the CPU; it is left out.
  std::uint64_t longest_ = ticks_per_second_ / 2000;
};

template <std::uint32_t Capacity>
nlohmann::json measure(const shape& s, const effort& e, std::uint64_t packets) {
  std::fprintf(stderr, "lb-figures: core: %s, %u flows, batch %u\n", name_of(s.method), s.flows, Capacity);
  world w(s);
  const auto local = std::make_unique<rw_lb_local>();
  std::vector<rw_lb_traffic> traffic(w.store.traffic_elements());
  const nf::lb function(w.store.memory(), w.store.sizes(in_port, flow_key), *local, traffic);
  loop<nf::lb, Capacity> balancing(function, flows_of(s));
  loop<nothing, Capacity> empty({}, flows_of(s));
  nlohmann::json cell = {
      {"method", name_of(s.method)}, {"flows", s.flows}, {"batch", Capacity}, {"short_way", s.short_way}};
  for (int pass = 0; pass < 2; ++pass) {
    w.next_second();
    empty.time(packets / 4);
    balancing.time(std::max<std::uint64_t>(s.flows, packets / 4));
  }
  for (std::uint32_t round = 0; round < e.rounds; ++round) {
    w.next_second();
    cell["empty"].push_back(empty.time(packets));
    const std::uint64_t before = local->events[RW_LB_CONN_HIT];
    cell["ringway"].push_back(balancing.time(packets));
    if (const std::uint64_t hits = local->events[RW_LB_CONN_HIT] - before; hits < packets)
      throw error(EPROTO, "{} of {} packets were of known flows", hits, packets);
  }
  return cell;
}

}  // namespace

nlohmann::json core(const effort& e) {
  nlohmann::json cells = nlohmann::json::array();
  for (const rw_lb_method method : {RW_METHOD_L2, RW_METHOD_IPIP, RW_METHOD_GUE}) {
    for (const std::uint32_t flows : {1u, 1024u, e.most_flows}) {
      const shape s{.method = method, .flows = flows};
      const std::uint64_t packets = std::max(e.packets, flows);
      cells.push_back(measure<64>(s, e, packets));
      cells.push_back(measure<256>(s, e, packets));
    }
    cells.push_back(measure<256>({.method = method, .short_way = false}, e, e.packets));
  }
  return cells;
}

}  // namespace ringway::lb_bench
