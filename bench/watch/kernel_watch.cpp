// SPDX-License-Identifier: BSD-2-Clause
#include "kernel_watch.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include "watch.skel.h"

namespace ringway::watch
{
namespace
{

[[noreturn]] void fail(const char *what, int err)
{
	throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(std::abs(err))));
}

/// A word that the program writes meanwhile.
template <class T> T read_once(const T &word)
{
	return *static_cast<const volatile T *>(&word);
}

} // namespace

kernel_watch::kernel_watch(bool stretches, bool syscalls)
    : program_(::watch::open(), ::watch::destroy)
{
	if (!program_)
		fail("open the watching program", errno);
	for (bpf_program *p :
	     {program_->progs.rw_switch, program_->progs.rw_wakeup, program_->progs.rw_migrate})
		bpf_program__set_autoload(p, stretches);
	bpf_program__set_autoload(program_->progs.rw_sys_enter, syscalls);
	if (const int e = ::watch::load(program_.get()); e != 0)
		fail("load the watching program (needs root)", e);
	if (const int e = ::watch::attach(program_.get()); e != 0)
		fail("attach the watching program", e);
}

kernel_watch::~kernel_watch() = default;

void kernel_watch::add(pid_t process)
{
	const __u32 key = static_cast<__u32>(process), yes = 1;
	if (bpf_map_update_elem(bpf_map__fd(program_->maps.processes), &key, &yes, BPF_ANY) != 0)
		fail("watch a process", errno);
}

void kernel_watch::reset()
{
	program_->bss->reset_at = monotonic_ns();
	++program_->bss->epoch;
	before_ = count_syscalls();
}

void kernel_watch::add_to(threads_seen &seen) const
{
	const int map = bpf_map__fd(program_->maps.threads);
	for (auto &[tid, one] : seen) {
		rw_watch_thread t{};
		const __u32 key = static_cast<__u32>(tid);
		if (bpf_map_lookup_elem(map, &key, &t) == 0)
			put(t, one);
	}
}

std::vector<std::uint64_t> kernel_watch::syscalls() const
{
	std::vector<std::uint64_t> now = count_syscalls();
	for (std::size_t i = 0; i < now.size() && i < before_.size(); ++i)
		now[i] -= before_[i];
	return now;
}

std::uint64_t kernel_watch::untracked() const
{
	return read_once(program_->bss->untracked);
}

void kernel_watch::put(const rw_watch_thread &t, thread_seen &one) const
{
	if (t.epoch == program_->bss->epoch) {
		one.longest = t.longest_ns, one.longest_at = t.longest_at;
		one.sum = t.sum_ns, one.stretches = t.stretches, one.own = t.own_ns;
		if (t.stretches != 0)
			one.by = static_cast<pid_t>(t.longest_by), one.by_comm = &t.longest_comm[0];
	}
	if (t.state == RW_WATCH_WAITING)
		put_waiting(t, one);
}

/// A stretch that goes on: who starves for a whole trial does not come back within it.
void kernel_watch::put_waiting(const rw_watch_thread &t, thread_seen &one) const
{
	const rw_watch_cpu &c = program_->bss->cpus[t.cpu % RW_WATCH_CPUS];
	const std::uint64_t now = monotonic_ns(), since = read_once(c.since);
	const std::uint64_t begin = std::max<std::uint64_t>(t.since, program_->bss->reset_at);
	const std::uint32_t who = read_once(c.who);
	std::uint64_t foreign = t.before + read_once(c.foreign_ns) - t.base;
	if (t.woken == 0)
		foreign += read_once(c.idle_ns);
	if (now > since && (who == RW_WATCH_FOREIGN || (who == RW_WATCH_IDLE && t.woken == 0)))
		foreign += now - since;
	foreign = std::min(foreign, now > begin ? now - begin : 0);
	if (foreign == 0)
		return;
	one.sum += foreign;
	++one.stretches;
	if (foreign <= one.longest)
		return;
	one.longest = foreign, one.longest_at = 0;
	const bool now_most = who != RW_WATCH_OWN && now - since > read_once(c.most_ns);
	one.by = static_cast<pid_t>(now_most ? c.pid : c.most_pid);
	one.by_comm = now_most ? &c.comm[0] : &c.most_comm[0];
}

std::vector<std::uint64_t> kernel_watch::count_syscalls() const
{
	std::vector<std::uint64_t> sums(RW_WATCH_SYSCALLS);
	std::vector<std::uint64_t> each(static_cast<std::size_t>(libbpf_num_possible_cpus()));
	const int map = bpf_map__fd(program_->maps.syscalls);
	for (__u32 number = 0; number < RW_WATCH_SYSCALLS; ++number) {
		if (bpf_map_lookup_elem(map, &number, each.data()) == 0)
			sums[number] = std::accumulate(each.begin(), each.end(), std::uint64_t{0});
	}
	return sums;
}

} // namespace ringway::watch
