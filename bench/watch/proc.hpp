// SPDX-License-Identifier: BSD-2-Clause
// What /proc says of threads: those of the device, the time they ran and the time they waited.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "watch.h"

namespace ringway::watch
{

/// What is known of one thread since the last reset. Times in ns.
struct thread_seen {
	pid_t tid = 0, process = 0;
	std::string comm;
	std::uint64_t longest = 0;    // stretch that something foreign kept it off its CPU
	std::uint64_t longest_at = 0; // when that ended, CLOCK_MONOTONIC; 0: it goes on
	std::uint64_t sum = 0, stretches = 0;
	std::uint64_t own = 0; // waited for its own device's work
	std::uint64_t ran = 0;
	std::optional<pid_t> by; // who had most of the longest at one go: 0 is the idle task
	std::string by_comm;
};

using threads_seen = std::map<pid_t, thread_seen>; // by thread id

struct run_times {
	std::uint64_t ran = 0, waited = 0;
};

/// First line of a file of /proc; nothing: it is gone.
std::optional<std::string> read_line(const std::string &path);
/// The thread ids of a process; empty: it is gone.
std::vector<pid_t> threads_of(pid_t process);
std::optional<run_times> schedstat(pid_t process, pid_t thread);
/// Kernel threads whose name is `name`, or begins with it when it ends in '*'.
std::vector<pid_t> kernel_threads(const std::string &name);

/// Run times of the threads of some processes, from a reset on.
class run_clock
{
      public:
	void reset(const std::vector<pid_t> &processes);
	/// All threads that there are, with their names and what they ran.
	threads_seen read(const std::vector<pid_t> &processes) const;

      private:
	std::map<pid_t, std::uint64_t> before_;
};

/// The way without a program in the kernel: `run_delay` of every thread, looked at every 20 ms. The
/// largest growth stands for the longest stretch, less what ksoftirqd had of the same CPU
/// meanwhile.
class schedstat_watch
{
      public:
	void reset(const std::vector<pid_t> &processes);
	void look();
	void add_to(threads_seen &seen) const;

	static constexpr std::chrono::milliseconds interval{20};

      private:
	struct state {
		pid_t process = 0;
		run_times last;
		std::uint64_t starved = 0; // so far, without having run at all
		std::uint64_t longest = 0, longest_at = 0, sum = 0, stretches = 0;
	};
	void look_at(pid_t thread, state &s, std::uint64_t now);

	std::vector<pid_t> processes_;
	std::map<pid_t, state> threads_;
	std::map<int, pid_t> ksoftirqd_; // by CPU
	std::map<int, std::uint64_t> softirqd_last_, softirqd_grown_;
	std::uint64_t last_look_ = 0;
};

std::uint64_t monotonic_ns();

} // namespace ringway::watch
