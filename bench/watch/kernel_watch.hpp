// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "proc.hpp"

struct watch; // the skeleton

namespace ringway::watch
{

/// The programs of watch.bpf.c, with their maps. Throws std::runtime_error with what the kernel
/// said.
class kernel_watch
{
      public:
	kernel_watch(bool stretches, bool syscalls);
	~kernel_watch();

	void add(pid_t process);
	void reset();
	void add_to(threads_seen &seen) const;
	/// By number, since the last reset; the last one also stands for all above.
	std::vector<std::uint64_t> syscalls() const;
	/// Threads for which there was no room.
	std::uint64_t untracked() const;

      private:
	void put(const rw_watch_thread &t, thread_seen &one) const;
	void put_waiting(const rw_watch_thread &t, thread_seen &one) const;
	std::vector<std::uint64_t> count_syscalls() const;

	std::unique_ptr<::watch, void (*)(::watch *)> program_;
	std::vector<std::uint64_t> before_;
};

} // namespace ringway::watch
