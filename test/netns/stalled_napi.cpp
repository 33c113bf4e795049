// SPDX-License-Identifier: BSD-2-Clause
#include "stalled_napi.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ringway/error.hpp>
#include <sstream>
#include <vector>

namespace ringway::test {
namespace {

std::vector<unsigned> usable_cpus() {
  cpu_set_t set;
  ::sched_getaffinity(0, sizeof set, &set);
  std::vector<unsigned> list;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) list.push_back(cpu);
  return list;
}

void bind_to(pid_t thread, unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (::sched_setaffinity(thread, sizeof set, &set) != 0)
    throw error(errno, "bind thread {} to CPU {}", thread, cpu);
}

// "napi/s0-8193": named for the interface, whatever its namespace, so those that were there before are not
// meant.
std::vector<pid_t> napi_threads(const std::string& ifname) {
  std::istringstream ids(run(fmt::format("pgrep -f '^\\[?napi/{}-' || true", ifname)));
  std::vector<pid_t> list;
  for (pid_t id; ids >> id;) list.push_back(id);
  return list;
}

}  // namespace

stalled_napi::stalled_napi(const netns_guard& where, const std::string& ifname) {
  const auto cpus = usable_cpus();
  if (cpus.size() < 2) throw std::runtime_error("needs two CPUs");
  const auto before = napi_threads(ifname);
  where.run(fmt::format("echo 1 > /sys/class/net/{}/threaded", ifname));
  unsigned bound = 0;
  for (pid_t thread : napi_threads(ifname)) {
    if (std::find(before.begin(), before.end(), thread) != before.end()) continue;
    bind_to(thread, cpus[1]);
    ++bound;
  }
  if (bound == 0) throw std::runtime_error("no NAPI thread of " + ifname);
  ::sched_getaffinity(0, sizeof callers_, &callers_);
  bind_to(0, cpus[0]);
  spinner_ = std::thread([this, cpu = cpus[1]] {
    bind_to(0, cpu);
    const sched_param priority{1};
    ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &priority);
    spinning_ = true;
    while (!stop_) {
    }
  });
  while (!spinning_) ::usleep(100);
}

stalled_napi::~stalled_napi() {
  stop_ = true;
  spinner_.join();
  ::sched_setaffinity(0, sizeof callers_, &callers_);
}

}  // namespace ringway::test
