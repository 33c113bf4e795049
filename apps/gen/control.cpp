// SPDX-License-Identifier: BSD-2-Clause
#include "control.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ringway/error.hpp>
#include <thread>

namespace ringway::gen {
namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr long tick_ns =
    5'000'000;  // between two looks at the counters; the end of a run is that late at most

/// As bpf_ktime_get_ns() has it.
std::uint64_t now_ns() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * second + static_cast<std::uint64_t>(t.tv_nsec);
}

sigset_t ending_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

bool ending_signal_within(long ns) noexcept {
  const sigset_t set = ending_signals();
  const timespec patience{.tv_sec = 0, .tv_nsec = ns};
  return ::sigtimedwait(&set, nullptr, &patience) > 0;
}

void examine(const interface& port, const options& o) {
  if (!port.up())
    throw error(ENETDOWN, "send from {} (mend it by: {}ip link set {} up)", port.name(),
                port.ns().command_prefix(), port.ifname());
  if (!port.carrier())
    throw error(ENETDOWN, "send from {}: it has no carrier (is its peer up?)", port.name());
  constexpr unsigned ethernet_header = 14;
  if (o.size > port.mtu() + ethernet_header)
    throw error(EMSGSIZE, "send frames of {} bytes from {}, whose MTU of {} allows {}", o.size, port.name(),
                port.mtu(), port.mtu() + ethernet_header);
}

}  // namespace

void control::hold_signals() noexcept {
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

control::control(const options& o) : options_(o) {
  for (const std::string& name : o.sinks) sinks_.emplace_back(interface(name), o.sink_attach);
  if (o.port.empty()) return;
  const interface port(o.port);
  examine(port, o);
  engine_ = std::make_unique<engine>(port, o);
}

void control::run() {
  if (engine_) engine_->start();
  printed_.at = last_progress_ = now_ns();
  try {
    watch();
  } catch (...) {
    failure_ = std::current_exception();
  }
  stopped_ = now_ns();
  if (engine_) engine_->stop();
  drain();
}

void control::watch() {
  for (;;) {
    if (ending_signal_within(tick_ns)) return;
    const std::uint64_t now = now_ns();
    if (over(now)) return;
    if (options_.stats > 0 && static_cast<double>(now - printed_.at) >= options_.stats * 1e9)
      print_progress(now);
  }
}

bool control::over(std::uint64_t now) {
  if (!engine_) {
    if (started_ == 0) started_ = now;
    return options_.duration > 0 && static_cast<double>(now - started_) >= options_.duration * 1e9;
  }
  engine_->check();
  const engine_counters c = engine_->counters();
  if (started_ == 0 && c.attempted > 0) started_ = c.first.value_or(now);
  refuse_hopeless(c, now);
  if (c.done) return true;
  return started_ > 0 && options_.duration > 0 && options_.rate <= 0 &&
         static_cast<double>(now - started_) >= options_.duration * 1e9;
}

/// Throws for what will not get better: a port that is gone; one that has refused everything for the first
/// second, or that keeps a run that shall end with a count from ending.
void control::refuse_hopeless(const engine_counters& c, std::uint64_t now) {
  if (c.unmapped > 0) throw error(ENODEV, "send from {}: it has been deleted", options_.port);
  if (c.offered > last_offered_ || c.refused == 0) {
    last_offered_ = c.offered;
    last_progress_ = now;
  }
  const bool endless = options_.count > 0 && options_.duration <= 0;
  if (c.offered == 0 && now - last_progress_ > second) {
    throw error(EOPNOTSUPP,
                "send from {}: {} of {} frames refused; at a veth the peer needs an XDP program or GRO "
                "(ethtool -K PEER gro on, while it is up)",
                options_.port, c.refused, c.attempted);
  }
  if (endless && now - last_progress_ > 2 * second)
    throw error(ETIMEDOUT, "send from {}: after {} frames it has taken none for 2 s", options_.port,
                c.offered);
}

void control::print_progress(std::uint64_t now) {
  const double passed = static_cast<double>(now - printed_.at) / 1e9;
  const std::uint64_t arrived = received();
  std::string line = fmt::format("{:7.1f} s", started_ > 0 ? static_cast<double>(now - started_) / 1e9 : 0.0);
  if (engine_) {
    const engine_counters c = engine_->counters();
    line += fmt::format("  sent {} ({:.0f}/s)  late {}  refused {}", c.offered,
                        static_cast<double>(c.offered - printed_.offered) / passed, c.late, c.refused);
    printed_.offered = c.offered;
  }
  if (!sinks_.empty())
    line += fmt::format("  received {} ({:.0f}/s)", arrived,
                        static_cast<double>(arrived - printed_.received) / passed);
  if (options_.duration > 0 && started_ > 0)
    line += fmt::format("  {:.0f} s left",
                        std::max(0.0, options_.duration - static_cast<double>(now - started_) / 1e9));
  std::fprintf(stderr, "%s\n", line.c_str());
  printed_.received = arrived;
  printed_.at = now;
}

/// Frames may still be in a ring or a queue on their way: waits until none has arrived for 100 ms, at most 2
/// s.
void control::drain() {
  if (sinks_.empty()) return;
  const std::uint64_t deadline = now_ns() + 2 * second;
  std::uint64_t seen = received(), since = now_ns();
  while (now_ns() - since < second / 10 && now_ns() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::uint64_t arrived = received();
    if (arrived != seen) since = now_ns();
    seen = arrived;
  }
}

std::uint64_t control::received() const {
  std::uint64_t sum = 0;
  for (const counting_sink& s : sinks_) sum += s.counts().packets;
  return sum;
}

double control::duration() const {
  if (started_ == 0) return 0;
  if (!engine_) return static_cast<double>(stopped_ - started_) / 1e9;
  const engine_counters c = engine_->counters();
  if (!c.first || !c.last) return static_cast<double>(stopped_ - started_) / 1e9;
  const double interval = options_.rate > 0 ? 1 / options_.rate : 0;
  return static_cast<double>(*c.last - *c.first) / 1e9 + interval;
}

report control::result() const {
  report r;
  r.asked = options_;
  r.duration = duration();
  if (engine_) {
    r.traced = engine_->traced();
    r.sent = engine_->counters();
  }
  for (const counting_sink& s : sinks_) r.sinks.push_back({s.where().name(), s.counts()});
  return r;
}

}  // namespace ringway::gen
