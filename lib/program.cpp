// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>
#include <ringway/log.hpp>
#include <ringway/program.hpp>

#include "netlink.hpp"

namespace ringway {
namespace {

std::uint32_t mode_flag(attach_mode mode) {
  return mode == attach_mode::generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

std::uint32_t id_of_program(int fd) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (int e = bpf_obj_get_info_by_fd(fd, &info, &size)) throw error(e, "ask the kernel about an XDP program");
  return info.id;
}

std::string name_of_program(int fd) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return "?";
  const std::size_t length = ::strnlen(info.name, sizeof info.name);
  return length == 0 ? "?" : std::string(info.name, length);
}

// Links of the whole machine that hold this program on an interface of this index. The kernel does not say in
// which namespace: more than one may fit.
std::vector<std::uint32_t> links_with(std::uint32_t program_id, unsigned ifindex) {
  std::vector<std::uint32_t> found;
  for (std::uint32_t id = 0; bpf_link_get_next_id(id, &id) == 0;) {
    unique_fd fd(bpf_link_get_fd_by_id(id));
    bpf_link_info info{};
    std::uint32_t size = sizeof info;
    if (fd && bpf_obj_get_info_by_fd(fd.value(), &info, &size) == 0 && info.type == BPF_LINK_TYPE_XDP &&
        info.prog_id == program_id && info.xdp.ifindex == ifindex)
      found.push_back(id);
  }
  return found;
}

// Whether a bpf_link holds the program there. Found out by asking netlink to replace a program that is not
// there by itself: that never succeeds, and the kernel looks for a link first (EBUSY) and at the program then
// (EEXIST). Not by bpf_xdp_attach(), for libbpf would log the expected refusal.
bool held_by_link(unsigned ifindex, std::uint32_t flag, int probe_fd) {
  netlink_socket socket;
  netlink_request request(RTM_SETLINK, 0);
  request.extra<ifinfomsg>().ifi_index = static_cast<int>(ifindex);
  nlattr* nest = mnl_attr_nest_start(request.header(), IFLA_XDP);
  mnl_attr_put_u32(request.header(), IFLA_XDP_FD, static_cast<std::uint32_t>(probe_fd));
  mnl_attr_put_u32(request.header(), IFLA_XDP_FLAGS, flag | XDP_FLAGS_REPLACE);
  mnl_attr_put_u32(request.header(), IFLA_XDP_EXPECTED_FD, static_cast<std::uint32_t>(probe_fd));
  mnl_attr_nest_end(request.header(), nest);
  return socket.ask(request, [](const nlmsghdr*) {}) == -EBUSY;
}

std::optional<attached_program> query(unsigned ifindex, const std::string& name) {
  LIBBPF_OPTS(bpf_xdp_query_opts, there);
  if (int e = bpf_xdp_query(static_cast<int>(ifindex), 0, &there))
    throw error(e, "ask for the XDP program on {}", name);
  attached_program p;
  if (there.drv_prog_id != 0) {
    p.id = there.drv_prog_id;
  } else if (there.skb_prog_id != 0) {
    p.id = there.skb_prog_id;
    p.mode = attach_mode::generic;
  } else if (there.hw_prog_id != 0) {
    p.id = there.hw_prog_id;
    p.offloaded = true;
  } else {
    return std::nullopt;
  }
  return p;
}

// The smallest program there is, as a probe that no interface has.
int load_probe() {
  const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS},
                           {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  return bpf_prog_load(BPF_PROG_TYPE_XDP, "rw_probe", "Dual BSD/GPL", pass, std::size(pass), nullptr);
}

void describe(attached_program& p, unsigned ifindex) {
  unique_fd program(bpf_prog_get_fd_by_id(p.id));
  p.name = name_of_program(program.value());
  unique_fd probe(p.offloaded ? -1 : load_probe());
  if (!probe) return;
  p.by_link = held_by_link(ifindex, mode_flag(p.mode), probe.value());
  if (!p.by_link) return;
  const auto links = links_with(p.id, ifindex);
  if (links.size() == 1) p.link_id = links.front();
}

std::string_view hint(int e, attach_mode mode) {
  switch (e) {
    case EPERM:
    case EACCES:
      return " (run as root or with CAP_NET_ADMIN and CAP_BPF)";
    case EOPNOTSUPP:
      return mode == attach_mode::native ? " (its driver has no native XDP; use --attach generic)" : "";
    case ERANGE:
      return " (its MTU, or that of its veth peer, is too large for a native program: lower it, or use "
             "--attach generic)";
    case ENOSPC:
      return " (a veth needs at least as many RX queues as its peer has TX queues: ethtool -L)";
    case EINVAL:
      return mode == attach_mode::native
                 ? " (drivers say this for an MTU, a channel count or an LRO that does not go "
                   "with XDP; see the kernel log, or use --attach generic)"
                 : "";
    default:
      return "";
  }
}

bool driver_refused(int e) {  // and the generic path may still take it
  return e == EOPNOTSUPP || e == EINVAL || e == ENOSPC || e == ERANGE || e == ENOMEM;
}

}  // namespace

