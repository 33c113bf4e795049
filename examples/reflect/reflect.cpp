// SPDX-License-Identifier: BSD-2-Clause
// A complete AF_XDP forwarder: sends every packet back where it came from, MAC addresses exchanged.
//   reflect IF        (as root; Ctrl-C ends it)
#include <fmt/core.h>

#include <csignal>
#include <exception>
#include <ringway/forwarder.hpp>
#include <ringway/view.hpp>

namespace {

struct reflect {
  void process(ringway::batch& b) noexcept {
    for (ringway::packet& p : b) {
      ringway::swap_macs(p);
      p.out = b.ingress();
    }
  }
};

volatile std::sig_atomic_t stop = 0;

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return fmt::print(stderr, "usage: reflect IF\n"), 2;
  for (const int s : {SIGINT, SIGTERM}) std::signal(s, [](int) { stop = 1; });
  try {
    ringway::forwarder<reflect> f({.ports = {{.interface = argv[1]}}, .idle = ringway::idle_policy::poll},
                                  [](unsigned) { return reflect{}; });
    f.start();
    fmt::print("reflect: ready\n"), std::fflush(stdout);
    while (stop == 0) f.watch(std::chrono::milliseconds(200));
    f.stop();
    const ringway::forwarder_stats s = f.stats();
    fmt::print("reflect: {} received, {} sent\n", s.ports[0].stats.rx_packets, s.ports[0].stats.tx_packets);
  } catch (const std::exception& e) {
    fmt::print(stderr, "reflect: error: {}\n", e.what());
    return 1;
  }
}
