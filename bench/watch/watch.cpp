// SPDX-License-Identifier: BSD-2-Clause
// Keeps, for a device under test, what was taken from it: the longest stretch that something
// foreign kept one of its threads off its CPU, who that was, and on demand its system calls.
//
//   ringway-watch [--pid PID]... [--kthread NAME[*]]... [--syscalls] [--how sched_switch|schedstat]
//
// It says "ringway-watch: ready" on stderr, then answers commands on stdin with one line of JSON
// each on stdout:
//   reset   what is kept begins anew (also looks for kernel threads of the names)
//   read    what there is since then
// It ends with stdin or with SIGINT or SIGTERM, and leaves nothing behind.
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <getopt.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "kernel_watch.hpp"
#include "proc.hpp"

namespace ringway::watch
{
namespace
{

// NOLINTNEXTLINE(*-avoid-non-const-global-variables): a signal handler has nothing else
volatile std::sig_atomic_t stop = 0;

struct options {
	std::vector<pid_t> pids;
	std::vector<std::string> kthreads;
	bool syscalls = false;
	std::string how; // empty: sched_switch, and schedstat where that cannot be had
};

struct usage : std::runtime_error {
	using std::runtime_error::runtime_error;
};

std::string quoted(std::string_view text)
{
	std::string out = "\"";
	for (const char c : text) {
		if (c == '"' || c == '\\')
			out += '\\';
		// a thread may call itself anything; what is no ASCII is no valid UTF-8 when cut
		out += static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e
			       ? '?'
			       : c;
	}
	return out + '"';
}

double us(std::uint64_t ns)
{
	return static_cast<double>(ns) / 1e3;
}

std::string holder(const thread_seen &t)
{
	if (!t.by)
		return "null";
	return fmt::format("{{\"pid\": {}, \"comm\": {}}}", *t.by, quoted(t.by_comm));
}

std::string to_json(const thread_seen &t)
{
	return fmt::format(
		"{{\"tid\": {}, \"pid\": {}, \"comm\": {}, \"longest_us\": {:.1f}, \"longest_by\": "
		"{}, "
		"\"longest_at_ns\": {}, \"stretches\": {}, \"sum_us\": {:.1f}, \"own_us\": {:.1f}, "
		"\"run_us\": {:.1f}}}",
		t.tid, t.process, quoted(t.comm), us(t.longest), holder(t), t.longest_at,
		t.stretches, us(t.sum), us(t.own), us(t.ran));
}

class session
{
      public:
	explicit session(options o) : options_(std::move(o))
	{
		if (options_.how != "schedstat")
			try_kernel();
		if (!kernel_ && options_.syscalls)
			kernel_ = std::make_unique<kernel_watch>(false, true);
		reset();
	}

	void reset()
	{
		find_processes();
		begin_ = monotonic_ns();
		if (kernel_)
			kernel_->reset();
		if (!stretches_)
			sampled_.reset(processes_);
		ran_.reset(processes_);
	}

	void look()
	{
		if (!stretches_)
			sampled_.look();
	}

	int interval_ms() const
	{
		return stretches_ ? -1 : static_cast<int>(schedstat_watch::interval.count());
	}

	std::string read()
	{
		look();
		threads_seen seen = ran_.read(processes_);
		if (stretches_)
			kernel_->add_to(seen);
		else
			sampled_.add_to(seen);
		std::string threads;
		const thread_seen *worst = nullptr;
		for (const auto &[tid, t] : seen) {
			threads += (threads.empty() ? "" : ", ") + to_json(t);
			if (worst == nullptr || t.longest > worst->longest)
				worst = &t;
		}
		return fmt::format(
			"{{\"how\": \"{}\", \"elapsed_s\": {:.6f}, \"longest_us\": {:.1f}, "
			"\"longest_by\": {}, \"untracked\": {}, \"syscalls\": {}, \"threads\": "
			"[{}]}}",
			stretches_ ? "sched_switch" : "schedstat",
			static_cast<double>(monotonic_ns() - begin_) / 1e9,
			worst == nullptr ? 0 : us(worst->longest),
			worst == nullptr ? "null" : holder(*worst),
			kernel_ ? kernel_->untracked() : 0, syscalls(), threads);
	}

      private:
	void try_kernel()
	{
		try {
			kernel_ = std::make_unique<kernel_watch>(true, options_.syscalls);
			stretches_ = true;
		} catch (const std::runtime_error &e) {
			if (!options_.how.empty() || options_.syscalls)
				throw;
			fmt::print(stderr,
				   "ringway-watch: warning: {}; looking at schedstat every {} ms "
				   "instead\n",
				   e.what(), schedstat_watch::interval.count());
		}
	}

