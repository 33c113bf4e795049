// SPDX-License-Identifier: BSD-2-Clause
// A filter between two interfaces: drops UDP and TCP packets to the ports that a file lists, one a line, and
// counts why by its own reasons. SIGHUP reads the file again while packets flow: each is judged by the old
// table or the new, never by a mixture, and the workers take no lock. A bad file leaves the old table in
// force.
//   filter IF0 IF1 FILE     (as root; Ctrl-C ends it)
#include <fmt/core.h>
#include <ringway/core/parse.h>

#include <array>
#include <atomic>
#include <bitset>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <ringway/forwarder.hpp>
#include <string>
#include <utility>

namespace {

using table = std::bitset<65536>;

class filter {
 public:
  static constexpr std::array<std::string_view, 2> drop_names{"denied_port", "not_parsed"};
  enum : std::uint16_t { denied_port = RW_REASON_NF, not_parsed };

  explicit filter(const std::atomic<const table*>* denied) : denied_(denied) {}

  void process(ringway::batch& b) noexcept {
    const table& denied = *denied_->load(std::memory_order_acquire);  // once a batch
    for (ringway::packet& p : b) {
      rw_parsed h;
      const auto outcome = rw_parse(&h, p.data, p.end(), p.total);
      if (outcome == RW_PARSE_OK && denied.test(RW_CPU16(h.dport)))
        p.out = ringway::drop(denied_port);
      else if (outcome != RW_PARSE_OK && outcome != RW_PARSE_NOT_IP)
        p.out = ringway::drop(not_parsed);
      else
        p.out = static_cast<ringway::port_id>(1 - b.ingress());
    }
  }

 private:
  const std::atomic<const table*>* denied_;
};

std::unique_ptr<const table> read_table(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error("cannot read " + path);
  auto t = std::make_unique<table>();
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    std::uint16_t port = 0;
    const auto [end, err] = std::from_chars(line.data(), line.data() + line.size(), port);
    if (err != std::errc{} || end != line.data() + line.size())
      throw std::runtime_error(fmt::format("{}:{}: '{}' is no port number", path, number, line));
    t->set(port);
  }
  return t;
}

volatile std::sig_atomic_t stop = 0, reload = 0;

void print(const ringway::forwarder_base& f) {
  const ringway::forwarder_stats s = f.stats();
  for (const ringway::port_report& p : s.ports) {
    fmt::print("{}: rx {} tx {}", p.name, p.stats.rx_packets, p.stats.tx_packets);
    for (std::uint32_t i = 0; i < p.stats.drops.size(); ++i)
      if (p.stats.drops[i] != 0) fmt::print(" {} {}", f.reason_name(i), p.stats.drops[i]);
    fmt::print("\n");
  }
}

int run(const char* first, const char* second, const std::string& path) {
  std::unique_ptr<const table> owned = read_table(path);
  std::atomic<const table*> current{owned.get()};
  ringway::forwarder<filter> f(
      {.ports = {{.interface = first}, {.interface = second}}, .idle = ringway::idle_policy::poll},
      [&current](unsigned) { return filter(&current); });
  f.start();
  fmt::print("filter: ready\n"), std::fflush(stdout);
  while (stop == 0) {
    f.watch(std::chrono::milliseconds(100));
    if (std::exchange(reload, 0) == 0) continue;
    try {
      std::unique_ptr<const table> fresh = read_table(path);
      current.store(fresh.get(), std::memory_order_release);
      f.wait_for_turns();  // no worker reads the old one any more
      owned = std::move(fresh);
      fmt::print("filter: reloaded, {} ports denied\n", owned->count()), std::fflush(stdout);
    } catch (const std::exception& e) {
      fmt::print(stderr, "filter: {}; the old table stays\n", e.what());
    }
  }
  f.stop();
  print(f);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return fmt::print(stderr, "usage: filter IF0 IF1 FILE\n"), 2;
  for (const int s : {SIGINT, SIGTERM}) std::signal(s, [](int) { stop = 1; });
  std::signal(SIGHUP, [](int) { reload = 1; });
  try {
    return run(argv[1], argv[2], argv[3]);
  } catch (const std::exception& e) {
    fmt::print(stderr, "filter: error: {}\n", e.what());
    return 1;
  }
}
