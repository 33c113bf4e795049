// SPDX-License-Identifier: BSD-2-Clause
// The steering program: a queue that has a socket gets the packet, another one's packets are counted and
// passed on.
#include <fmt/format.h>
#include <linux/if_xdp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "differential.hpp"
#include "redirect.skel.h"

namespace ringway::test {
namespace {

/// The smallest AF_XDP socket that an XSKMAP takes: bound to a queue, with one page of memory.
class tiny_socket {
 public:
  tiny_socket(std::uint32_t ifindex, std::uint32_t queue) : fd_(socket(AF_XDP, SOCK_RAW, 0)) {
    const std::uint32_t size = 64;
    xdp_umem_reg memory{};
    memory.addr = reinterpret_cast<std::uint64_t>(umem_.data());
    memory.len = umem_.size();
    memory.chunk_size = 4096;
    sockaddr_xdp address{};
    address.sxdp_family = AF_XDP;
    address.sxdp_ifindex = ifindex;
    address.sxdp_queue_id = queue;
    address.sxdp_flags = XDP_COPY;
    if (fd_ < 0 || setsockopt(fd_, SOL_XDP, XDP_UMEM_REG, &memory, sizeof(memory)) != 0 ||
        setsockopt(fd_, SOL_XDP, XDP_UMEM_FILL_RING, &size, sizeof(size)) != 0 ||
        setsockopt(fd_, SOL_XDP, XDP_UMEM_COMPLETION_RING, &size, sizeof(size)) != 0 ||
        setsockopt(fd_, SOL_XDP, XDP_RX_RING, &size, sizeof(size)) != 0 ||
        bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
      throw std::runtime_error(fmt::format("AF_XDP socket on queue {}: {}", queue, std::strerror(errno)));
  }
  ~tiny_socket() { close(fd_); }
  tiny_socket(const tiny_socket&) = delete;
  tiny_socket& operator=(const tiny_socket&) = delete;
  int fd() const { return fd_; }

 private:
  alignas(4096) std::array<std::uint8_t, 4096> umem_{};
  int fd_;
};

}  // namespace

void differ_redirect(run_state& state) {
  if (state.network == nullptr) return;
  constexpr std::uint32_t port = 3, ports = private_network::queues;
  bpf_program_file program(state.options.objects + "/redirect.bpf.o", "rw_redirect");
  redirect::redirect__rodata constants{};
  constants.port = port;
  program.set_constants(constants);
  program.set_max_entries("sockets", 3);  // so that queue 3 is beyond the map, as queue 2 is without a socket
  program.load();
  const std::uint32_t ifindex = state.network->ifindex(1);
  program.attach(ifindex);
  const tiny_socket first(ifindex, 0), second(ifindex, 1);
  for (std::uint32_t queue = 0; queue < 2; ++queue) {
    const int fd = queue == 0 ? first.fd() : second.fd();
    if (bpf_map_update_elem(program.map_fd("sockets"), &queue, &fd, 0) != 0)
      throw std::runtime_error("enter a socket");
  }
  counters_reader counters(program.map_fd("counters"));
  rw_counters expected{};
  packet_grammar grammar(state.options.seed + 2);
  std::vector<std::uint8_t> out;
  for (std::uint64_t i = 0; i < std::max<std::uint64_t>(state.options.packets / 20, 4000); ++i) {
    const std::span<const std::uint8_t> in = grammar.next();
    const std::uint32_t queue = grammar.random().below(ports);
    const bool served = queue < 2;
    if (!served) ++expected.port[port].unserved_queue;
    ++state.seen[served ? "redirect served" : "redirect unserved_queue"];
    ++state.packets;
    const std::uint32_t action = test_run(program.fd(), in, {ifindex, queue}, out);
    const rw_counters& now = counters.read();
    std::string what;
    if (action != (served ? XDP_REDIRECT : XDP_PASS))
      what = fmt::format("action {} on queue {}", action, queue);
    else if (std::memcmp(&now, &expected, sizeof(now)) != 0)
      what = fmt::format("counters after a packet on queue {}", queue);
    else if (!std::ranges::equal(out, in))
      what = "bytes";
    if (!what.empty()) state.differences.add("redirect", what, in, in, out), expected = now;
  }
}

}  // namespace ringway::test
