// SPDX-License-Identifier: BSD-2-Clause
#include "tc_attach.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>
#include <ringway/log.hpp>

namespace ringway::gen {
namespace {

// linux/bpf.h of 6.1 does not know it, newer ones have it in an enum, which no #ifdef sees.
constexpr unsigned bpf_tcx_ingress = 46;

// Our filters are known by their priority; the handle says who made the qdisc, so that a later process can
// clean up after one that was killed.
constexpr unsigned filter_priority = 0x7277;
constexpr unsigned handle_with_qdisc = 1, handle_alone = 2;

/// By the system call itself: libbpf 1.1 has no function for it.
int create_tcx_link(int program_fd, unsigned ifindex) noexcept {
  bpf_attr attr;
  std::memset(&attr, 0, sizeof attr);
  attr.link_create.prog_fd = static_cast<unsigned>(program_fd);
  attr.link_create.target_ifindex = ifindex;
  attr.link_create.attach_type = bpf_tcx_ingress;
  return static_cast<int>(::syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof attr));
}

bpf_tc_hook hook_of(const interface& where, unsigned points) noexcept {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = static_cast<int>(where.index());
  hook.attach_point = static_cast<bpf_tc_attach_point>(points);
  return hook;
}

bpf_tc_opts filter(unsigned handle) noexcept {
  bpf_tc_opts opts{};
  opts.sz = sizeof opts;
  opts.handle = handle;
  opts.priority = filter_priority;
  return opts;
}

bool remove_filter(const interface& where, unsigned handle) noexcept {
  bpf_tc_hook ingress = hook_of(where, BPF_TC_INGRESS);
  const bpf_tc_opts opts = filter(handle);
  return bpf_tc_detach(&ingress, &opts) == 0;
}

void remove_qdisc(const interface& where) noexcept {
  bpf_tc_hook both = hook_of(where, BPF_TC_INGRESS | BPF_TC_EGRESS);
  bpf_tc_hook_destroy(&both);
}

/// Of a process that was killed.
void remove_leftovers(const interface& where) {
  if (remove_filter(where, handle_alone))
    log(log_level::warning, "{}: removed a sink that was left over", where.name());
  if (!remove_filter(where, handle_with_qdisc)) return;
  remove_qdisc(where);
  log(log_level::warning, "{}: removed a sink that was left over, and its clsact qdisc", where.name());
}

}  // namespace

tc_attachment::tc_attachment(const interface& where, int program_fd, tc_mode mode) : where_(where) {
  const netns_scope inside(where.ns());
  remove_leftovers(where);
  if (mode != tc_mode::clsact) {
    link_.reset(create_tcx_link(program_fd, where.index()));
    if (link_) return;
    if (mode == tc_mode::tcx || errno == EPERM)
      throw error(errno, "attach the sink to {} by a tcx link (Linux 6.6 and later; needs root)",
                  where.name());
  }
  attach_filter(program_fd);
}

void tc_attachment::attach_filter(int program_fd) {
  bpf_tc_hook ingress = hook_of(where_, BPF_TC_INGRESS);
  const int made = bpf_tc_hook_create(&ingress);
  if (made != 0 && made != -EEXIST) throw error(made, "add a clsact qdisc to {}", where_.name());
  const unsigned handle = made == 0 ? handle_with_qdisc : handle_alone;
  bpf_tc_opts opts = filter(handle);
  opts.prog_fd = program_fd;
  if (const int failure = bpf_tc_attach(&ingress, &opts); failure != 0) {
    if (made == 0) remove_qdisc(where_);
    throw error(failure, "attach the sink to {} by a clsact filter", where_.name());
  }
  handle_ = handle;
}

tc_attachment::~tc_attachment() {
  if (handle_ != 0) detach_filter();
}

void tc_attachment::detach_filter() noexcept {
  try {
    const netns_scope inside(where_.ns());
    remove_filter(where_, handle_);
    if (handle_ == handle_with_qdisc) remove_qdisc(where_);
  } catch (const std::exception& e) {
    log(log_level::warning, "{}: the sink stays attached: {}", where_.name(), e.what());
  }
}

}  // namespace ringway::gen
