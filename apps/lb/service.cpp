// SPDX-License-Identifier: BSD-2-Clause
#include "service.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <ctime>
#include <ringway/error.hpp>
#include <ringway/log.hpp>

#include "../common/report.hpp"
#include "plane_memory.hpp"

namespace ringway::lb_app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// How long a start waits for the kernel to find next hops: as long as it asks for one in vain.
constexpr milliseconds first_answers{1200};
/// What health checks and neighbours say within this time changes the rings together.
constexpr milliseconds gathering{5};

std::uint32_t seconds_now() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint32_t>(std::chrono::duration_cast<seconds>(now).count());
}

std::string wall_clock() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::size_t reals_of(const std::vector<vip_view>& vips) {
  std::size_t n = 0;
  for (const vip_view& v : vips) n += v.reals.size();
  return n;
}

}  // namespace

service::service(const app::identity& who, const options& o, const std::vector<interface>& ports,
                 std::function<configuration()> again, std::string shared)
    : who_(who),
      options_(o),
      ports_(ports),
      again_(std::move(again)),
      shared_(std::move(shared)),
      flow_key_(flow_key_of(o.tables.seed)),
      inside_(namespace_of(ports)),
      store_(lb_store::in_maps(that_fits(o.tables.capacity, available_memory()))),
      machine_(look_at(ports)),
      plane_(
          store_, {.ring = ring_key_of(o.tables.seed)}, [this] { wait_for_readers(); }, machine_.ports,
          o.tables, machine_.local),
      ledger_([this] { return path_->traffic(); }),
      links_(ports),
      announcer_(ports),
      hops_(std::make_unique<next_hops>(ports)),
      verbs_(context()) {
  socket_ =
      std::make_unique<control_socket>(loop_, o.tables.socket, o.tables.socket_mode,
                                       [this](const std::string& line) { return answer(verbs_, line); });
  path_ = o.common.way == datapath::xdp ? open_in_kernel(o, ports, store_, flow_key_)
                                        : open_over_afxdp(o, store_, flow_key_);
  loop_.add(links_.fd(), EPOLLIN, [this](std::uint32_t) { links_changed(); });
  loop_.add(hops_->fd(), EPOLLIN, [this](std::uint32_t) { hear_of_neighbours(); });
  plane_.changed = [this] { after_change(); };
  after_change();
  next_second_ = clock::now();
  every_second();
  if (o.common.way == datapath::afxdp) courtesy_.emplace(o.common.cpus);
}

service::~service() { stop(); }

void service::wait_for_readers() const {
  store_.wait_for_programs();
  if (path_) path_->wait_for_workers();
}

verb_context service::context() {
  verb_context c{.plane = plane_,
                 .reload = [this](bool discard) { return reload(discard); },
                 .report = [this] { return report(); },
                 .counted = [this] { return path_->counted(); },
                 .traffic = [this] { return ledger_.traffic(); },
                 .alarms =
                     [this] {
                       std::vector<std::string> lines = alarms();
                       lines.insert(lines.end(), refusals_.begin(), refusals_.end());
                       return lines;
                     },
                 .flow_key = flow_key_,
                 .datapath = std::string(app::to_string(options_.common.way)),
                 .since = wall_clock(),
                 .shared = shared_};
  return c;
}

std::string service::report() const {
  return app::to_json({.app = who_.name,
                       .version = app::version(),
                       .way = options_.common.way,
                       .mode = "lb",
                       .run = stats(),
                       .reasons = reasons(),
                       .note = note(),
                       .running = true});
}

std::vector<std::string> service::lines() const {
  const lb_capacity& c = store_.capacity();
  const double mib = static_cast<double>(lb_store::bytes_for(c)) / (1 << 20);
  const std::vector<vip_view> vips = plane_.vips();
  std::vector<std::string> all = {
      fmt::format("tables: {:.1f} MiB for {} VIPs, {} rings of {}, {} reals, {} connections", mib, c.vips,
                  c.rings, c.ring_size, c.reals, c.connections),
      fmt::format("VIPs: {}, reals: {}; control socket: {}", vips.size(), reals_of(vips),
                  options_.tables.socket)};
  return all;
}

void service::start() {
  wait_for_neighbours();
  path_->start();
  attached_ = true;
  announce(true);
}

/// Before the first packet, so that it does not meet rings without a real.
void service::wait_for_neighbours() {
  const auto deadline = clock::now() + first_answers;
  while (!unheard_.empty() && !deaf_ && clock::now() < deadline) loop_.run_once(milliseconds(20));
  if (plane_.unsettled()) settle();
}

