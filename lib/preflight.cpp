// SPDX-License-Identifier: BSD-2-Clause
// Why each of these loses frames is measured in docs/troubleshooting.md's terms: ping works, TCP hangs; VLAN
// tags vanish; every redirect is counted as forwarded and none arrives.
#include <algorithm>
#include <ringway/error.hpp>
#include <ringway/log.hpp>
#include <ringway/preflight.hpp>

#include "xdp_features.hpp"

namespace ringway {
namespace {

std::string command(const interface& where, const std::string& text) {
  return where.ns().command_prefix() + text;
}

// The interfaces of the two for which `flag` is set, as "x" or "x and y", and the commands that change it.
struct affected {
  std::string names, commands;
};
affected find(const std::vector<const interface*>& ends, std::optional<bool> interface::offloads::*flag,
              bool bad, const char* remedy) {
  affected a;
  for (const interface* end : ends) {
    if (end->features().*flag != bad) continue;
    a.names += (a.names.empty() ? "" : " and ") + end->name();
    a.commands += (a.commands.empty() ? "" : "; ") +
                  command(*end, fmt::format("ethtool -K {} {}", end->ifname(), remedy));
  }
  return a;
}

bool has_program(const interface& where) {
  try {
    return program_on(where).has_value();
  } catch (const error& e) {
    log(log_level::debug, "{}", e.what());
    return false;
  }
}

// Native redirects to a veth need NAPI at its peer: GRO, or a program. In generic mode frames are sent as
// skbs.
void check_redirects(const interface& port, const std::optional<interface>& peer,
                     std::vector<std::string>& warnings) {
  // Asked of our end where the kernel can say: GRO at the peer alone does not tell (xdp_features.hpp). A port
  // that is down has not looked at its peer yet.
  std::optional<bool> accepts = port.up() ? accepts_redirects(port) : std::nullopt;
  if (!accepts && peer) accepts = peer->features().gro != false || has_program(*peer);
  if (accepts.value_or(true)) return;
  std::string mend = "turn GRO on there: ethtool -K PEER gro on";
  if (peer) {
    mend = peer->up() ? "" : command(*peer, fmt::format("ip link set {} up", peer->ifname())) + "; ";
    if (peer->features().gro == true)  // on, but turned on when the kernel did not look: once more
      mend += command(*peer, fmt::format("ethtool -K {} gro off", peer->ifname())) + "; ";
    mend += command(*peer, fmt::format("ethtool -K {} gro on", peer->ifname()));
  }
  warnings.push_back(fmt::format(
      "{}: every frame redirected to it is refused (tx_refused): its peer{} has neither an XDP program nor "
      "GRO that the kernel has taken note of. Mend: {}",
      port.name(), peer ? " " + peer->name() : "", mend));
}

// XDP_TX on veth puts frames into the peer's ring, and wakes the peer only if that has a program (S:
// veth_xdp_flush; seen on 6.18: of 100 frames none arrived and none was counted as lost).
void check_reflection(const interface& port, const std::optional<interface>& peer,
                      std::vector<std::string>& warnings) {
  if (peer && has_program(*peer)) return;
  warnings.push_back(
      fmt::format("{}: it sends frames back by XDP_TX, which its veth peer{} does not see without an XDP "
                  "program of its own: they stay in a ring, uncounted. Mend: use --datapath afxdp, or "
                  "put any XDP program on the peer",
                  port.name(), peer ? " " + peer->name() : ""));
}

void check_veth(const interface& port, const preflight_config& config, bool reflects,
                std::vector<std::string>& warnings) {
  const std::optional<interface> peer = port.peer();
  std::vector<const interface*> ends{&port};
  if (peer) ends.push_back(&*peer);

  if (const affected a = find(ends, &interface::offloads::tx_checksum, true, "tx off"); !a.names.empty()) {
    warnings.push_back(
        fmt::format("{}: tx-checksumming is on at {}: what the kernel sends there has no complete checksum "
                    "and is forwarded so (ping works, TCP hangs). Mend: {}",
                    port.name(), a.names, a.commands));
  }
  if (const affected a = find(ends, &interface::offloads::tx_vlan, true, "txvlan off"); !a.names.empty()) {
    warnings.push_back(
        fmt::format("{}: tx-vlan-offload is on at {}: VLAN tags that the kernel pushes there are lost, and "
                    "frames leave their VLAN untagged. Mend: {}",
                    port.name(), a.names, a.commands));
  }
  const bool native = config.way == datapath::xdp && config.attach != attach_mode::generic;
  if (native && !reflects) check_redirects(port, peer, warnings);
  if (native && reflects) check_reflection(port, peer, warnings);
  if (!peer) {
    warnings.push_back(
        fmt::format("{}: its veth peer is in a namespace that cannot be found from here, so its offloads are "
                    "unknown. If ping works and TCP hangs, or VLAN tags vanish, run there: ethtool -K PEER "
                    "tx off txvlan off",
                    port.name()));
  }
}

// A NIC hides from XDP what it takes off a frame or glues together.
void check_nic(const interface& port, std::vector<std::string>& warnings) {
  const std::vector<const interface*> self{&port};
  if (const affected a = find(self, &interface::offloads::rx_vlan, true, "rxvlan off"); !a.names.empty()) {
    warnings.push_back(
        fmt::format("{}: rx-vlan-offload is on: the NIC takes VLAN tags off before XDP sees the frame, which "
                    "is forwarded untagged. Mend: {}",
                    port.name(), a.commands));
  }
  if (const affected a = find(self, &interface::offloads::lro, true, "lro off"); !a.names.empty()) {
    warnings.push_back(
        fmt::format("{}: large-receive-offload is on: the NIC merges packets into larger ones that cannot be "
                    "forwarded. Mend: {}",
                    port.name(), a.commands));
  }
}

void check_addresses(const interface& port, std::vector<std::string>& warnings) {
  std::string list, commands;
  for (const std::string& address : port.addresses()) {
    if (address.starts_with("fe80:")) continue;  // every interface with IPv6 has one
    list += (list.empty() ? "" : ", ") + address;
    commands += (commands.empty() ? "" : "; ") +
                command(port, fmt::format("ip address del {} dev {}", address, port.ifname()));
  }
  if (!list.empty()) {
    warnings.push_back(
        fmt::format("{}: has the address {}: what is sent to it is forwarded like everything else and does "
                    "not reach this host. Mend: take another port, or {}",
                    port.name(), list, commands));
  }
}

}  // namespace

std::vector<std::string> preflight(const std::vector<interface>& ports, const preflight_config& config) {
  std::vector<std::string> warnings;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const bool reflects =
        std::find(config.reflecting.begin(), config.reflecting.end(), i) != config.reflecting.end();
    if (ports[i].is_veth())
      check_veth(ports[i], config, reflects, warnings);
    else
      check_nic(ports[i], warnings);
    if (config.takes_all) check_addresses(ports[i], warnings);
  }
  return warnings;
}

void refuse_default_route(const std::vector<interface>& ports) {
  for (const interface& port : ports) {
    if (!port.carries_default_route()) continue;
    throw error(EBUSY,
                "take {}: it carries the default route, by which you may have reached this machine; --force "
                "takes it all the same",
                port.name());
  }
}

}  // namespace ringway
