// SPDX-License-Identifier: BSD-2-Clause
#include "probe_path.hpp"

#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ringway/addresses.hpp>
#include <ringway/error.hpp>
#include <ringway/log.hpp>
#include <ringway/marked_route.hpp>
#include <ringway/route_query.hpp>
#include <set>
#include <utility>

#include "ringway/core/lb_packet.h"
#ifndef _Bool
#define _Bool bool  // as the skeleton has it, and clang++ has not
#endif
// clang-format off
#include <lb_probe.skel.h>  // after the core, whose structs it holds
// clang-format on

namespace ringway::lb_app {
namespace {

using skeleton = std::unique_ptr<::lb_probe, void (*)(::lb_probe*)>;

const netns& namespace_of_all(const std::vector<interface>& ports) {
  if (ports.empty()) throw error(EINVAL, "send probes: there is no port");
  return ports.front().ns();
}

void check(int e, const char* doing) {
  if (e != 0)
    throw error(e, "{}{}", doing, e == -EPERM ? " (run as root, or with CAP_BPF and CAP_NET_ADMIN)" : "");
}

skeleton load(const lb_store& store, const std::vector<interface>& ports, std::uint32_t first_mark) {
  skeleton s(::lb_probe::open(), ::lb_probe::destroy);
  if (!s) throw error(errno, "open the program that sends probes");
  s->rodata->first_mark = first_mark;
  for (std::size_t i = 0; i < ports.size() && i < RW_PORTS_MAX; ++i) s->rodata->egress[i] = ports[i].index();
  for (const lb_store::shared_map& m : store.maps())
    if (bpf_map* map = bpf_object__find_map_by_name(s->obj, m.name); map != nullptr)
      check(bpf_map__reuse_fd(map, m.fd), "share the tables with the program that sends probes");
  check(::lb_probe::load(s.get()), "load the program that sends probes");
  return s;
}

/// The qdisc and the filter go with the interface.
void attach(const netns& where, unsigned exit, int program) {
  netns_scope there(where);
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = static_cast<int>(exit);
  hook.attach_point = BPF_TC_INGRESS;
  check(bpf_tc_hook_create(&hook), "add a clsact qdisc for probes");
  bpf_tc_opts options{};
  options.sz = sizeof options;
  options.prog_fd = program;
  check(bpf_tc_attach(&hook, &options), "attach the program that sends probes");
}

/// An address of the port's own, of that family, that others can answer. None: it has none.
ip_address address_of(const interface& port, unsigned family) {
  for (const local_address& a : addresses_of(port.ns())) {
    const bool link_local = family == 6 && (a.address.words[0] & RW_BE32(0xffc00000)) == RW_BE32(0xfe800000);
    if (a.ifindex == port.index() && a.address.family == family && !link_local) return a.address;
  }
  return {};
}

/// Where the answer will come to. The real knows the way to what the kernel would send to it from; that it
/// knows the way to an address of the other family at the same port is the best guess.
ip_address source_of(const interface& port, const ip_address& real, const ip_address& vip) {
  if (vip.family == real.family)
    if (const auto source = source_address(port, real)) return *source;
  if (const ip_address own = address_of(port, vip.family)) return own;
  return source_address(port, vip).value_or(ip_address{});
}

}  // namespace

struct probe_path::state {
  state(const lb_store& s, const std::vector<interface>& p)
      : store(s), ports(p), route(namespace_of_all(p)), program(load(s, p, route.first_mark())) {
    attach(namespace_of_all(ports), route.exit(), bpf_program__fd(program->progs.rw_lb_probe));
  }

  const lb_store& store;
  const std::vector<interface> ports;
  marked_route route;
  skeleton program;
  std::set<std::pair<ip_address, unsigned>> looked_at;  // VIP, port: whether answers may come in

  void look_at_filter(const ip_address& vip, unsigned port);
};

void probe_path::state::look_at_filter(const ip_address& vip, unsigned port) {
  if (!looked_at.emplace(vip, port).second) return;
  const std::string fault = reverse_path_fault(ports[port], vip);
  if (!fault.empty()) log(log_level::warning, "answers to health checks may get lost: {}", fault);
}

probe_path::probe_path(const lb_store& store, const std::vector<interface>& ports)
    : state_(std::make_unique<state>(store, ports)) {
  if (!state_->route.without_ipv6().empty())
    log(log_level::warning, "no health checks of IPv6 VIPs: {}", state_->route.without_ipv6());
}

probe_path::~probe_path() = default;

probe_way probe_path::way_to(std::uint32_t element, const lb_destination& to, const ip_address& vip) {
  state& s = *state_;
  const auto none = [](std::string why) {
    return probe_way{.mark = {}, .source = {}, .why = std::move(why)};
  };
  if (element >= s.store.memory().real_count || element >= marked_route::marks)
    return none(fmt::format("{} is not in the tables", to.address.text()));
  if (vip.family == 6 && !s.route.without_ipv6().empty()) return none(s.route.without_ipv6());
  const rw_hop hop = rw_hop_of(RW_READ_ONCE(&s.store.memory().reals[element].hop));
  const bool known = std::any_of(std::begin(hop.mac), std::end(hop.mac), [](auto b) { return b != 0; });
  if (hop.state == RW_HOP_UNUSED || !known || hop.port >= s.ports.size())
    return none(fmt::format("{} has no next hop", to.address.text()));
  const interface& port = s.ports[hop.port];
  s.look_at_filter(vip, hop.port);
  return {.mark = s.route.first_mark() + element, .source = source_of(port, to.address, vip), .why = {}};
}

}  // namespace ringway::lb_app
