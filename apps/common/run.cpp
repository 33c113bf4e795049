// SPDX-License-Identifier: BSD-2-Clause
#include "run.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <ringway/error.hpp>

#include "console.hpp"
#include "refusal_alarm.hpp"
#include "report.hpp"
#include "report_file.hpp"
#include "start_checks.hpp"

namespace ringway::app {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds patience{100};  // the longest that a signal waits for us

/// SIGINT, SIGTERM, SIGUSR1 and, where it means something, SIGHUP wait until they are asked for, in this
/// thread and in all that it starts.
class held_signals {
 public:
  explicit held_signals(bool hangup) {
    ::sigemptyset(&held_);
    for (const int s : {SIGINT, SIGTERM, SIGUSR1}) ::sigaddset(&held_, s);
    if (hangup) ::sigaddset(&held_, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &held_, nullptr);
    ::signal(SIGPIPE,
             SIG_IGN);  // NOLINT(cert-err33-c): a reader of our tables that goes away does not end forwarding
  }
  /// One that has come; 0: none.
  int take() const noexcept {
    const timespec at_once{};
    const int s = ::sigtimedwait(&held_, nullptr, &at_once);
    return s < 0 ? 0 : s;
  }

 private:
  sigset_t held_{};
};

/// Every so many seconds; never for 0.
class interval {
 public:
  explicit interval(double seconds)
      : step_(std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds))) {}
  void begin(clock::time_point now) noexcept { next_ = now + step_; }
  clock::time_point next() const noexcept { return step_.count() == 0 ? clock::time_point::max() : next_; }
  bool due(clock::time_point now) noexcept {
    if (now < next()) return false;
    next_ = std::max(next_ + step_, now);  // after a pause: no catching up
    return true;
  }

 private:
  clock::duration step_;
  clock::time_point next_{};
};

class session {
 public:
  /// `json`: where the report is to go; none: nowhere.
  session(const application& what, const forwarder_options& o, forwarding& way, console& out,
          const std::optional<report_file>& json)
      : options_(o), way_(way), out_(out), json_(json), reload_(what.reload) {
    report_ = {.app = what.who.name,
               .version = version(),
               .way = o.way,
               .mode = what.mode,
               .reasons = way.reasons()};
  }

  /// False: a signal ended the wait.
  bool wait_for_carrier(const std::vector<interface>& ports, const held_signals& signals);
  void say_what_was_obtained();
  void watch(const held_signals& signals);
  /// `failure`: what ended the run early; empty: nothing.
  const report& finish(const std::string& failure);

 private:
  void look() {
    report_.run = way_.stats();
    report_.note = way_.note();
  }
  void print(bool live) {
    look();
    out_.table(to_table(report_, &printed_, !live), live);
    printed_ = report_.run;
  }

  void write_so_far();
  void reload();
  /// False: it ends the run.
  bool heed(int signal);

  const forwarder_options& options_;
  forwarding& way_;
  console& out_;
  const std::optional<report_file>& json_;
  const std::function<std::string()> reload_;
  report report_;
  forwarder_stats printed_;
};

bool session::wait_for_carrier(const std::vector<interface>& ports, const held_signals& signals) {
  const auto deadline = clock::now() + std::chrono::duration<double>(options_.wait_carrier);
  const auto missing = [&] {
    return std::find_if(ports.begin(), ports.end(), [](const interface& port) { return !port.carrier(); });
  };
  if (options_.wait_carrier <= 0) return true;
  for (auto port = missing(); port != ports.end(); port = missing()) {
    if (clock::now() >= deadline)
      throw error(ENETDOWN, "wait {} s for carrier on {}", options_.wait_carrier, port->name());
    const int s = signals.take();
    if (s == SIGHUP)
      reload();
    else if (s != 0 && s != SIGUSR1)
      return false;
    way_.watch(milliseconds(10));
  }
  return true;
}

