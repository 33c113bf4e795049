// SPDX-License-Identifier: BSD-2-Clause
#include "control.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ringway/error.hpp>
#include <thread>

namespace ringway::gen {
namespace {

constexpr std::uint64_t second = 1'000'000'000;
constexpr unsigned ethernet_header = 14, vlan_tag = 4;
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
  const unsigned allowed = port.mtu() + ethernet_header + (o.frames.tagged() ? vlan_tag : 0);
  if (o.frames.largest() > allowed)
    throw error(EMSGSIZE, "send frames of {} bytes from {}, whose MTU of {} allows {}", o.frames.largest(),
                port.name(), port.mtu(), allowed);
}

}  // namespace

void control::hold_signals() noexcept {
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

control::control(const options& o) : options_(o), sinks_(o, o.frames.flows) {
  for (std::size_t i = 0; i < o.ports.size(); ++i) {
    const interface port(o.ports[i]);
    examine(port, o);
    const int cpu = o.cpus.empty() ? -1 : o.cpus[std::min(i, o.cpus.size() - 1)];
    senders_.push_back({make_engine(port, o, cpu)});
  }
}

void control::run() {
  printed_.at = now_ns();
  for (sender& s : senders_) {
    s.last_progress = printed_.at;
    s.engine->start();
  }
  try {
    watch();
  } catch (...) {
    failure_ = std::current_exception();
  }
  stopped_ = now_ns();
  for (const sender& s : senders_) s.engine->stop();
  drain();
  try {
    sinks_.finish();
  } catch (...) {
    if (!failure_) failure_ = std::current_exception();
  }
}

void control::watch() {
  for (;;) {
    if (ending_signal_within(tick_ns)) return;
    const std::uint64_t now = now_ns();
    if (over(now)) return;
    if (options_.then.seconds > 0) note_moment();
    if (options_.stats > 0 && static_cast<double>(now - printed_.at) >= options_.stats * 1e9)
      print_progress(now);
  }
}

bool control::over(std::uint64_t now) {
  if (senders_.empty() && started_ == 0) started_ = now;
  bool all = !senders_.empty();
  for (sender& s : senders_)
    if (!over(s, now)) all = false;
  if (all) return true;
  // A schedule ends by itself.
  return started_ > 0 && options_.duration > 0 && (options_.rate <= 0 || senders_.empty()) &&
         static_cast<double>(now - started_) >= options_.duration * 1e9;
}

bool control::over(sender& s, std::uint64_t now) {
  s.engine->tend(now);
  const engine_counters c = s.engine->counters();
  if (started_ == 0 && c.attempted > 0) started_ = c.first.value_or(now);
  if (!c.done) refuse_hopeless(s, c, now);
  return c.done;
}

/// Throws for what will not get better: a port that is gone; one that has refused everything for the first
/// second, or that keeps a run that shall end with a count from ending.
void control::refuse_hopeless(sender& s, const engine_counters& c, std::uint64_t now) {
  const std::string& port = s.engine->port().name();
  if (c.unmapped > 0) throw error(ENODEV, "send from {}: it has been deleted", port);
  if (c.offered > s.last_offered || c.refused == 0) {
    s.last_offered = c.offered;
    s.last_progress = now;
  }
  const bool endless = options_.count > 0 && options_.duration <= 0;
  if (c.offered == 0 && now - s.last_progress > second)
    throw error(EOPNOTSUPP, "send from {}: {} of {} frames refused; {}", port, c.refused, c.attempted,
                s.engine->why_refused());
  if (endless && now - s.last_progress > 2 * second)
    throw error(ETIMEDOUT, "send from {}: after {} frames it has taken none for 2 s", port, c.offered);
}

void control::print_progress(std::uint64_t now) {
  const double passed = static_cast<double>(now - printed_.at) / 1e9;
  const std::uint64_t arrived = sinks_.received();
  std::string line = fmt::format("{:7.1f} s", started_ > 0 ? static_cast<double>(now - started_) / 1e9 : 0.0);
  if (!senders_.empty()) {
    const engine_counters c = add_up(ports());
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

/// What has been sent and has arrived since the rate changed, every few milliseconds: when losses end is seen
/// by that. The schedule began with the first frame, so it is known when it changes.
void control::note_moment() {
  constexpr std::size_t most = 20'000;
  if (started_ == 0 || after_.size() >= most) return;
  const auto change = started_ + static_cast<std::uint64_t>(options_.duration * 1e9);
  const std::uint64_t now = now_ns();
  if (now < change) return;
  const std::uint64_t arrived =
      sinks_.received();  // first: what is under way then counts as lost for a moment
  after_.push_back({static_cast<double>(now - change) / 1e9, add_up(ports()).offered, arrived});
}

/// Frames may still be in a ring or a queue on their way: waits until none has arrived for 100 ms, at most 2
/// s.
void control::drain() {
  if (sinks_.empty()) return;
  const std::uint64_t deadline = now_ns() + 2 * second;
  std::uint64_t seen = sinks_.received(), since = now_ns();
  while (now_ns() - since < second / 10 && now_ns() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const std::uint64_t arrived = sinks_.received();
    if (arrived != seen) since = now_ns();
    seen = arrived;
  }
}

double control::duration(const engine_counters& all) const {
  if (started_ == 0) return 0;
  if (!all.first || !all.last) return static_cast<double>(stopped_ - started_) / 1e9;
  const double interval = options_.rate > 0 ? 1 / options_.rate : 0;
  return static_cast<double>(*all.last - *all.first) / 1e9 + interval;
}

std::vector<port_report> control::ports() const {
  std::vector<port_report> all;
  for (const sender& s : senders_)
    all.push_back({s.engine->port().name(), s.engine->accepted_by(), s.engine->counters()});
  return all;
}

report control::result() const {
  report r;
  r.asked = options_;
  r.ports = ports();
  r.sent = add_up(r.ports);
  r.duration = duration(r.sent);
  std::vector<sent_frames> sent;  // to the sink of the same place in the list
  if (r.ports.size() == 1 || options_.bidirectional)
    for (const port_report& p : r.ports) sent.push_back({p.sent.offered, p.sent.attempted});
  r.sinks = sinks_.reports(sent);
  r.after = after_;
  return r;
}

}  // namespace ringway::gen