	void find_processes()
	{
		processes_ = options_.pids;
		for (const std::string &name : options_.kthreads)
			for (const pid_t pid : kernel_threads(name))
				processes_.push_back(pid);
		for (const pid_t pid : processes_)
			if (kernel_)
				kernel_->add(pid);
	}

	std::string syscalls() const
	{
		if (!options_.syscalls)
			return "null";
		std::string each;
		std::uint64_t all = 0, number = 0;
		for (const std::uint64_t n : kernel_->syscalls()) {
			if (n != 0)
				each += fmt::format("{}\"{}\": {}", each.empty() ? "" : ", ",
						    number, n);
			all += n, ++number;
		}
		return fmt::format("{{\"all\": {}, \"by_number\": {{{}}}}}", all, each);
	}

	options options_;
	std::vector<pid_t> processes_;
	std::unique_ptr<kernel_watch> kernel_;
	bool stretches_ = false; // the kernel's program keeps them
	schedstat_watch sampled_;
	run_clock ran_;
	std::uint64_t begin_ = 0;
};

pid_t number(const char *text)
{
	pid_t n = 0;
	const char *end = text + std::strlen(text);
	if (const auto [at, e] = std::from_chars(text, end, n);
	    e != std::errc{} || at != end || n <= 0)
		throw usage(fmt::format("--pid {}: not a process id", text));
	if (threads_of(n).empty())
		throw std::runtime_error(fmt::format("process {}: No such process", n));
	return n;
}

options parse(int argc, char **argv)
{
	static const option known[] = {{"pid", required_argument, nullptr, 'p'},
				       {"kthread", required_argument, nullptr, 'k'},
				       {"syscalls", no_argument, nullptr, 's'},
				       {"how", required_argument, nullptr, 'h'},
				       {}};
	options o;
	opterr = 0;
	for (int c = 0; (c = getopt_long(argc, argv, "", &known[0], nullptr)) != -1;) {
		if (c == 'p') {
			o.pids.push_back(number(optarg));
		} else if (c == 'k') {
			o.kthreads.emplace_back(optarg);
		} else if (c == 's') {
			o.syscalls = true;
		} else if (c == 'h' && (std::string_view(optarg) == "sched_switch" ||
					std::string_view(optarg) == "schedstat")) {
			o.how = optarg;
		} else {
			throw usage("usage: ringway-watch [--pid PID]... [--kthread NAME[*]]... "
				    "[--syscalls] "
				    "[--how sched_switch|schedstat]");
		}
	}
	if (optind != argc)
		throw usage(fmt::format("what is {}? Processes are named by --pid", argv[optind]));
	if (o.pids.empty() && o.kthreads.empty())
		throw usage("nothing to watch: --pid or --kthread is missing");
	if (o.pids.size() > RW_WATCH_PROCESSES / 2)
		throw usage(fmt::format("at most {} processes", RW_WATCH_PROCESSES / 2));
	return o;
}

/// One command. False: it is none.
bool obey(session &s, std::string_view command)
{
	if (command == "reset") {
		s.reset();
		fmt::print("{{\"reset\": true}}\n");
	} else if (command == "read") {
		fmt::print("{}\n", s.read());
	} else {
		fmt::print(stderr, "ringway-watch: error: no such command: {}\n", command);
		return false;
	}
	std::fflush(stdout);
	return true;
}

int serve(session &s)
{
	std::string input;
	while (stop == 0) {
		pollfd in{STDIN_FILENO, POLLIN, 0};
		const int ready = poll(&in, 1, s.interval_ms());
		s.look();
		if (ready <= 0)
			continue;
		char chunk[256];
		const ssize_t n = ::read(STDIN_FILENO, &chunk[0], sizeof chunk);
		if (n <= 0)
			break;
		input.append(&chunk[0], static_cast<std::size_t>(n));
		for (std::size_t end = 0; (end = input.find('\n')) != std::string::npos;
		     input.erase(0, end + 1))
			if (!obey(s, std::string_view(input).substr(0, end)))
				return 2;
	}
	return 0;
}

int run(int argc, char **argv)
{
	libbpf_set_print([](libbpf_print_level, const char *, va_list) { return 0; });
	// Without SA_RESTART: poll() must return.
	struct sigaction end {
	};
	end.sa_handler = [](int) { stop = 1; };
	for (const int signal : {SIGINT, SIGTERM})
		sigaction(signal, &end, nullptr);
	session s(parse(argc, argv));
	fmt::print(stderr, "ringway-watch: ready\n");
	return serve(s);
}

} // namespace
} // namespace ringway::watch

int main(int argc, char **argv)
{
	try {
		return ringway::watch::run(argc, argv);
	} catch (const ringway::watch::usage &e) {
		fmt::print(stderr, "ringway-watch: error: {}\n", e.what());
		return 2;
	} catch (const std::exception &e) {
		fmt::print(stderr, "ringway-watch: error: {}\n", e.what());
		return 1;
	}
}
