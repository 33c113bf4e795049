// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <ringway/error.hpp>
#include <ringway/log.hpp>
#include <ringway/port.hpp>

#include "redirect.skel.h"

namespace ringway {
namespace {

/// Every packet to the socket of its queue.
steering_program load_redirect(const ringway::interface& where, port_id id) {
  redirect* opened = redirect::open();
  if (opened == nullptr) throw error(errno, "open the redirect program");
  const std::shared_ptr<redirect> s(opened, redirect::destroy);
  s->rodata->port = id;
  bpf_map__set_max_entries(s->maps.sockets, std::max(1u, where.rx_queues()));
  if (const int e = redirect::load(s.get()); e != 0)
    throw error(e, "load the redirect program for {} (run as root, or with CAP_BPF and CAP_NET_ADMIN)",
                where.name());
  return {.program_fd = bpf_program__fd(s->progs.rw_redirect),
          .sockets_fd = bpf_map__fd(s->maps.sockets),
          .counters_fd = bpf_map__fd(s->maps.counters),
          .owner = s};
}

}  // namespace

struct port::state {
  state(const port_config& c, port_id port)
      : config(c), id(port), where(c.interface), served(c.queues.on(where)) {
    program = c.steering ? c.steering(where, port) : load_redirect(where, port);
  }

  port_config config;
  port_id id;
  ringway::interface where;
  std::vector<std::uint32_t> served;
  steering_program program;
  std::optional<promiscuity> promiscuous;
  std::optional<attachment> link;
  attach_mode obtained = attach_mode::automatic;  // outlives the link, for the last report
};

port::port(const port_config& config, port_id id) : state_(std::make_unique<state>(config, id)) {}
port::~port() = default;
port::port(port&&) noexcept = default;

const ringway::interface& port::where() const noexcept { return state_->where; }
const std::vector<std::uint32_t>& port::served() const noexcept { return state_->served; }

xsk port::open(umem& memory, std::uint32_t queue, const xsk_config& config) {
  xsk socket(memory, state_->where, queue, config);
  const int fd = socket.fd();
  if (bpf_map_update_elem(state_->program.sockets_fd, &queue, &fd, BPF_ANY) != 0)
    throw error(errno, "enter the socket of {} queue {} in the steering program's map", where().name(),
                queue);
  return socket;
}

void port::attach() {
  if (state_->config.promiscuous && !state_->promiscuous) state_->promiscuous.emplace(state_->where);
  state_->link.emplace(state_->where, state_->program.program_fd, state_->config.attach,
                       state_->config.replace);
  state_->obtained = state_->link->obtained();
}

void port::detach() noexcept {
  state_->link.reset();
  state_->promiscuous.reset();
}

attach_mode port::attached() const noexcept { return state_->obtained; }

port::steering port::steered() const {
  std::vector<rw_counters> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  const std::uint32_t zero = 0;
  if (bpf_map_lookup_elem(state_->program.counters_fd, &zero, per_cpu.data()) != 0)
    throw error(errno, "read the counters of {}", where().name());
  steering sum;
  for (const rw_counters& c : per_cpu) {
    sum.passed += c.port[state_->id].passed;
    sum.unserved_queue += c.port[state_->id].unserved_queue;
  }
  return sum;
}

}  // namespace ringway
