// SPDX-License-Identifier: BSD-2-Clause
// A forwarder inside a larger program, which has a main(), threads and a way of reporting of its own: the
// data plane is an object among others. Forwards between two interfaces and writes a line of JSON to stdout
// every second, until stdin ends.
//   embed IF0 IF1     (as root; Ctrl-D ends it)
#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <ringway/forwarder.hpp>
#include <ringway/log.hpp>
#include <string>

namespace {

/// The data plane's one decision: what comes from one port goes to the other.
struct cross {
  void process(ringway::batch& b) noexcept {
    const auto other = static_cast<ringway::port_id>(1 - b.ingress());
    for (ringway::packet& p : b) p.out = other;
  }
};

/// What the rest of this program knows of its data plane.
class data_plane {
 public:
  data_plane(const std::string& first, const std::string& second)
      : forwarder_(
            {.ports = {{.interface = first}, {.interface = second}}, .idle = ringway::idle_policy::poll},
            [](unsigned) { return cross{}; }) {
    forwarder_.start();
  }
  void watch() { forwarder_.watch(std::chrono::milliseconds(0)); }  // throws when an interface has gone
  void stop() { forwarder_.stop(); }

  std::string json() const {
    const ringway::forwarder_stats s = forwarder_.stats();
    std::string out = fmt::format("{{\"seconds\": {:.1f}", s.elapsed.count());
    for (const ringway::port_report& p : s.ports)
      out += fmt::format(", \"{}\": {{\"rx\": {}, \"tx\": {}, \"dropped\": {}}}", p.name, p.stats.rx_packets,
                         p.stats.tx_packets, p.stats.dropped());
    return out + "}";
  }

 private:
  ringway::forwarder<cross> forwarder_;
};

/// True when stdin has ended; waits a second for that.
bool input_ended() {
  pollfd in{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  char discard[256];
  return ::poll(&in, 1, 1000) > 0 && ::read(STDIN_FILENO, discard, sizeof discard) <= 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return fmt::print(stderr, "usage: embed IF0 IF1\n"), 2;
  ringway::set_log_sink([](ringway::log_level level, std::string_view line) {
    if (level >= ringway::log_level::warning) fmt::print(stderr, "embed: {}\n", line);
  });
  try {
    data_plane plane(argv[1], argv[2]);
    while (!input_ended()) {  // the larger program's own loop
      plane.watch();
      fmt::print("{}\n", plane.json());
      std::fflush(stdout);
    }
    plane.stop();
    fmt::print("{}\n", plane.json());
  } catch (const std::exception& e) {
    fmt::print(stderr, "embed: error: {}\n", e.what());
    return 1;
  }
}
