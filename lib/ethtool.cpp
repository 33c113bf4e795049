// SPDX-License-Identifier: BSD-2-Clause
#include "ethtool.hpp"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ringway/unique_fd.hpp>
#include <string_view>
#include <vector>

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

std::optional<std::uint64_t> ethtool_statistics(const std::string& ifname, const std::string& prefix,
                                                const std::string& suffix) {
  // ethtool's structs end in arrays whose length the driver knows: each is laid into memory of the right
  // size.
  std::array<std::uint64_t, sizeof(ethtool_sset_info) / 8 + 1> set{};
  auto* head = reinterpret_cast<ethtool_sset_info*>(set.data());
  head->cmd = ETHTOOL_GSSET_INFO;
  head->sset_mask = 1ULL << ETH_SS_STATS;
  if (!ask(ifname, head) || head->sset_mask == 0) return std::nullopt;
  const std::uint32_t count = head->data[0];

  std::vector<std::uint64_t> names((sizeof(ethtool_gstrings) + std::size_t{count} * ETH_GSTRING_LEN) / 8 + 1);
  auto* strings = reinterpret_cast<ethtool_gstrings*>(names.data());
  strings->cmd = ETHTOOL_GSTRINGS;
  strings->string_set = ETH_SS_STATS;
  strings->len = count;
  std::vector<std::uint64_t> values(sizeof(ethtool_stats) / 8 + count);
  auto* stats = reinterpret_cast<ethtool_stats*>(values.data());
  stats->cmd = ETHTOOL_GSTATS;
  stats->n_stats = count;
  if (!ask(ifname, strings) || !ask(ifname, stats)) return std::nullopt;

  std::optional<std::uint64_t> sum;
  for (std::uint32_t i = 0; i < std::min({count, strings->len, stats->n_stats}); ++i) {
    const char* at = reinterpret_cast<const char*>(strings->data) + std::size_t{i} * ETH_GSTRING_LEN;
    const std::string_view name(at, ::strnlen(at, ETH_GSTRING_LEN));
    if (name.starts_with(prefix) && name.ends_with(suffix)) sum = sum.value_or(0) + stats->data[i];
  }
  return sum;
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
