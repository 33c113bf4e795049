// SPDX-License-Identifier: BSD-2-Clause
// Sends as fast as the simplest program can: what ringway-gen's engine `xdp` is measured against,
// into the same sink, with frames handed over in the same portions.
//
//   gen-floor plain|clock CPU SECONDS NETNS/IF NETNS/SINK    JSON on stdout
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <ringway/error.hpp>
#include <ringway/interface.hpp>
#include <ringway/netns.hpp>
#include <string_view>

#include "../../apps/gen/sink.hpp"
#include "gen_floor.skel.h"

namespace
{

using namespace ringway;
using seconds = std::chrono::duration<double>;

constexpr std::uint32_t batch = 64; // as ringway-gen does without a rate
constexpr std::size_t bytes = 60;

double number(const char *text)
{
	const std::string_view t(text);
	double value = 0;
	if (std::from_chars(t.begin(), t.end(), value).ec != std::errc() || value < 0)
		throw usage_error("'{}' should be a number", text);
	return value;
}

/// A UDP frame that nobody reads: to the address that ringway-gen sends to.
std::array<std::uint8_t, bytes> frame()
{
	std::array<std::uint8_t, bytes> f{0x02, 0, 0,	 0,    0,    0x01, 0x02, 0, 0,
					  0,	0, 0x02, 0x08, 0x00, 0x45, 0,	 0, bytes - 14};
	f[22] = 64, f[23] = 17;				  // TTL, UDP
	f[26] = 198, f[27] = 18, f[30] = 198, f[31] = 19; // RFC 2544's addresses
	f[38] = 0, f[39] = bytes - 34;
	return f;
}

void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(static_cast<unsigned>(cpu), &set);
	if (::sched_setaffinity(0, sizeof set, &set) != 0)
		throw error(errno, "run on CPU {}", cpu);
}

void enter(const gen_floor &program, const interface &port)
{
	const std::uint32_t first = 0, index = port.index();
	if (const int e = bpf_map_update_elem(bpf_map__fd(program.maps.floor_port), &first, &index,
					      BPF_ANY);
	    e != 0)
		throw error(e, "send to {}", port.name());
}

/// One system call, which the alarm ends: making and unmaking a run takes milliseconds. Seconds
/// that it took.
double send(const gen_floor &program, double duration)
{
	auto data = frame();
	bpf_test_run_opts run{};
	run.sz = sizeof run;
	run.data_in = data.data();
	run.data_size_in = bytes;
	run.repeat = std::numeric_limits<int>::max();
	run.batch_size = batch;
	run.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	struct sigaction nothing {
	};
	nothing.sa_handler = [](int) {}; // no SA_RESTART: the system call shall end
	::sigaction(SIGALRM, &nothing, nullptr);
	const auto whole = static_cast<long>(duration);
	const itimerval alarm{
		{}, {whole, static_cast<long>(1e6 * (duration - static_cast<double>(whole)))}};
	const auto begin = std::chrono::steady_clock::now();
	::setitimer(ITIMER_REAL, &alarm, nullptr);
	const int e = bpf_prog_test_run_opts(bpf_program__fd(program.progs.gen_floor), &run);
	if (e != 0 && e != -EINTR)
		throw error(e, "send live frames");
	return seconds(std::chrono::steady_clock::now() - begin).count();
}

void run(std::string_view how, int cpu, double duration, const char *from, const char *to)
{
	if (how != "plain" && how != "clock")
		throw usage_error("'{}' should be plain or clock", how);
	const interface port(from), where(to);
	const std::unique_ptr<gen_floor, void (*)(gen_floor *)> program(gen_floor::open(),
									gen_floor::destroy);
	if (!program)
		throw error(errno, "open the program");
	program->rodata->clock = how == "clock";
	if (const int e = gen_floor::load(program.get()); e != 0)
		throw error(e, "load the program (needs root)");
	const gen::counting_sink sink(where, gen::tc_mode::automatic);
	pin(cpu);
	const netns_scope inside(
		port.ns()); // a device map resolves the index in the caller's namespace
	enter(*program, port);
	send(*program, 0.1 * duration);
	const std::uint64_t before = program->bss->sent, seen = sink.counts().packets;
	const double took = send(*program, duration);
	const std::uint64_t sent = program->bss->sent - before,
			    received = sink.counts().packets - seen;
	std::printf("{\"how\": \"%.*s\", \"seconds\": %.6f, \"sent\": %llu, \"received\": %llu}\n",
		    static_cast<int>(how.size()), how.data(), took,
		    static_cast<unsigned long long>(sent),
		    static_cast<unsigned long long>(received));
}

} // namespace

int main(int argc, char **argv)
{
	try {
		if (argc != 6)
			throw usage_error(
				"usage: gen-floor plain|clock CPU SECONDS NETNS/IF NETNS/SINK");
		run(argv[1], static_cast<int>(number(argv[2])), number(argv[3]), argv[4], argv[5]);
		return 0;
	} catch (const usage_error &e) {
		std::fprintf(stderr, "gen-floor: error: %s\n", e.what());
		return 2;
	} catch (const std::exception &e) {
		std::fprintf(stderr, "gen-floor: error: %s\n", e.what());
		return 1;
	}
}
