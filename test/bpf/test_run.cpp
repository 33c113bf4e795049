// SPDX-License-Identifier: BSD-2-Clause
#include "test_run.hpp"

#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace ringway::test {
namespace {

void shell(const std::string& command) {
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

[[noreturn]] void fail(int err, const std::string& what) {
  err = err < 0 ? -err : err;
  if (err == EPERM) throw no_privilege(what + ": needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN");
  throw std::runtime_error(what + ": " + std::strerror(err));
}

}  // namespace

private_network::private_network() {
  if (unshare(CLONE_NEWNET) != 0) fail(errno, "new network namespace");
  for (std::uint32_t port = 1; port <= 2; ++port) {
    const std::string ours = fmt::format("rwt{}", port), peer = fmt::format("rwt{}p", port);
    const std::string n = fmt::format("numrxqueues {0} numtxqueues {0}", queues);
    shell(fmt::format("ip link add {} {} type veth peer name {} {}", ours, n, peer, n));
    for (const std::string& end : {ours, peer}) {
      shell(fmt::format("echo 1 >/proc/sys/net/ipv6/conf/{}/disable_ipv6", end));
      shell(fmt::format("ethtool -K {} tx off txvlan off >/dev/null", end));
      shell(fmt::format("ip link set {} up", end));
    }
    ifindex_[port] = if_nametoindex(ours.c_str());
  }
}

bpf_program_file::bpf_program_file(const std::string& path, const char* program) {
  libbpf_set_print(nullptr);
  object_.reset(bpf_object__open_file(path.c_str(), nullptr));
  if (!object_) fail(errno, "open " + path);
  program_ = bpf_object__find_program_by_name(object_.get(), program);
  if (program_ == nullptr) throw std::runtime_error(fmt::format("{} has no program {}", path, program));
}

/// Section maps are called after the object: "l2fwd.rodata".
bpf_map* bpf_program_file::find(std::string_view suffix) const {
  bpf_map* map;
  bpf_object__for_each_map(map, object_.get()) {
    if (std::string_view(bpf_map__name(map)).ends_with(suffix)) return map;
  }
  throw std::runtime_error(fmt::format("no map {} in {}", suffix, bpf_object__name(object_.get())));
}

void bpf_program_file::set_section(std::string_view suffix, const void* value, std::size_t size) {
  if (const int err = bpf_map__set_initial_value(find(suffix), value, size))
    fail(err, fmt::format("set {} of {}", suffix, bpf_object__name(object_.get())));
}

void bpf_program_file::share_map(const char* name, int fd) {
  if (const int err = bpf_map__reuse_fd(find(name), fd)) fail(err, fmt::format("share map {}", name));
}

void bpf_program_file::set_max_entries(const char* name, std::uint32_t n) {
  if (const int err = bpf_map__set_max_entries(find(name), n)) fail(err, fmt::format("size map {}", name));
}

void bpf_program_file::load() {
  if (const int err = bpf_object__load(object_.get()))
    fail(err, fmt::format("load {}", bpf_object__name(object_.get())));
}

int bpf_program_file::map_fd(const char* name) const { return bpf_map__fd(find(name)); }

void* bpf_program_file::section(std::string_view suffix) const {
  const bpf_map* map = find(suffix);
  void* memory =
      mmap(nullptr, bpf_map__value_size(map), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
  if (memory == MAP_FAILED) fail(errno, fmt::format("map {}", bpf_map__name(map)));
  return memory;
}

void bpf_program_file::attach(std::uint32_t ifindex) {
  bpf_link* link = bpf_program__attach_xdp(program_, static_cast<int>(ifindex));
  if (link == nullptr) fail(errno, fmt::format("attach to interface {}", ifindex));
  links_.emplace_back(link);
}

std::uint32_t test_run(int program, std::span<const std::uint8_t> in, arrival from,
                       std::vector<std::uint8_t>& out) {
  xdp_md context{};
  context.data_end = static_cast<std::uint32_t>(in.size());
  context.ingress_ifindex = from.ifindex;
  context.rx_queue_index = from.queue;
  out.resize(in.size() + 512);
  bpf_test_run_opts run{};
  run.sz = sizeof(run);
  run.data_in = in.data();
  run.data_size_in = static_cast<std::uint32_t>(in.size());
  run.data_out = out.data();
  run.data_size_out = static_cast<std::uint32_t>(out.size());
  run.ctx_in = &context;
  run.ctx_size_in = sizeof(context);
  run.repeat = 1;
  if (const int err = bpf_prog_test_run_opts(program, &run))
    fail(err, fmt::format("TEST_RUN of {} bytes", in.size()));
  out.resize(run.data_size_out);
  return run.retval;
}

}  // namespace ringway::test
