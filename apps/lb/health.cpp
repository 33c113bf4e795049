// SPDX-License-Identifier: BSD-2-Clause
#include "health.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <utility>

#include "health_probe.hpp"

namespace ringway::lb_app {
namespace {

constexpr std::size_t most_at_once = 256;  // sockets; those beyond wait for their turn

using clock = event_loop::clock;
using key = std::pair<std::string, std::string>;  // VIP, real

struct check {
  check_target target;
  bool up = true;
  std::uint32_t passed = 0, failed = 0;  // in a row
  clock::time_point due;                 // of this check, or the one that has just been made
  event_loop::timer next = 0;
  bool waiting = false;  // for its turn
  std::unique_ptr<health_probe> probe;
};

}  // namespace

struct health_checks::state {
  event_loop& loop;
  std::function<probe_way(const check_target&)> way_to;
  std::function<void(const check_target&, bool, std::string)> news;
  std::minstd_rand random;  // seeded so that no two balancers are in step
  std::map<key, check> checks;
  std::deque<key> turns;
  std::size_t under_way = 0;
  std::unique_ptr<health_probe> ended;  // is destroyed after it has returned

  void plan(const key& k, clock::time_point from, double intervals);
  probe_way look_for_way(const check_target& target) const;
  void start(const key& k);
  void start_next();
  void finish(const key& k, std::string why);
  void drop(check& c) noexcept;
};

void health_checks::state::plan(const key& k, clock::time_point from, double intervals) {
  check& c = checks.at(k);
  c.due = from + std::chrono::duration_cast<clock::duration>(c.target.how.interval * intervals);
  c.next = loop.at(c.due, [this, k] { start(k); });
}

probe_way health_checks::state::look_for_way(const check_target& target) const {
  try {
    return way_to(target);
  } catch (const std::exception& e) {
    return {.mark = {}, .source = {}, .why = e.what()};
  }
}

void health_checks::state::start(const key& k) {
  check& c = checks.at(k);
  c.next = 0;
  if (under_way >= most_at_once) {
    c.waiting = true;
    turns.push_back(k);
    return;
  }
  ++under_way;
  c.probe = std::make_unique<health_probe>(loop, c.target, look_for_way(c.target),
                                           [this, k](std::string why) { finish(k, std::move(why)); });
}

void health_checks::state::start_next() {
  while (!turns.empty() && under_way < most_at_once) {
    const key k = turns.front();
    turns.pop_front();
    const auto at = checks.find(k);
    if (at == checks.end() || !at->second.waiting) continue;
    at->second.waiting = false;
    start(k);
  }
}

void health_checks::state::finish(const key& k, std::string why) {
  check& c = checks.at(k);
  ended = std::move(c.probe);
  --under_way;
  const health_check& how = c.target.how;
  c.passed = why.empty() ? c.passed + 1 : 0;
  c.failed = why.empty() ? 0 : c.failed + 1;
  const bool turned = c.up ? c.failed >= how.fall : c.passed >= how.rise;
  std::uniform_real_distribution<> spread(1 - how.jitter, 1 + how.jitter);
  // Reckoned from when it was due, not from when its turn came; but what was missed is not made up for.
  plan(k, std::max(c.due, clock::now() - how.interval), spread(random));
  start_next();
  if (!turned) return;
  c.up = !c.up;
  news(check_target(c.target), c.up, std::move(why));  // may call want()
}

void health_checks::state::drop(check& c) noexcept {
  loop.cancel(c.next);
  if (c.probe) --under_way;
}

health_checks::health_checks(event_loop& loop, std::function<probe_way(const check_target&)> way_to,
                             std::function<void(const check_target&, bool, std::string)> news)
    : state_(new state{.loop = loop,
                       .way_to = std::move(way_to),
                       .news = std::move(news),
                       .random = std::minstd_rand(std::random_device{}()),
                       .checks = {},
                       .turns = {},
                       .under_way = 0,
                       .ended = nullptr}) {}

health_checks::~health_checks() { want({}); }

void health_checks::want(const std::vector<check_target>& targets) {
  state& s = *state_;
  std::map<key, check> old = std::exchange(s.checks, {});
  for (const check_target& t : targets) {
    const key k(t.vip, t.real);
    const auto at = old.find(k);
    if (at != old.end() && at->second.target == t) {
      s.checks.insert(old.extract(at));
      continue;
    }
    s.checks[k].target = t;
    std::uniform_real_distribution<> part(0, 1);
    s.plan(k, clock::now(), part(s.random));  // not all at once
  }
  for (auto& [k, gone] : old) s.drop(gone);
  s.start_next();
}

bool health_checks::late() const {
  const auto now = clock::now();
  for (const key& k : state_->turns) {  // in the order in which they began to wait
    const auto at = state_->checks.find(k);
    if (at != state_->checks.end() && at->second.waiting)
      return now - at->second.due > at->second.target.how.interval;
  }
  return false;
}

}  // namespace ringway::lb_app
