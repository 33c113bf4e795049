// SPDX-License-Identifier: BSD-2-Clause
#include "event_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <ringway/error.hpp>
#include <utility>

namespace ringway::lb_app {
namespace {

/// What epoll gives back: the descriptor, and which of those that had its number.
std::uint64_t token(int fd, std::uint64_t number) { return number << 32 | static_cast<std::uint32_t>(fd); }

}  // namespace

event_loop::event_loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw error(errno, "make the control loop's epoll");
}

void event_loop::add(int fd, std::uint32_t events, std::function<void(std::uint32_t)> ready) {
  const std::uint64_t number = next_++ & 0xffffffff;
  epoll_event e{.events = events, .data = {.u64 = token(fd, number)}};
  if (::epoll_ctl(epoll_.value(), EPOLL_CTL_ADD, fd, &e) != 0) throw error(errno, "watch descriptor {}", fd);
  watched_[fd] = {number, std::make_shared<std::function<void(std::uint32_t)>>(std::move(ready))};
}

void event_loop::change(int fd, std::uint32_t events) {
  const auto it = watched_.find(fd);
  if (it == watched_.end()) throw error(ENOENT, "watch descriptor {}", fd);
  epoll_event e{.events = events, .data = {.u64 = token(fd, it->second.number)}};
  if (::epoll_ctl(epoll_.value(), EPOLL_CTL_MOD, fd, &e) != 0) throw error(errno, "watch descriptor {}", fd);
}

void event_loop::remove(int fd) noexcept {
  if (watched_.erase(fd) != 0) ::epoll_ctl(epoll_.value(), EPOLL_CTL_DEL, fd, nullptr);
}

event_loop::timer event_loop::at(clock::time_point when, std::function<void()> call) {
  const timer t = next_++;
  by_number_[t] = timers_.emplace(when, std::pair(t, std::move(call)));
  return t;
}

void event_loop::cancel(timer t) noexcept {
  const auto it = by_number_.find(t);
  if (it == by_number_.end()) return;
  timers_.erase(it->second);
  by_number_.erase(it);
}

// A timer that is set by one that runs now waits for the next round: a timer of no delay does not hold the
// loop.
void event_loop::run_timers() {
  const auto now = clock::now();
  const timer newest = next_;
  for (auto it = timers_.begin(); it != timers_.end() && it->first <= now;) {
    if (it->second.first >= newest) {
      ++it;
      continue;
    }
    const auto call = std::move(it->second.second);
    by_number_.erase(it->second.first);
    timers_.erase(it);
    call();
    it = timers_.begin();
  }
}

void event_loop::wait(std::chrono::milliseconds timeout) {
  using std::chrono::milliseconds;
  if (!timers_.empty()) {
    const auto left = std::chrono::ceil<milliseconds>(timers_.begin()->first - clock::now());
    timeout = std::clamp(left, milliseconds(0), timeout);
  }
  const int n = ::epoll_wait(epoll_.value(), seen_.data(), static_cast<int>(seen_.size()),
                             static_cast<int>(timeout.count()));
  if (n < 0 && errno != EINTR) throw error(errno, "wait in the control loop");
  seen_count_ = static_cast<std::size_t>(std::max(n, 0));
}

void event_loop::run() {
  const std::size_t n = std::exchange(seen_count_, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t which = seen_.at(i).data.u64;
    const auto it = watched_.find(static_cast<int>(which & 0xffffffff));
    // removed by one that was called before it, and perhaps another has its number now
    if (it == watched_.end() || it->second.number != which >> 32) continue;
    const auto ready = it->second.ready;  // it may remove itself
    (*ready)(seen_.at(i).events);
  }
  run_timers();
}

}  // namespace ringway::lb_app
