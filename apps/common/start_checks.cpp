// SPDX-License-Identifier: BSD-2-Clause
#include "start_checks.hpp"

#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <ringway/error.hpp>
#include <ringway/netns.hpp>
#include <ringway/program.hpp>
#include <thread>

namespace ringway::app {
namespace {

/// "2", or "2-3,5".
std::string ranges_text(const std::vector<std::uint32_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[i]);
    if (last > i) text += fmt::format("-{}", numbers[last]);
    i = last;
  }
  return text;
}

// What preferred busy polling needs of a device, and cannot set for itself.
struct napi_settings {
  std::optional<long> defer_hard_irqs, gro_flush_timeout;  // none: not readable
};

std::optional<long> read_number(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  long value = 0;
  if (!file || std::fscanf(file.get(), "%ld", &value) != 1) return std::nullopt;
  return value;
}

/// /sys shows the devices of the namespace in which it was mounted, so for a port elsewhere it is mounted
/// anew, seen by this thread only.
bool enter_with_sys(const netns& where) noexcept {
  if (where == netns::current()) return true;
  return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::setns(where.fd(), CLONE_NEWNET) == 0 && ::mount("sysfs", "/sys", "sysfs", 0, nullptr) == 0;
}

napi_settings napi_of(const interface& port) {
  napi_settings found;
  std::thread([&] {
    try {
      if (!enter_with_sys(port.ns())) return;
      const std::string folder = "/sys/class/net/" + port.ifname();
      found = {read_number(folder + "/napi_defer_hard_irqs"), read_number(folder + "/gro_flush_timeout")};
    } catch (const std::exception&) {  // not readable
    }
  }).join();
  return found;
}

std::string busy_poll_warning(const interface& port) {
  const napi_settings napi = napi_of(port);
  std::string missing, commands;
  const auto need = [&](const char* name, const std::optional<long>& value, long wanted) {
    if (value && *value > 0) return;
    missing += fmt::format("{}{} is {}", missing.empty() ? "" : " and ", name,
                           value ? std::to_string(*value) : std::string("unknown"));
    commands += fmt::format("{}echo {} > /sys/class/net/{}/{}", commands.empty() ? "" : "; ", wanted,
                            port.ifname(), name);
  };
  need("napi_defer_hard_irqs", napi.defer_hard_irqs, 2);
  need("gro_flush_timeout", napi.gro_flush_timeout, 200'000);
  if (missing.empty()) return {};
  const std::string prefix = port.ns().command_prefix();
  const std::string line = prefix.empty() ? commands : fmt::format("{}sh -c '{}'", prefix, commands);
  return fmt::format("{}: --busy-poll: {}, so interrupts go on polling beside us. Mend: {}", port.name(),
                     missing, line);
}

/// A program goes a moment after the process that held it.
constexpr std::chrono::milliseconds leaving{200};

void refuse_taken(const interface& port) {
  const auto deadline = std::chrono::steady_clock::now() + leaving;
  for (auto there = program_on(port); there; there = program_on(port)) {
    if (std::chrono::steady_clock::now() >= deadline)
      throw error(EBUSY, "take {}: the XDP program {} is there already; --replace removes it", port.name(),
                  there->text());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace

std::vector<interface> find_ports(const forwarder_options& o, bool takes_all) {
  std::vector<interface> ports;
  for (const std::string& name : o.ports) {
    interface port(name);
    if (std::find(ports.begin(), ports.end(), port) != ports.end())
      throw error(EEXIST, "take {}: it is among the ports under another name", name);
    ports.push_back(std::move(port));
  }
  if (takes_all && !o.force) refuse_default_route(ports);
  if (!o.replace)
    for (const interface& port : ports) refuse_taken(port);
  return ports;
}

std::string unserved_warning(const interface& port, const std::vector<std::uint32_t>& served) {
  std::vector<std::uint32_t> left;
  for (std::uint32_t q = 0; q < port.rx_queues(); ++q)
    if (std::find(served.begin(), served.end(), q) == served.end()) left.push_back(q);
  if (left.empty()) return {};
  std::string mend = "--queues all";
  const std::string ethtool = port.ns().command_prefix() + "ethtool";
  const auto count = static_cast<std::uint32_t>(served.size());
  const bool in_a_row = served.back() - served.front() + 1 == count;
  if (port.is_veth() && in_a_row && served.front() == 0)
    mend += fmt::format(", or {} -L {} rx {}", ethtool, port.ifname(), count);
  else if (!port.is_veth() && in_a_row)
    mend += fmt::format(", or {} -X {}{} equal {}", ethtool, port.ifname(),
                        served.front() == 0 ? "" : fmt::format(" start {}", served.front()), count);
  return fmt::format(
      "{}: of {} RX queues, {} {} not served: what comes there goes to the kernel's stack "
      "(unserved_queue). Mend: {}",
      port.name(), port.rx_queues(), ranges_text(left), left.size() == 1 ? "is" : "are", mend);
}

std::vector<std::string> warnings_of(const std::vector<interface>& ports, const forwarder_options& o,
                                     const std::vector<std::size_t>& reflecting, bool takes_all) {
  std::vector<std::string> warnings =
      preflight(ports, {.way = o.way, .attach = o.attach, .reflecting = reflecting, .takes_all = takes_all});
  if (o.way != datapath::afxdp) return warnings;
  const queue_selection queues(o.queues);
  for (const interface& port : ports) {
    if (std::string line = unserved_warning(port, queues.on(port)); !line.empty())
      warnings.push_back(std::move(line));
    if (o.busy_poll == 0) continue;
    if (std::string line = busy_poll_warning(port); !line.empty()) warnings.push_back(std::move(line));
  }
  return warnings;
}

}  // namespace ringway::app
