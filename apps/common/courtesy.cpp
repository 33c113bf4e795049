// SPDX-License-Identifier: BSD-2-Clause
#include "courtesy.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/select.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ringway/error.hpp>

namespace ringway::app {
namespace {

constexpr timespec slice{.tv_sec = 0, .tv_nsec = 200'000};
constexpr timespec away{.tv_sec = 0, .tv_nsec = 400'000};

// The handler's, which knows nothing but its thread.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
thread_local timer_t armed_timer;
thread_local const cpu_set_t* armed_on;
thread_local volatile sig_atomic_t armed = 0;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

void arm(timer_t timer) noexcept {
  const itimerspec once{.it_interval = {}, .it_value = slice};
  ::timer_settime(timer, 0, &once, nullptr);
}

// pselect() and timer_settime() are async-signal-safe (signal-safety(7)), nanosleep() is not; sched_getcpu()
// reads what the kernel keeps for the thread.
void sleep_a_slice(int) {
  if (armed == 0) return;
  const int was = errno;
  const int cpu = ::sched_getcpu();
  if (cpu < 0 || cpu >= CPU_SETSIZE || CPU_ISSET(static_cast<std::size_t>(cpu), armed_on))
    ::pselect(0, nullptr, nullptr, nullptr, &away, nullptr);
  arm(armed_timer);
  errno = was;
}

}  // namespace

courtesy::courtesy(const std::vector<int>& workers) {
  CPU_ZERO(&shared_);
  for (int cpu = 0; workers.empty() && cpu < CPU_SETSIZE; ++cpu)
    CPU_SET(static_cast<std::size_t>(cpu), &shared_);
  for (const int cpu : workers)
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<std::size_t>(cpu), &shared_);
  struct sigaction action {};
  action.sa_handler = sleep_a_slice;
  action.sa_flags = SA_RESTART;
  if (::sigaction(SIGRTMIN, &action, nullptr) != 0) throw error(errno, "handle SIGRTMIN");
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGRTMIN;
  event._sigev_un._tid = ::gettid();  // sigev_notify_thread_id has no name in glibc before 2.41
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0)
    throw error(errno, "make a timer for the control thread (ulimit -i)");
}

courtesy::~courtesy() { ::timer_delete(timer_); }

courtesy::scope::scope(courtesy* c) noexcept : of_(c) {
  if (of_ == nullptr || of_->depth_++ > 0) return;
  armed_timer = of_->timer_;
  armed_on = &of_->shared_;
  armed = 1;
  arm(of_->timer_);
}

courtesy::scope::~scope() {
  if (of_ == nullptr || --of_->depth_ > 0) return;
  armed = 0;  // first: one that comes now does not set the timer again
  const itimerspec never{};
  ::timer_settime(of_->timer_, 0, &never, nullptr);
}

}  // namespace ringway::app
