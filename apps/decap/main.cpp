// SPDX-License-Identifier: BSD-2-Clause
// ringway-decap: takes IP in IP and GUE off packets before the kernel's stack sees them, for a load
// balancer's reals whose kernel has no such tunnel. What it does to a packet is in
// include/ringway/core/decap.h, which bpf/decap.bpf.c compiles for the kernel.
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <ringway/error.hpp>
#include <ringway/link_watch.hpp>

#include "../common/command_line.hpp"
#include "../common/console.hpp"
#include "../common/report_file.hpp"
#include "../common/run.hpp"
#include "decapsulator.hpp"
#include "options.hpp"
#include "report.hpp"

using namespace ringway;

namespace {

using clock_type = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds patience{100};  // the longest that a signal waits for us

clock_type::time_point in(double seconds) {
  if (seconds == 0) return clock_type::time_point::max();
  return clock_type::now() +
         std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(seconds));
}

class session {
 public:
  session(const app::identity& who, const decap_app::options& o);
  void run();

 private:
  void attach(const std::vector<interface>& ports);
  void until_the_end();
  bool end_is_asked_for();
  void look_at_links();
  void look();
  void print(bool live);
  void write_so_far();
  void finish();

  const decap_app::options& options_;
  sigset_t held_{};
  app::console out_;
  std::optional<app::report_file> json_;
  std::vector<decap_app::decapsulator> decaps_;
  std::optional<link_watch> links_;
  decap_app::report report_;
};

/// What the console needs to know, as all forwarders have it.
app::forwarder_options for_console(const decap_app::options& o) {
  app::forwarder_options shared;
  shared.json = o.json;
  shared.quiet = o.quiet;
  shared.verbose = o.verbose;
  return shared;
}

session::session(const app::identity& who, const decap_app::options& o)
    : options_(o), out_(who, for_console(o)) {
  ::sigemptyset(&held_);
  for (const int s : {SIGINT, SIGTERM, SIGUSR1}) ::sigaddset(&held_, s);
  ::pthread_sigmask(SIG_BLOCK, &held_, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): nobody reads our tables any more, and that is all
  report_.app = who.name;
  report_.version = app::version();
  if (!o.json.empty()) json_.emplace(o.json);
}

void session::attach(const std::vector<interface>& ports) {
  const rw_decap config = decap_app::program_config(options_);
  links_.emplace(ports);
  for (const interface& port : ports) {
    const auto& decap = decaps_.emplace_back(port, config, options_.attach, options_.replace);
    report_.ports.push_back({port.name(), decap.attached().obtained(), {}});
    out_.info(fmt::format("{}: {} XDP", port.name(), to_string(decap.attached().obtained())));
  }
}

void session::look() {
  for (std::size_t i = 0; i < decaps_.size(); ++i) report_.ports[i].counts = decaps_[i].counts();
}

void session::print(bool live) {
  look();
  out_.table(decap_app::to_table(report_), live);
}

void session::write_so_far() {
  if (!json_ || !json_->replaceable()) return;
  report_.running = true;
  try {
    json_->write(decap_app::to_json(report_));
  } catch (const std::exception& e) {
    out_.warning(e.what());
  }
  report_.running = false;
}

bool session::end_is_asked_for() {
  const timespec at_once{};
  for (int s = ::sigtimedwait(&held_, nullptr, &at_once); s > 0;
       s = ::sigtimedwait(&held_, nullptr, &at_once)) {
    if (s != SIGUSR1) return true;
    print(false);
    write_so_far();
  }
  return false;
}

void session::look_at_links() {
  for (const link_event& event : links_->wait(patience)) {
    if (event.what == link_change::deleted || event.what == link_change::moved)
      throw error(ENODEV, "take packets out of their tunnels on {}: it was {}",
                  report_.ports[event.port].name, to_string(event.what));
  }
}

void session::until_the_end() {
  const auto end = in(options_.duration);
  auto table = in(options_.stats);
  while (!end_is_asked_for() && clock_type::now() < end) {
    look_at_links();
    if (clock_type::now() < table) continue;
    print(true);
    table = in(options_.stats);
  }
}

void session::finish() {
  for (auto& decap : decaps_) decap.stop();
  look();
  if (!options_.quiet) out_.table(decap_app::to_table(report_), false);
  if (json_) json_->write(decap_app::to_json(report_));
}

void session::run() {
  std::vector<interface> ports;
  for (const std::string& name : options_.ports) ports.emplace_back(name);
  attach(ports);
  out_.ready();
  try {
    until_the_end();
  } catch (const std::exception& e) {
    report_.error = e.what();
    finish();
    throw;
  }
  finish();
}

void decapsulate(const app::identity& who, int argc, char** argv) {
  decap_app::options o;
  app::option_table table;
  decap_app::add_options(table, o);
  const auto given = app::parse_command_line(who, table, argc, argv);
  if (!given) return;
  app::apply(*given);
  decap_app::check(o);
  session(who, o).run();
}

}  // namespace

int main(int argc, char** argv) {
  const app::identity who{
      .name = "ringway-decap",
      .purpose =
          "Takes IP in IP and GUE off the packets of a load balancer, before the kernel's stack sees\n"
          "them: for reals whose kernel has no such tunnel."};
  return app::exit_code_of(who, [&] { decapsulate(who, argc, argv); });
}
