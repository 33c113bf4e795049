// SPDX-License-Identifier: BSD-2-Clause
#include "forwarder_options.hpp"

#include <ringway/core/wire.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <set>

namespace ringway::app {
namespace {

constexpr std::uint32_t most_cpus = 4096, most_frames = 1u << 24;
// Beyond that the rings of one queue would hold a second of traffic at 1 Mpps and more.
constexpr std::uint32_t least_ring = 64, most_ring = 32768;

std::string cpus_text(const std::vector<int>& cpus) {
  std::string text;
  for (const int cpu : cpus) text += fmt::format("{}{}", text.empty() ? "" : ",", cpu);
  return cpus.size() == 1 ? fmt::format("{0}-{0}", cpus[0]) : text;
}

/// A number out of a few.
option& add_size(option_table& table, std::string name, std::uint32_t& target, std::vector<std::string> sizes,
                 std::string help) {
  option o{.name = std::move(name), .placeholder = "N", .help = std::move(help), .kind = value_kind::number};
  o.set = [&target, words = std::move(sizes)](const option::texts& given) {
    if (std::find(words.begin(), words.end(), given.at(0)) == words.end())
      throw usage_error("'{}' is not {}", given.at(0), one_of(words));
    target = static_cast<std::uint32_t>(std::stoul(given.at(0)));
  };
  o.show = [&target]() -> option::texts { return {std::to_string(target)}; };
  return table.add(std::move(o));
}

void add_attachment(option_table& table, forwarder_options& o) {
  table.heading("Ports and their programs");
  add_ports(table, o.ports);
  table.choice(
      "datapath", o.way,
      std::vector<std::pair<std::string, datapath>>{{"afxdp", datapath::afxdp}, {"xdp", datapath::xdp}},
      "where packets are processed: in this process, or in the kernel");
  add_attach(table, o.attach);
  table.flag("replace", o.replace, "take the place of an XDP program that is there");
  table.flag("no-promisc", o.no_promisc, "receive frames for the port's own address only");
  table.flag("force", o.force, "take a port although it carries the default route");
  table.seconds("wait-carrier", o.wait_carrier, "how long to wait for carrier on all ports; 0: not at all");
}

void add_workers(option_table& table, forwarder_options& o) {
  table.heading("Workers and sockets (--datapath afxdp)");
  table.choice(
      "bind", o.bind,
      std::vector<std::pair<std::string, bind_mode>>{
          {"auto", bind_mode::automatic}, {"copy", bind_mode::copy}, {"zero-copy", bind_mode::zero_copy}},
      "how packets come from the driver");
  table.add({.name = "queues",
             .placeholder = "all|N|LIST",
             .help = "which RX queues of each port are served: all, the first N, or e.g. 4-7",
             .kind = value_kind::ranges,
             .set = [&o](const option::texts& given) { o.queues = queue_selection(given.at(0)).text(); },
             .show = [&o]() -> option::texts { return {o.queues}; }});
  table.add({.name = "cpus",
             .placeholder = "LIST",
             .help = "a worker for each, pinned to it, e.g. 1,4-5; without: one worker, not pinned",
             .kind = value_kind::ranges,
             .set = [&o](const option::texts& given) { o.cpus = parse_cpus(given.at(0)); },
             .show = [&o]() -> option::texts { return {cpus_text(o.cpus)}; }});
  add_size(table, "batch", o.batch, {"64", "256"}, "packets taken at a time: 64 or 256");
  table.number("frames", "N", o.frames, 0, most_frames,
               "packet buffers of a worker; 0: as many as its rings hold");
  add_size(table, "frame-size", o.frame_size, {"0", "2048", "4096"},
           "bytes of a buffer: 2048 or 4096; 0: by the MTU");
  table.number("ring-size", "N", o.ring_size, least_ring, most_ring,
               "slots of the RX, TX and completion rings");
  table.number("tx-budget", "N", o.tx_budget, 0, most_ring,
               "packets a system call may send in copy mode, where the kernel has the option; 0: its own 32");
  table.number("tx-retry", "N", o.tx_retry, 0, 1000, "kicks of a full TX ring before a packet is dropped");
  table.number("busy-poll", "USEC", o.busy_poll, 0, 1'000'000, "preferred busy polling; 0: none");
  table.choice("idle", o.idle,
               std::vector<std::pair<std::string, idle_policy>>{{"spin", idle_policy::spin},
                                                                {"poll", idle_policy::poll}},
               "without traffic: keep looking, or sleep");
  table.choice("huge-pages", o.pages,
               std::vector<std::pair<std::string, huge_pages>>{{"auto", huge_pages::automatic},
                                                               {"never", huge_pages::never}},
               "packet buffers in huge pages, where there are any");
}

void add_reports(option_table& table, forwarder_options& o) {
  table.heading("Run and report");
  table.seconds("duration", o.duration, "end after so many seconds; 0: with SIGINT or SIGTERM");
  table.seconds("stats", o.stats, "print a table every so many seconds; 0: at the end and on SIGUSR1");
  table.text("json", "FILE|-", o.json, "write a report at the end; -: to stdout, and all else to stderr");
  table.flag("quiet", o.quiet, "nothing but `ready', warnings and errors").letter = 'q';
  table.count("verbose", o.verbose, "say what was obtained; twice: libbpf's messages too").letter = 'v';
  table.text("config", "FILE", o.config, "TOML; its keys are these options; the command line goes before it")
      .in_file = false;
  table.flag("check-config", o.check_config, "check options and configuration, then end").in_file = false;
  table.flag("print-config", o.print_config, "print what is set, as a file for --config, then end").in_file =
      false;
}

}  // namespace

std::vector<int> parse_cpus(const std::string& text) {
  std::vector<int> cpus;
  if (text.empty()) return cpus;
  std::set<int> seen;
  std::string_view rest = text;
  while (true) {
    const std::string_view item = rest.substr(0, rest.find(','));
    const std::size_t dash = item.find('-');
    const auto number = [&](std::string_view part) {
      try {
        return static_cast<int>(parse_number(std::string(part), 0, most_cpus - 1));
      } catch (const usage_error&) {
        throw usage_error("'{}' is not a list of CPUs like 1,4-5", text);
      }
    };
    const int from = number(item.substr(0, dash));
    const int to = dash == std::string_view::npos ? from : number(item.substr(dash + 1));
    if (to < from) throw usage_error("'{}': {} comes before {}", text, to, from);
    for (int cpu = from; cpu <= to; ++cpu) {
      if (!seen.insert(cpu).second) throw usage_error("'{}': CPU {} stands twice", text, cpu);
      cpus.push_back(cpu);
    }
    if (item.size() == rest.size()) break;
    rest.remove_prefix(item.size() + 1);
  }
  return cpus;
}

void add_ports(option_table& table, std::vector<std::string>& ports) {
  table.add({.name = "ports",
             .placeholder = "",
             .help = "IF or NETNS/IF, where NETNS is a name under /run/netns, a process id or a path",
             .kind = value_kind::ports,
             .set = [&ports](const option::texts& given) { ports = given; },
             .show = [&ports] { return ports; }});
}

void add_attach(option_table& table, attach_mode& attach) {
  table.choice("attach", attach,
               std::vector<std::pair<std::string, attach_mode>>{{"auto", attach_mode::automatic},
                                                                {"native", attach_mode::native},
                                                                {"generic", attach_mode::generic}},
               "where the XDP program runs: in the driver, or before the kernel's stack");
}

void add_forwarder_options(option_table& table, forwarder_options& o) {
  add_attachment(table, o);
  add_workers(table, o);
  add_reports(table, o);
}

void check(const forwarder_options& o) {
  if (o.ports.empty()) throw usage_error("no PORT is given (--help shows how)");
  if (o.ports.size() > RW_PORTS_MAX)
    throw usage_error("{} ports are given: {} at most", o.ports.size(), RW_PORTS_MAX);
  std::set<std::string> seen;
  for (const std::string& p : o.ports) {
    if (p.empty()) throw usage_error("a PORT has no name");
    if (!seen.insert(p).second) throw usage_error("{} is given twice", p);
  }
  if (!std::has_single_bit(o.ring_size))
    throw usage_error("--ring-size: {} is not a power of two", o.ring_size);
  if (o.way != datapath::afxdp || o.frames == 0) return;
  if (const auto least = frames_minimum(1, o.ring_size, o.batch); o.frames < least)
    throw usage_error("--frames: {} are too few: one queue with rings of {} needs {}", o.frames, o.ring_size,
                      least);
}

bool configure(const identity& who, const option_table& table, forwarder_options& o,
               const std::function<void()>& check_own, int argc, const char* const* argv, tables others) {
  const auto line = parse_command_line(who, table, argc, argv);
  if (!line) return false;
  apply(*line);
  if (!o.config.empty()) {
    apply(read_config(o.config, table, others));
    apply(*line);
  }
  if (!o.print_config || !o.ports.empty()) {  // without ports: a template
    check(o);
    check_own();
  }
  if (o.print_config) std::fputs(print_config(table).c_str(), stdout);
  return !o.print_config && !o.check_config;
}

std::vector<std::string> without_effect(const option_table& table, const forwarder_options& o) {
  std::vector<std::string> names;
  if (o.way == datapath::afxdp) return names;
  const std::string heading = table.find("bind")->group;
  for (const option& candidate : table.all())
    if (candidate.group == heading && candidate.changed()) names.push_back("--" + candidate.name);
  return names;
}

forwarder_config library_config(const forwarder_options& o) {
  forwarder_config c;
  for (const std::string& name : o.ports) {
    c.ports.push_back({.interface = name,
                       .queues = queue_selection(o.queues),
                       .attach = o.attach,
                       .replace = o.replace,
                       .promiscuous = !o.no_promisc});
  }
  c.cpus = o.cpus;
  c.frames = o.frames;
  c.frame_size = o.frame_size;
  c.pages = o.pages;
  c.socket.bind = o.bind;
  c.socket.ring_size = o.ring_size;
  c.socket.tx_budget = std::min(o.tx_budget, o.ring_size);  // the kernel refuses more
  c.socket.busy_poll_us = o.busy_poll;
  c.tx_retries = o.tx_retry;
  c.idle = o.idle;
  c.wait_carrier = std::chrono::seconds(0);
  return c;
}

}  // namespace ringway::app
