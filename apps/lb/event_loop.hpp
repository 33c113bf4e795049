// SPDX-License-Identifier: BSD-2-Clause
// The control thread's loop: descriptors and timers. Not for packets.
#pragma once
#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <ringway/unique_fd.hpp>
#include <unordered_map>

namespace ringway::lb_app {

class event_loop {
 public:
  using clock = std::chrono::steady_clock;
  using timer = std::uint64_t;  // 0: none

  event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  /// Calls `ready` with epoll's events whenever there are any. `events`: EPOLLIN, EPOLLOUT, ... The
  /// descriptor stays the caller's, who removes it before closing it. What was seen of a removed one is not
  /// told to another that has its number.
  void add(int fd, std::uint32_t events, std::function<void(std::uint32_t)> ready);
  void change(int fd, std::uint32_t events);
  void remove(int fd) noexcept;

  /// Once, at or after `when`.
  timer at(clock::time_point when, std::function<void()> call);
  timer after(clock::duration delay, std::function<void()> call) {
    return at(clock::now() + delay, std::move(call));
  }
  void cancel(timer t) noexcept;  // 0, or one that has run: nothing

  /// Waits up to `timeout` for the first event or timer.
  void wait(std::chrono::milliseconds timeout);
  /// Calls those that the last wait() has seen, and the timers that are due.
  void run();
  void run_once(std::chrono::milliseconds timeout) {
    wait(timeout);
    run();
  }

 private:
  struct watch {
    std::uint64_t number;  // of this add()
    std::shared_ptr<std::function<void(std::uint32_t)>> ready;
  };
  using timers = std::multimap<clock::time_point, std::pair<timer, std::function<void()>>>;

  void run_timers();

  unique_fd epoll_;
  std::unordered_map<int, watch> watched_;
  timers timers_;
  std::unordered_map<timer, timers::iterator> by_number_;
  std::uint64_t next_ = 1;
  std::array<epoll_event, 64> seen_{};
  std::size_t seen_count_ = 0;
};

}  // namespace ringway::lb_app
