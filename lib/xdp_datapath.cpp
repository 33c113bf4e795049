// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <ringway/core/wire.h>

#include <algorithm>
#include <cerrno>
#include <ringway/error.hpp>
#include <ringway/log.hpp>
#include <ringway/tx_trace.hpp>
#include <ringway/xdp_datapath.hpp>

#include "ethtool.hpp"

namespace ringway {
namespace {

std::vector<interface> interfaces_of(const xdp_datapath_config& config) {
  if (config.ports.empty() || config.ports.size() > RW_PORTS_MAX)
    throw usage_error("{} ports: there must be 1 to {}", config.ports.size(), RW_PORTS_MAX);
  std::vector<interface> list;
  for (const xdp_port& p : config.ports) {
    if (std::find(list.begin(), list.end(), p.where) != list.end())
      throw usage_error("{} is given twice", p.where.name());
    list.push_back(p.where);
  }
  return list;
}

void enter(int devmap_fd, std::uint32_t port, const interface& where) {
  netns_scope there(where.ns());  // the map takes an ifindex of the caller's namespace
  const std::uint32_t ifindex = where.index();
  if (int e = bpf_map_update_elem(devmap_fd, &port, &ifindex, BPF_ANY))
    throw error(e, "enter {} as port {} of the devmap", where.name(), port);
}

// What a device has lost by its own account.
struct device_losses {
  std::uint64_t tx_dropped = 0;
  std::uint64_t refused = 0;  // redirects from it that failed: veth counts them, by queue
};

device_losses losses_of(const interface& where) {
  netns_scope there(where.ns());
  return {where.statistics().tx_dropped,
          ethtool_statistics(where.ifname(), "rx_queue_", "_drops").value_or(0)};
}

std::vector<rw_port_counters> sum_counters(int map_fd, std::size_t ports) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) throw error(cpus, "count the possible CPUs");
  std::vector<rw_counters> each(static_cast<std::size_t>(cpus));
  const std::uint32_t only = 0;
  if (int e = bpf_map_lookup_elem(map_fd, &only, each.data()))
    throw error(e, "read the counters of the XDP programs");
  std::vector<rw_port_counters> sums(ports);
  for (const rw_counters& cpu : each) {
    for (std::size_t i = 0; i < ports; ++i) {
      const rw_port_counters& from = cpu.port[i];
      sums[i].rx_packets += from.rx_packets;
      sums[i].rx_bytes += from.rx_bytes;
      sums[i].tx_packets += from.tx_packets;
      sums[i].tx_bytes += from.tx_bytes;
      sums[i].passed += from.passed;
      sums[i].unserved_queue += from.unserved_queue;
      for (std::size_t r = 0; r < RW_REASON_LIB_SLOTS; ++r) sums[i].drops[r] += from.drops[r];
    }
  }
  return sums;
}

}  // namespace

struct xdp_datapath::state {
  struct port {
    interface where;
    std::size_t egress;
    device_losses at_start;
  };

  explicit state(const xdp_datapath_config& config);
  void attach(const xdp_datapath_config& config);
  void choose_sources();
  std::vector<tx_trace::losses> transmit_losses() const;

  std::vector<port> ports;
  unique_fd counters;  // ours, so that the map outlives its programs
  std::optional<tx_trace> trace;
  std::vector<promiscuity> promiscuous;
  std::vector<attachment> programs;
  std::vector<attach_mode> modes;
  bool device_by_netdev = false, refused_by_netdev = false;
  std::string note;
};

xdp_datapath::state::state(const xdp_datapath_config& config)
    : counters(::fcntl(config.counters_fd, F_DUPFD_CLOEXEC, 0)) {
  if (!counters) throw error(errno, "keep the counters of the XDP programs");
  const std::vector<interface> interfaces = interfaces_of(config);
  for (std::size_t i = 0; i < interfaces.size(); ++i) {
    const std::size_t partner = (i ^ 1U) < interfaces.size() ? i ^ 1U : i;
    const int given = config.ports[i].egress;
    if (given >= static_cast<int>(interfaces.size()))
      throw usage_error("port {} forwards to port {}: there is none", i, given);
    ports.push_back(
        {interfaces[i], given < 0 ? partner : static_cast<std::size_t>(given), losses_of(interfaces[i])});
  }
  // The programs come last: from then on frames are forwarded, and every loss has to be seen.
  for (std::uint32_t i = 0; i < interfaces.size(); ++i) enter(config.devmap_fd, i, interfaces[i]);
  if (config.trace) trace.emplace(interfaces, config.devmap_fd);
  attach(config);
  choose_sources();
}

