// SPDX-License-Identifier: BSD-2-Clause
#include "ethtool.hpp"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <ringway/unique_fd.hpp>

namespace ringway {
namespace {

// One SIOCETHTOOL; false where interface, driver or kernel does not know it.
bool ask(const std::string& ifname, void* command) {
  unique_fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  ifname.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = static_cast<char*>(command);
  return socket && ::ioctl(socket.value(), SIOCETHTOOL, &request) == 0;
}

std::optional<std::uint32_t> value(const std::string& ifname, std::uint32_t command) {
  ethtool_value v{};
  v.cmd = command;
  return ask(ifname, &v) ? std::optional<std::uint32_t>(v.data) : std::nullopt;
}

std::optional<bool> flag(std::optional<std::uint32_t> word, std::uint32_t mask = ~0U) {
  return word ? std::optional<bool>((*word & mask) != 0) : std::nullopt;
}

std::string first_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// The hardware address in sysfs's spelling, from the namespace that the thread is in.
std::string hardware_address(const std::string& ifname) {
  unique_fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  ifname.copy(request.ifr_name, IFNAMSIZ - 1);
  if (!socket || ::ioctl(socket.value(), SIOCGIFHWADDR, &request) != 0) return "";
  std::string text;
  for (int i = 0; i < 6; ++i) {
    char byte[4];
    std::snprintf(byte, sizeof byte, i == 0 ? "%02x" : ":%02x",
                  static_cast<unsigned char>(request.ifr_hwaddr.sa_data[i]));
    text += byte;
  }
  return text;
}

}  // namespace

std::optional<channel_counts> ethtool_channels(const std::string& ifname) {
  ::ethtool_channels c{};
  c.cmd = ETHTOOL_GCHANNELS;
  if (!ask(ifname, &c)) return std::nullopt;
  const channel_counts n{c.rx_count + c.combined_count, c.tx_count + c.combined_count};
  return n.rx != 0 && n.tx != 0 ? std::optional(n) : std::nullopt;  // some drivers answer with zeros
}

std::string ethtool_driver(const std::string& ifname) {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  if (!ask(ifname, &info) || info.driver[0] == '\0') return "unknown";
  return {info.driver, ::strnlen(info.driver, sizeof info.driver)};
}

interface::offloads ethtool_offloads(const std::string& ifname) {
  const auto flags = value(ifname, ETHTOOL_GFLAGS);
  return {.tx_checksum = flag(value(ifname, ETHTOOL_GTXCSUM)),
          .tx_vlan = flag(flags, ETH_FLAG_TXVLAN),
          .rx_vlan = flag(flags, ETH_FLAG_RXVLAN),
          .gro = flag(value(ifname, ETHTOOL_GGRO)),
          .tso = flag(value(ifname, ETHTOOL_GTSO)),
          .lro = flag(flags, ETH_FLAG_LRO)};
}

unsigned sysfs_queues(const std::string& ifname, unsigned index, const char* prefix) {
  const std::filesystem::path device = std::filesystem::path("/sys/class/net") / ifname;
  if (first_line(device / "ifindex") != std::to_string(index)) return 0;
  if (first_line(device / "address") != hardware_address(ifname)) return 0;
  unsigned n = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(device / "queues", ignored))
    n += entry.path().filename().string().starts_with(prefix) ? 1 : 0;
  return n;
}

}  // namespace ringway