void session::say_what_was_obtained() {
  look();
  for (const port_report& p : report_.run.ports) {
    std::string line = fmt::format("{}: {} XDP", p.name, ringway::to_string(p.attach));
    if (options_.way == datapath::afxdp)
      line += fmt::format(", {}, {} queue{}", p.zero_copy ? "zero-copy" : "copy mode", p.queues.size(),
                          p.queues.size() == 1 ? "" : "s");
    out_.info(line);
  }
  for (const std::string& line : way_.lines()) out_.info(line);
}

/// What is asked for while packets go by must not end that: a full disk is told, and no more.
void session::write_so_far() {
  if (!json_ || !json_->replaceable()) return;
  report_.running = true;
  try {
    json_->write(to_json(report_));
  } catch (const std::exception& e) {
    out_.warning(e.what());
  }
  report_.running = false;
}

/// A file that is refused must not end it either.
void session::reload() {
  try {
    out_.info(reload_());
  } catch (const std::exception& e) {
    out_.error(fmt::format("reload: {}", e.what()));
  }
}

bool session::heed(int signal) {
  if (signal == SIGHUP) {
    reload();
    return true;
  }
  if (signal != SIGUSR1) return false;
  print(false);
  write_so_far();
  return true;
}

void session::watch(const held_signals& signals) {
  const auto begin = clock::now();
  interval tables(options_.stats), alarms(options_.way == datapath::xdp ? 1 : 0), end(options_.duration);
  for (interval* i : {&tables, &alarms, &end}) i->begin(begin);
  refusal_alarm alarm;
  while (true) {
    const auto wake = std::min({tables.next(), alarms.next(), end.next(), clock::now() + patience});
    way_.watch(std::max(std::chrono::ceil<milliseconds>(wake - clock::now()), milliseconds(0)));
    const auto now = clock::now();
    if (end.due(now)) return;
    for (int s = signals.take(); s != 0; s = signals.take())
      if (!heed(s)) return;
    if (tables.due(now)) print(true);
    if (!alarms.due(now)) continue;
    look();
    for (const std::string& line : alarm.news(report_.run)) out_.warning(line);
  }
}

const report& session::finish(const std::string& failure) {
  way_.stop();
  try {
    look();
  } catch (
      const std::exception& e) {  // a port that is gone can't be asked: the numbers of the last look stand
    out_.warning(fmt::format("the last numbers are missing: {}", e.what()));
  }
  report_.error = failure;
  if (!options_.quiet) out_.table(to_table(report_, nullptr, true), false);
  return report_;
}

}  // namespace

void run(const application& what, const option_table& table, const forwarder_options& o) {
  const held_signals signals(what.reload != nullptr);
  console out(what.who, o);
  std::optional<report_file> json;
  if (!o.json.empty()) json.emplace(o.json);
  const std::vector<interface> ports = find_ports(o, what.takes_all);
  const std::unique_ptr<forwarding> way = what.open(ports);
  for (const std::string& name : without_effect(table, o))
    out.warning(fmt::format("{} has no effect with --datapath xdp", name));
  for (const std::string& line : warnings_of(ports, o, what.reflecting, what.takes_all)) out.warning(line);
  session s(what, o, *way, out, json);
  way->start();
  std::exception_ptr failure;
  std::string why;
  if (s.wait_for_carrier(ports, signals)) {
    s.say_what_was_obtained();
    out.ready();
    try {
      s.watch(signals);
    } catch (const std::exception& e) {
      failure = std::current_exception();
      why = e.what();
    }
  }
  const report& result = s.finish(why);
  if (json) json->write(to_json(result));
  if (failure) std::rethrow_exception(failure);
}

int exit_code_of(const identity& who, const std::function<void()>& body) noexcept {
  const auto fail = [&](const char* what, int code) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: error: %s\n", who.name.c_str(), what);
    return code;
  };
  try {
    body();
    return 0;
  } catch (const usage_error& e) {
    return fail(e.what(), 2);
  } catch (const std::bad_alloc&) {
    return fail("no memory", 1);
  } catch (const std::exception& e) {
    return fail(e.what(), 1);
  }
}

}  // namespace ringway::app