void xdp_datapath::state::attach(const xdp_datapath_config& config) {
  for (const xdp_port& p : config.ports) {
    if (config.promiscuous) promiscuous.emplace_back(p.where);
    programs.emplace_back(p.where, p.program_fd, config.attach, config.replace);
    modes.push_back(programs.back().obtained());
  }
}

void xdp_datapath::state::choose_sources() {
  std::string why;
  if (!trace) {
    why = "no tracepoints are used";
  } else if (!trace->missing().empty()) {
    for (const std::string& m : trace->missing()) why += (why.empty() ? "cannot attach " : ", ") + m;
  }
  const bool generic = std::find(modes.begin(), modes.end(), attach_mode::generic) != modes.end();
  refused_by_netdev = !why.empty();
  device_by_netdev = refused_by_netdev || generic;
  if (refused_by_netdev) {
    note = why +
           ": tx_device and tx_refused are the interfaces' own counters (tx_dropped, on veth also "
           "rx_queue_N_drops), which may contain other losses; on other drivers refused redirects stay in "
           "tx_packets";
  } else if (generic) {
    note =
        "generic mode: tx_device is the interfaces' own tx_dropped, which contains the losses of others who "
        "send there";
  }
  if (!note.empty()) log(log_level::warning, "{}", note);
}

// By egress port. A tracepoint and a netdev counter that stand for the same losses are never added up.
std::vector<tx_trace::losses> xdp_datapath::state::transmit_losses() const {
  std::vector<tx_trace::losses> lost = trace ? trace->read() : std::vector<tx_trace::losses>(ports.size());
  if (!device_by_netdev) return lost;
  std::vector<std::uint64_t> refused(ports.size());
  for (std::size_t i = 0; i < ports.size(); ++i) {
    device_losses now;
    try {
      now = losses_of(ports[i].where);
    } catch (const error&) {  // deleted: its counters went with it
      continue;
    }
    lost[i].device = std::max(lost[i].device, now.tx_dropped - ports[i].at_start.tx_dropped);
    refused[ports[i].egress] += now.refused - std::min(now.refused, ports[i].at_start.refused);
  }
  if (refused_by_netdev)
    for (std::size_t i = 0; i < ports.size(); ++i) lost[i].refused = std::max(lost[i].refused, refused[i]);
  return lost;
}

xdp_datapath::xdp_datapath(const xdp_datapath_config& config) : state_(std::make_unique<state>(config)) {}
xdp_datapath::~xdp_datapath() = default;
xdp_datapath::xdp_datapath(xdp_datapath&&) noexcept = default;
xdp_datapath& xdp_datapath::operator=(xdp_datapath&&) noexcept = default;

const std::vector<attach_mode>& xdp_datapath::modes() const noexcept { return state_->modes; }
const std::string& xdp_datapath::note() const noexcept { return state_->note; }

void xdp_datapath::detach() noexcept {
  state_->programs.clear();
  state_->promiscuous.clear();
}

std::vector<port_stats> xdp_datapath::snapshot() const {
  // Losses first: a frame is handed over before it is lost, so under traffic none is counted lost that was
  // not sent.
  const auto lost = state_->transmit_losses();
  const auto counted = sum_counters(state_->counters.value(), state_->ports.size());
  std::vector<port_stats> stats(counted.size());
  for (std::size_t i = 0; i < counted.size(); ++i) {
    const rw_port_counters& c = counted[i];
    port_stats& s = stats[i];
    s.rx_packets = c.rx_packets;
    s.rx_bytes = c.rx_bytes;
    s.tx_bytes = c.tx_bytes;
    s.passed = c.passed;
    s.unserved_queue = c.unserved_queue;
    std::copy(std::begin(c.drops), std::end(c.drops), s.drops.begin());
    // What netdev counters say beyond what we have sent there was lost by others.
    const std::uint64_t handed = c.tx_packets;
    const std::uint64_t refused = std::min(lost[i].refused, handed);
    const std::uint64_t device = std::min(lost[i].device, handed - refused);
    s.drops[RW_REASON_TX_REFUSED] += refused;
    s.drops[RW_REASON_TX_DEVICE] += device;
    s.tx_packets = handed - refused - device;
  }
  return stats;
}

}  // namespace ringway
