// SPDX-License-Identifier: BSD-2-Clause
// Run by callgrind_gate.py: turns of the hot loop of ringway-l2fwd and ringway-lb, whose instructions are
// counted. The kernel's part is outside of the counted function, and nothing depends on the clock: no kick is
// put off, no tick comes.
//   callgrind_program CASE TURNS     prints the packets of the counted turns
//   callgrind_program                prints the cases
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ringway/nf/l2.hpp>
#include <ringway/nf/lb.hpp>

#include "setup.hpp"
#include "support/loop_kernel.hpp"

namespace {

constexpr std::uint32_t ring = 512, warm_up = 8;

/// What is counted: the name is what callgrind is told.
template <class Worker>
[[gnu::noinline]] std::uint32_t counted_turn(Worker& w) {
  return w.turn();
}

/// Neighbours in a batch never go the same way: no run is longer than one packet.
struct alternates {
  void process(ringway::batch& b) noexcept {
    ringway::port_id next = 0;
    for (ringway::packet& p : b) p.out = next, next ^= 1;
  }
};
/// Every other packet is dropped.
struct drops_half {
  void process(ringway::batch& b) noexcept {
    ringway::verdict next = 1;
    for (ringway::packet& p : b) p.out = next, next = next == 1 ? ringway::drop(RW_REASON_NF) : 1;
  }
};

template <class F, std::uint32_t Capacity, std::uint32_t Ports, std::uint32_t Packets>
std::uint64_t run_with(const F& function, std::uint32_t turns) {
  ringway::test::loop_bed<F, Capacity> bed(Ports, ring, function);
  std::uint64_t packets = 0;
  for (std::uint32_t i = 0; i < warm_up + turns; ++i) {
    for (std::uint32_t p = 0; p < Ports; ++p) bed.kernel(p).receive(Packets, 64);
    if (i < warm_up)
      bed.user().turn();
    else
      packets += counted_turn(bed.user());
    for (std::uint32_t p = 0; p < Ports; ++p) bed.kernel(p).send();
  }
  return bed.user().ledger().leaked() == 0 ? packets : 0;
}

template <rw_l2_mode Mode, std::uint32_t Capacity, std::uint32_t Ports, std::uint32_t Packets>
std::uint64_t run(std::uint32_t turns) {
  return run_with<ringway::nf::l2_mode<Mode>, Capacity, Ports, Packets>(
      ringway::test::l2_function<Mode>(Ports), turns);
}

/// 1024 known flows to 100 reals; every packet brings the next one. By the short way, or through the stages.
template <rw_lb_method Method, bool ShortWay>
std::uint64_t balance(std::uint32_t turns) {
  namespace lb = ringway::lb_bench;
  constexpr std::uint32_t batch = 256;
  const lb::shape s{.method = Method, .short_way = ShortWay};
  lb::world w(s, ringway::lb_store::in_process(lb::capacity_of(s)));
  const auto local = std::make_unique<rw_lb_local>();
  std::vector<rw_lb_traffic> traffic(w.store.traffic_elements());
  lb_flows flows = lb::flows_of(s);
  ringway::test::loop_bed<ringway::nf::lb, batch> bed(
      2, ring, {w.store.memory(), w.store.sizes(lb::in_port, lb::flow_key), *local, traffic});
  std::uint64_t packets = 0;
  for (std::uint32_t i = 0; i < warm_up + turns; ++i) {
    ringway::test::loop_kernel& in = bed.kernel(lb::in_port);
    for (std::uint32_t p = 0; p < batch; ++p)
      lb_flow_write(bed.at(in.fill.at(in.fill.consumer + p) + ringway::packet_headroom), &flows,
                    flows.next++ & flows.mask);
    in.receive(batch, LB_FRAME);
    if (i < warm_up)
      bed.user().turn();
    else
      packets += counted_turn(bed.user());
    bed.kernel(lb::out_port).send();
  }
  return local->events[RW_LB_CONN_HIT] >= packets && bed.user().ledger().leaked() == 0 ? packets : 0;
}

struct {
  const char* name;
  std::uint64_t (*run)(std::uint32_t);
} const cases[] = {
    {"io/256", run<RW_L2_IO, 256, 2, 256>},
    {"mac/256", run<RW_L2_MAC, 256, 2, 256>},
    {"macswap/256", run<RW_L2_MACSWAP, 256, 2, 256>},
    {"l2fwd/256", run<RW_L2_L2FWD, 256, 2, 256>},
    {"rxonly/256", run<RW_L2_RXONLY, 256, 2, 256>},
    {"macswap/64", run<RW_L2_MACSWAP, 64, 2, 64>},
    {"ports alternate", [](std::uint32_t n) { return run_with<alternates, 256, 2, 256>({}, n); }},
    {"half dropped", [](std::uint32_t n) { return run_with<drops_half, 256, 2, 256>({}, n); }},
    // Batches that are nearly empty, as at a low rate: what a turn costs beside its packets.
    {"macswap/256, 1 packet a turn and port", run<RW_L2_MACSWAP, 256, 2, 1>},
    {"lb l2/256", balance<RW_METHOD_L2, true>},
    {"lb ipip/256", balance<RW_METHOD_IPIP, true>},
    {"lb gue/256", balance<RW_METHOD_GUE, true>},
    {"lb ipip/256, through the stages", balance<RW_METHOD_IPIP, false>},
};

}  // namespace

int main(int argc, char** argv) {
  for (const auto& c : cases) {
    if (argc < 3) std::printf("%s\n", c.name);
    if (argc < 3 || std::strcmp(c.name, argv[1]) != 0) continue;
    const std::uint64_t packets = c.run(static_cast<std::uint32_t>(std::atoi(argv[2])));
    std::printf("%llu\n", static_cast<unsigned long long>(packets));
    return packets == 0;
  }
  return argc < 3 ? 0 : 2;
}