void service::stop() noexcept {
  socket_.reset();
  health_.reset();
  probes_.reset();
  if (hops_) loop_.remove(hops_->fd());
  hops_.reset();
  if (path_) path_->stop();
}

void service::watch(milliseconds timeout) {
  if (settle_at_) {
    const auto left = std::chrono::ceil<milliseconds>(*settle_at_ - clock::now());
    timeout = std::clamp(left, milliseconds(0), timeout);
  }
  loop_.wait(timeout);
  const app::courtesy::scope in_slices(manners());
  loop_.run();
  settle_in_time();
  path_->watch(milliseconds(0));
}

void service::settle_in_time() {
  if (!plane_.unsettled()) return settle_at_.reset();
  const auto now = clock::now();
  if (!settle_at_) settle_at_ = now + gathering;
  if (now < *settle_at_) return;
  settle();
}

void service::settle() {
  settle_at_.reset();
  const lb_change c = plane_.settle();
  log(log_level::info, "{} rings built, {} shared, generation {}", c.rings_built, c.rings_shared, c.serial);
}

lb_change service::reload(bool discard) {
  const app::courtesy::scope in_slices(manners());
  configuration next = again_();
  look();  // a VIP may have become an address of this machine
  return plane_.reload(std::move(next), discard);
}

void service::after_change() {
  ledger_.changed(plane_);
  want_neighbours();
  want_checks();
  announce(false);
}

void service::every_second() {
  next_second_ = std::max(next_second_ + seconds(1), clock::now());
  loop_.at(next_second_, [this] { every_second(); });
  plane_.tick(seconds_now());
  look();
  hear_of_neighbours();
  look_for_refusals();
  say_alarms();
}

void service::look() {
  try {
    machine now = look_at(ports_);
    bool moved = false;
    for (std::uint32_t i = 0; i < now.ports.size(); ++i) {
      if (same(now.ports[i], machine_.ports[i])) continue;
      moved = moved || now.ports[i].mac != machine_.ports[i].mac;
      plane_.port_changed(i, now.ports[i]);
    }
    if (now.local != machine_.local) plane_.local_addresses(now.local);
    machine_ = std::move(now);
    if (moved) announce(true);
  } catch (const error& e) {  // a port that is gone ends the run elsewhere
    log(log_level::debug, "{}", e.what());
  }
}

void service::links_changed() {
  bool up = false;
  for (const link_event& e : links_.poll()) up = up || e.what == link_change::carrier_up;
  look();
  if (up) announce(true);
}

/// Once now, and once more: the first may get lost on a link that has just come up.
void service::announce(bool all) {
  if (!attached_) return;
  std::set<ip_address> now;
  for (const vip_view& v : plane_.vips())
    if (v.announced) now.insert(v.entry.vip.address);
  std::vector<ip_address> news;
  for (const ip_address& a : now)
    if (all || !announced_.contains(a)) news.push_back(a);
  announced_ = std::move(now);
  if (news.empty()) return;
  announcer_.announce(news);
  loop_.after(seconds(1), [this, news] {
    std::vector<ip_address> still;
    std::copy_if(news.begin(), news.end(), std::back_inserter(still),
                 [this](const ip_address& a) { return announced_.contains(a); });
    announcer_.announce(still);
  });
}

std::vector<std::string> service::alarms() const {
  std::vector<std::string> lines = plane_.alarms();
  if (health_ && health_->late())
    lines.emplace_back("health checks are late: 256 are under way at once, and too many get no answer");
  return lines;
}

/// Frames that the programs count as sent, and the kernel does not send: no health check sees that.
void service::look_for_refusals() {
  if (options_.common.way != datapath::xdp || !attached_) return;
  refusals_ = refusal_alarm_.all(stats());
}

/// What lasts longer than a second: at start, and when many things change at once, there are alarms that do
/// not.
void service::say_alarms() {
  const std::vector<std::string> lines = alarms();
  std::set<std::string> now(lines.begin(), lines.end());
  for (const std::string& line : now)
    if (alarms_.contains(line) && said_.insert(line).second) log(log_level::warning, "{}", line);
  std::erase_if(said_, [&now](const std::string& line) {
    if (now.contains(line)) return false;
    log(log_level::warning, "over: {}", line);
    return true;
  });
  alarms_ = std::move(now);
}

}  // namespace ringway::lb_app
