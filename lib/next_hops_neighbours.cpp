// SPDX-License-Identifier: BSD-2-Clause
#include "next_hops_neighbours.hpp"

#include <linux/neighbour.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ringway/log.hpp>

namespace ringway {
namespace {

using namespace std::chrono_literals;

// How long a neighbour may be unresolved before that is said: an answer takes a round trip, a second request
// is sent after a second.
constexpr auto patience = 1s;
// Between attempts at one that does not answer. The kernel tries managed ones every 5 s
// (interval_probe_time_ms); a machine that comes back need not wait so long.
constexpr auto retry = 1s;
// Between repairs of an entry that others keep changing.
constexpr auto repair = 100ms;

std::string reason(int e) {
  if (e == -ENOBUFS) return "its neighbour table is full (sysctl net.ipv4.neigh.default.gc_thresh3, ipv6)";
  return std::strerror(-e);
}

}  // namespace

neighbour_table::~neighbour_table() {
  for (const auto& [key, n] : kept_) release(key, n);
}

// One that has become permanent meanwhile is not ours to change: NTF_USE would make it an ordinary one.
void neighbour_table::release(const neighbour_key& key, const neighbour& n) noexcept {
  if (!n.mine || !managed_) return;
  try {
    const auto entry = kernel_.look_up(key);
    if (!entry || entry->others || !entry->managed) return;
    const int e = kernel_.release(key);
    if (e != 0 && e != -ENOENT && e != -ENODEV)
      log(log_level::warning, "neighbour {} stays managed: {}", text(key), std::strerror(-e));
  } catch (const std::exception& e) {
    log(log_level::warning, e.what());
  }
}

void neighbour_table::keep(const std::set<neighbour_key>& keys, clock::time_point now) {
  for (auto i = kept_.begin(); i != kept_.end();) {
    if (keys.contains(i->first)) {
      ++i;
      continue;
    }
    release(i->first, i->second);
    i = kept_.erase(i);
  }
  for (const neighbour_key& key : keys) {
    const auto [place, fresh] = kept_.try_emplace(key);
    if (fresh) wait(place->second, now);
  }
}

void neighbour_table::fail(neighbour& n, std::string why) {
  n.is = verdict::bad;
  n.doubted = false;
  n.why = std::move(why);
}

void neighbour_table::wait(neighbour& n, clock::time_point now) {
  n.is = verdict::waiting;
  n.doubted = false;
  n.why.clear();
  n.patience = now + patience;
  n.due = now;
}

std::string neighbour_table::text(const neighbour_key& key) const {
  const auto link = links_.find(key.ifindex);
  return key.address.text() + " of " + (link == links_.end() ? "?" : link->second.name);
}

void neighbour_table::link(unsigned ifindex, const std::string& name, const std::string& why_not,
                           clock::time_point now) {
  link_state& known = links_[ifindex];
  const bool was_fit = known.why_not.empty();
  known = {name, why_not};
  for (auto& [key, n] : kept_) {
    if (key.ifindex != ifindex) continue;
    if (!why_not.empty()) {
      fail(n, why_not);
      n.due = never;
    } else if (!was_fit) {
      wait(n, now);
    }
  }
}

void neighbour_table::update(const neighbour_key& key, neighbour& n, const neighbour_entry& entry,
                             clock::time_point now) {
  n.others = entry.others;
  if (n.others) n.mine = false;
  if (entry.usable() && entry.mac) {
    n.is = verdict::good;
    n.doubted = false;
    n.mac = *entry.mac;
    n.why.clear();
    n.due = next_time(key, n);
  } else if (entry.usable()) {
    fail(n, "neighbour " + text(key) + " has no Ethernet address");
    n.due = never;
  } else if ((entry.state & NUD_FAILED) != 0) {
    fail(n, "neighbour " + text(key) + " does not answer");
    n.due = n.others ? never : std::max(now, n.tried + retry);
  } else if (n.is == verdict::good) {
    wait(n, now);  // made anew, and not resolved yet
  }
  const bool taken_away = n.mine && managed_ && !entry.managed;
  if (taken_away) n.due = std::min(n.due, std::max(now, n.tried + repair));
}

void neighbour_table::see(const neighbour_entry& entry, clock::time_point now) {
  const auto i = kept_.find(entry.key);
  if (i == kept_.end()) return;
  neighbour& n = i->second;
  if (n.is == verdict::good && (entry.state & NUD_FAILED) != 0) {
    n.doubted = true;
    n.due = now;
  } else {
    update(i->first, n, entry, now);
  }
}

// Whoever deletes an entry (`ip neigh flush`) makes the kernel say that it has failed first. One that has
// failed of itself is still there.
void neighbour_table::settle_doubt(const neighbour_key& key, neighbour& n, clock::time_point now) {
  const auto entry = kernel_.look_up(key);
  if (!entry) return gone(key, now);
  if (entry->usable()) return update(key, n, *entry, now);
  fail(n, "neighbour " + text(key) + " does not answer");
  n.due = entry->others ? never : std::max(now, n.tried + retry);
}

void neighbour_table::gone(const neighbour_key& key, clock::time_point now) {
  const auto i = kept_.find(key);
  if (i == kept_.end()) return;
  neighbour& n = i->second;
  n.mine = n.others = false;
  const bool was_good = n.is == verdict::good;
  if (was_good) wait(n, now);
  n.due = std::max(now, n.tried + (was_good ? clock::duration(repair) : clock::duration(retry)));
}

void neighbour_table::look_again(clock::time_point now) {
  for (auto& [key, n] : kept_) {
    if (const auto entry = kernel_.look_up(key))
      update(key, n, *entry, now);
    else
      gone(key, now);
  }
}

neighbour_table::clock::time_point neighbour_table::next_time(const neighbour_key& key,
                                                              const neighbour& n) const {
  if (n.is == verdict::waiting) return n.patience;
  if (n.others) return never;
  if (n.is == verdict::bad) return n.tried + retry;
  return managed_ ? never : n.tried + refresh_(key);
}

// Kernels before 5.16 ignore the attribute that says "managed", or refuse it.
int neighbour_table::use(const neighbour_key& key, bool create) {
  int e = kernel_.use(key, managed_, create);
  if (!managed_ || managed_proven_) return e;
  if (e == -EINVAL && kernel_.use(key, false, create) == 0)
    e = 0;
  else if (e != 0)
    return e;
  const auto entry = kernel_.look_up(key);
  if (!entry) return e;
  managed_proven_ = entry->managed;
  managed_ = entry->managed;
  if (!managed_) log(log_level::info, "the kernel does not manage neighbours: refreshing them from here");
  return e;
}

void neighbour_table::install(const neighbour_key& key, neighbour& n, clock::time_point now) {
  for (int tries = 0;; ++tries) {
    const auto entry = kernel_.look_up(key);
    if (entry) update(key, n, *entry, now);
    if (entry && n.others) break;
    const int e = use(key, !entry);
    n.tried = now;
    if (e == 0) {
      n.mine = true;
      break;
    }
    // Made, or deleted, by somebody else since it was looked up.
    if ((e == -EEXIST || e == -ENOENT) && tries < 3) continue;
    fail(n, "the kernel takes no neighbour " + text(key) + ": " + reason(e));
    break;
  }
  n.due = next_time(key, n);
}

neighbour_table::clock::time_point neighbour_table::attend(clock::time_point now) {
  clock::time_point next = never;
  for (auto& [key, n] : kept_) {
    if (n.due <= now) {
      const auto link = links_.find(key.ifindex);
      if (link != links_.end() && !link->second.why_not.empty()) {
        fail(n, link->second.why_not);
        n.due = never;
        continue;
      }
      if (n.is == verdict::waiting && n.patience <= now)
        fail(n, "neighbour " + text(key) + " does not answer");
      if (n.doubted) settle_doubt(key, n, now);
      if (n.due <= now) install(key, n, now);
    }
    next = std::min(next, n.due);
  }
  return next;
}

bool neighbour_table::any_waiting() const {
  return std::any_of(kept_.begin(), kept_.end(),
                     [](const auto& entry) { return entry.second.is == verdict::waiting; });
}

}  // namespace ringway