std::string_view to_string(attach_mode mode) noexcept {
  return mode == attach_mode::automatic ? "auto" : mode == attach_mode::native ? "native" : "generic";
}

std::string attached_program::text() const {
  const std::string way = offloaded      ? "offloaded to the NIC"
                          : !by_link     ? "attached by netlink"
                          : link_id == 0 ? "attached by a bpf_link"
                                         : fmt::format("attached by bpf_link {}", link_id);
  return fmt::format("{} (id {}, {}, {})", name, id, to_string(mode), way);
}

std::optional<attached_program> program_on(const interface& port) {
  netns_scope there(port.ns());
  auto p = query(port.index(), port.name());
  if (p) describe(*p, port.index());
  return p;
}

attachment::attachment(const interface& port, int program_fd, attach_mode mode, bool replace)
    : port_(port), program_id_(id_of_program(program_fd)) {
  netns_scope there(port_.ns());
  if (auto other = query(port_.index(), port_.name())) {
    describe(*other, port_.index());
    if (!replace) {
      throw error(EBUSY, "attach XDP program to {}: {} is there already; --replace removes it", port_.name(),
                  other->text());
    }
    replaced_ = std::move(other);
    const auto start = std::chrono::steady_clock::now();
    remove_foreign(*replaced_);
    attach(program_fd, mode);
    gap_ = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
    log(log_level::warning, "{}: removed XDP program {}; no program was there for {} us", port_.name(),
        replaced_->text(), gap_.count());
  } else {
    attach(program_fd, mode);
  }
  read_back();
}

attachment::~attachment() = default;
attachment& attachment::operator=(attachment&&) noexcept = default;

void attachment::attach(int program_fd, attach_mode mode) {
  auto link_in = [&](attach_mode m) {
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = mode_flag(m));
    const int fd = bpf_link_create(program_fd, static_cast<int>(port_.index()), BPF_XDP, &options);
    link_.reset(fd < 0 ? -1 : fd);
    return fd < 0 ? -fd : 0;
  };
  attach_mode used = mode == attach_mode::generic ? mode : attach_mode::native;
  int e = link_in(used);
  if (mode == attach_mode::automatic && driver_refused(e)) {
    log(log_level::warning, "{}: no native XDP: {}{}; using generic", port_.name(), std::strerror(e),
        hint(e, attach_mode::native));
    used = attach_mode::generic;
    e = link_in(used);
  }
  if (e == 0) return;
  if (e == EBUSY || e == EEXIST) {  // somebody was quicker, or holds another mode
    if (auto other = program_on(port_))
      throw error(e, "attach XDP program to {}: {} is there already; --replace removes it", port_.name(),
                  other->text());
  }
  throw error(e, "attach XDP program to {}, {}{}", port_.name(), to_string(used), hint(e, used));
}

void attachment::remove_foreign(const attached_program& there) {
  if (there.offloaded)
    throw error(EBUSY, "replace XDP program {} on {}: it is not ours to remove", there.text(), port_.name());
  if (!there.by_link) {
    unique_fd expected(bpf_prog_get_fd_by_id(there.id));  // so that nothing goes but what was named
    LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = expected ? expected.value() : -1);
    if (!expected) throw error(errno, "replace XDP program {} on {}", there.text(), port_.name());
    if (int e = bpf_xdp_detach(static_cast<int>(port_.index()), mode_flag(there.mode) | XDP_FLAGS_REPLACE,
                               &options))
      throw error(e, "replace XDP program {} on {}", there.text(), port_.name());
    return;
  }
  unique_fd link(there.link_id == 0 ? -1 : bpf_link_get_fd_by_id(there.link_id));
  if (there.link_id == 0)
    throw error(EBUSY, "replace XDP program {} on {}: which link holds it cannot be told", there.text(),
                port_.name());
  if (!link) throw error(errno, "replace XDP program {} on {}", there.text(), port_.name());
  if (int e = bpf_link_detach(link.value()))
    throw error(e, "replace XDP program {} on {}", there.text(), port_.name());
}

void attachment::read_back() {
  const auto there = query(port_.index(), port_.name());
  if (!there || there->id != program_id_)
    throw error(EIO, "attach XDP program to {}: the kernel took it, but reports {}", port_.name(),
                there ? fmt::format("program {} there", there->id) : "no program there");
  obtained_ = there->mode;
}

}  // namespace ringway
