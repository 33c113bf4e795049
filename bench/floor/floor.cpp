// SPDX-License-Identifier: BSD-2-Clause
// Runs the hand-written XDP programs that the XDP datapath is measured against, and times programs
// without a wire.
//
//   xdp-floor swap|redirect IF0 IF1   attaches it natively to both (each sends to the other) until
//   SIGINT or SIGTERM xdp-floor time [REPEAT [RUNS]]    nanoseconds a packet by BPF_PROG_TEST_RUN,
//   interleaved: ours (macswap) and `swap`;
//                                     JSON on stdout
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ringway/core/l2.h>
#include <vector>

#include "l2fwd.skel.h"
#include "redirect_floor.skel.h"
#include "swap.skel.h"

namespace
{

volatile std::sig_atomic_t stop = 0;

[[noreturn]] void die(const char *what, int err)
{
	std::fprintf(stderr, "xdp-floor: error: %s: %s\n", what,
		     std::strerror(err < 0 ? -err : err));
	std::exit(1);
}

void attach(int program, int devmap, std::uint32_t own, const std::array<unsigned, 2> &ifindex)
{
	for (std::uint32_t key = 0; key < 2; ++key)
		if (bpf_map_update_elem(devmap, &key, &ifindex[key], BPF_ANY) != 0)
			die("fill the device map", errno);
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
	// The link's descriptor stays open until the process ends: so does the attachment.
	if (bpf_link_create(program, static_cast<int>(ifindex[own]), BPF_XDP, &options) < 0)
		die("attach", errno);
}

void attach_one(bool swap_macs, std::uint32_t own, const std::array<unsigned, 2> &ifindex)
{
	if (swap_macs) {
		swap *s = swap::open();
		if (s == nullptr)
			die("open swap", errno);
		s->rodata->in_port = own, s->rodata->out_port = 1 - own;
		if (const int e = swap::load(s); e != 0)
			die("load swap", e);
		attach(bpf_program__fd(s->progs.floor_swap), bpf_map__fd(s->maps.floor_ports), own,
		       ifindex);
		return;
	}
	redirect_floor *s = redirect_floor::open();
	if (s == nullptr)
		die("open redirect", errno);
	s->rodata->out_port = 1 - own;
	if (const int e = redirect_floor::load(s); e != 0)
		die("load redirect", e);
	attach(bpf_program__fd(s->progs.floor_redirect), bpf_map__fd(s->maps.floor_ports), own,
	       ifindex);
}

int run(bool swap_macs, const char *first, const char *second)
{
	const std::array<unsigned, 2> ifindex{if_nametoindex(first), if_nametoindex(second)};
	if (ifindex[0] == 0 || ifindex[1] == 0)
		die("find the interfaces", ENODEV);
	for (const std::uint32_t own : {0u, 1u})
		attach_one(swap_macs, own, ifindex);
	std::puts("xdp-floor: ready");
	std::fflush(stdout);
	while (stop == 0)
		pause();
	return 0;
}

std::uint32_t nanoseconds(int program, std::uint32_t repeat)
{
	std::array<std::uint8_t, 60> frame{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame.data(),
		    .data_size_in = static_cast<__u32>(frame.size()),
		    .repeat = static_cast<int>(repeat));
	if (bpf_prog_test_run_opts(program, &o) != 0)
		die("BPF_PROG_TEST_RUN", errno);
	return o.duration;
}

/// A device that the map may name: the programs redirect into it, and TEST_RUN stops before
/// anything is sent.
void enter_loopback(int devmap)
{
	const unsigned lo = if_nametoindex("lo");
	for (std::uint32_t key = 0; key < 2; ++key)
		(void)bpf_map_update_elem(devmap, &key, &lo, BPF_ANY);
}

int time_programs(std::uint32_t repeat, std::uint32_t runs)
{
	swap *theirs = swap::open_and_load();
	l2fwd *ours = l2fwd::open();
	if (theirs == nullptr || ours == nullptr)
		die("open the programs", errno);
	const rw_l2 config{.port = 0,
			   .out = 1,
			   .mode = RW_L2_MACSWAP,
			   .pad = {},
			   .dst = {},
			   .src = {},
			   .pad2 = {}};
	std::memcpy(const_cast<rw_l2 *>(&ours->rodata->l2), &config, sizeof config);
	if (const int e = l2fwd::load(ours); e != 0)
		die("load l2fwd", e);
	enter_loopback(bpf_map__fd(theirs->maps.floor_ports));
	enter_loopback(bpf_map__fd(ours->maps.ports));
	const std::array<int, 2> program{bpf_program__fd(ours->progs.rw_l2fwd),
					 bpf_program__fd(theirs->progs.floor_swap)};
	std::array<std::vector<std::uint32_t>, 2> ns;
	for (const int p : program)
		(void)nanoseconds(p, repeat / 10); // warm
	for (std::uint32_t i = 0; i < runs; ++i)
		for (std::size_t p = 0; p < 2; ++p)
			ns[p].push_back(nanoseconds(program[p], repeat));
	std::printf("{\"repeat\": %u", repeat);
	for (std::size_t p = 0; p < 2; ++p) {
		std::printf(", \"%s\": [", p == 0 ? "ringway" : "swap");
		for (std::size_t i = 0; i < ns[p].size(); ++i)
			std::printf("%s%u", i == 0 ? "" : ", ", ns[p][i]);
		std::printf("]");
	}
	std::puts("}");
	return 0;
}

} // namespace

int main(int argc, char **argv)
{
	for (const int s : {SIGINT, SIGTERM})
		std::signal(s, [](int) { stop = 1; });
	if (argc == 4 && std::strcmp(argv[1], "swap") == 0)
		return run(true, argv[2], argv[3]);
	if (argc == 4 && std::strcmp(argv[1], "redirect") == 0)
		return run(false, argv[2], argv[3]);
	if (argc >= 2 && argc <= 4 && std::strcmp(argv[1], "time") == 0)
		return time_programs(
			argc > 2 ? static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10))
				 : 1'000'000,
			argc > 3 ? static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10))
				 : 9);
	std::fputs("usage: xdp-floor swap|redirect IF0 IF1 | time [REPEAT [RUNS]]\n", stderr);
	return 2;
}
