// SPDX-License-Identifier: BSD-2-Clause
#include "proc.hpp"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>

namespace ringway::watch
{
namespace
{

std::vector<pid_t> numbers_in(const std::string &directory)
{
	std::vector<pid_t> found;
	DIR *d = opendir(directory.c_str());
	if (d == nullptr)
		return found;
	while (const dirent *entry = readdir(d))
		if (const long n = std::strtol(&entry->d_name[0], nullptr, 10); n > 0)
			found.push_back(static_cast<pid_t>(n));
	closedir(d);
	return found;
}

/// The fields of /proc/.../stat after the name, which may hold blanks and brackets: state is the
/// first.
std::vector<std::string> stat_fields(const std::string &path)
{
	const std::optional<std::string> line = read_line(path);
	std::vector<std::string> fields;
	if (!line || line->rfind(')') == std::string::npos)
		return fields;
	std::istringstream rest(line->substr(line->rfind(')') + 1));
	for (std::string field; rest >> field;)
		fields.push_back(field);
	return fields;
}

bool is_kernel_thread(pid_t pid)
{
	constexpr unsigned long pf_kthread = 0x00200000;
	const std::vector<std::string> f = stat_fields(fmt::format("/proc/{}/stat", pid));
	return f.size() > 6 && (std::strtoul(f[6].c_str(), nullptr, 10) & pf_kthread) != 0;
}

} // namespace

std::uint64_t monotonic_ns()
{
	timespec t{};
	clock_gettime(CLOCK_MONOTONIC, &t);
	return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u +
	       static_cast<std::uint64_t>(t.tv_nsec);
}

std::optional<std::string> read_line(const std::string &path)
{
	std::ifstream file(path);
	std::string line;
	if (!std::getline(file, line))
		return std::nullopt;
	return line;
}

std::vector<pid_t> threads_of(pid_t process)
{
	return numbers_in(fmt::format("/proc/{}/task", process));
}

std::optional<run_times> schedstat(pid_t process, pid_t thread)
{
	const auto line = read_line(fmt::format("/proc/{}/task/{}/schedstat", process, thread));
	run_times t;
	if (!line || !(std::istringstream(*line) >> t.ran >> t.waited))
		return std::nullopt;
	return t;
}

std::vector<pid_t> kernel_threads(const std::string &name)
{
	const bool prefix = !name.empty() && name.back() == '*';
	// A thread's name is cut to 15 characters; whoever asks may know the whole.
	const std::string wanted =
		name.substr(0, std::min<std::size_t>(name.size() - (prefix ? 1 : 0), 15));
	std::vector<pid_t> found;
	for (const pid_t pid : numbers_in("/proc")) {
		const auto comm = read_line(fmt::format("/proc/{}/comm", pid));
		if (comm && (prefix ? comm->starts_with(wanted) : *comm == wanted) &&
		    is_kernel_thread(pid))
			found.push_back(pid);
	}
	return found;
}

void run_clock::reset(const std::vector<pid_t> &processes)
{
	before_.clear();
	for (const pid_t p : processes) {
		for (const pid_t t : threads_of(p))
			if (const auto s = schedstat(p, t))
				before_[t] = s->ran;
	}
}

threads_seen run_clock::read(const std::vector<pid_t> &processes) const
{
	threads_seen seen;
	for (const pid_t p : processes) {
		for (const pid_t t : threads_of(p)) {
			const auto s = schedstat(p, t);
			if (!s)
				continue;
			const auto old = before_.find(t);
			thread_seen &one = seen[t];
			one.tid = t, one.process = p;
			one.comm =
				read_line(fmt::format("/proc/{}/task/{}/comm", p, t)).value_or("");
			one.ran = s->ran - (old == before_.end() ? 0 : old->second);
		}
	}
	return seen;
}

void schedstat_watch::reset(const std::vector<pid_t> &processes)
{
	processes_ = processes;
	threads_.clear();
	softirqd_last_.clear();
	ksoftirqd_.clear();
	for (const pid_t pid : kernel_threads("ksoftirqd/*")) {
		const auto comm =
			read_line(fmt::format("/proc/{}/comm", pid)).value_or("ksoftirqd/-1");
		ksoftirqd_[std::atoi(comm.c_str() + sizeof "ksoftirqd/" - 1)] = pid;
	}
	last_look_ = monotonic_ns();
	look();
}

void schedstat_watch::look()
{
	const std::uint64_t now = monotonic_ns();
	for (const auto &[cpu, pid] : ksoftirqd_) {
		const std::uint64_t ran = schedstat(pid, pid).value_or(run_times{}).ran;
		const auto last = softirqd_last_.find(cpu);
		softirqd_grown_[cpu] = last == softirqd_last_.end() ? 0 : ran - last->second;
		softirqd_last_[cpu] = ran;
	}
	for (const pid_t p : processes_) {
		for (const pid_t t : threads_of(p)) {
			const auto [it, fresh] = threads_.try_emplace(t);
			if (fresh) {
				it->second.process = p;
				it->second.last = schedstat(p, t).value_or(run_times{});
			} else {
				look_at(t, it->second, now);
			}
		}
	}
	last_look_ = now;
}

void schedstat_watch::look_at(pid_t thread, state &s, std::uint64_t now)
{
	const auto times = schedstat(s.process, thread);
	const auto stat = stat_fields(fmt::format("/proc/{}/task/{}/stat", s.process, thread));
	if (!times || stat.size() < 37)
		return;
	// run_delay grows only when the wait is over; who never gets its CPU is seen by not having
	// run.
	const bool wants = stat[0] == "R";
	const std::uint64_t window = now - last_look_;
	std::uint64_t grown = times->waited - s.last.waited;
	if (wants && grown == 0 && times->ran == s.last.ran) {
		s.starved += window;
		grown = s.starved;
	} else {
		s.starved = 0;
		s.sum += grown;
		s.stretches += grown != 0 ? 1 : 0;
	}
	const auto softirqd = softirqd_grown_.find(std::atoi(stat[36].c_str()));
	const std::uint64_t own = softirqd == softirqd_grown_.end() ? 0 : softirqd->second;
	grown -= std::min(grown, own);
	if (grown > s.longest) {
		s.longest = grown;
		s.longest_at = s.starved != 0 ? 0 : now;
	}
	s.last = *times;
}

void schedstat_watch::add_to(threads_seen &seen) const
{
	for (const auto &[tid, s] : threads_) {
		const auto one = seen.find(tid);
		if (one == seen.end())
			continue;
		one->second.longest = s.longest, one->second.longest_at = s.longest_at;
		one->second.sum = s.sum + s.starved, one->second.stretches = s.stretches;
	}
}

} // namespace ringway::watch
