// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstddef>
#include <ringway/interface.hpp>
#include <ringway/program.hpp>
#include <string>
#include <vector>

namespace ringway {

/// Where packets are processed: in userspace, or in the driver's XDP hook.
enum class datapath { afxdp, xdp };

struct preflight_config {
  datapath way = datapath::afxdp;
  attach_mode attach = attach_mode::automatic;
  std::vector<std::size_t> reflecting;  ///< positions of the ports that send back what they receive
  bool takes_all = true;  ///< false: leaves to the kernel what is sent to the ports' own addresses
};

/// What is set up such that forwarding would lose something, while ping works and every counter says
/// "forwarded": one line for each cause and port, with the command that mends it. Looks at the ports and at
/// their veth peers in reach; changes nothing. A peer out of reach is a warning that names the symptom.
std::vector<std::string> preflight(const std::vector<interface>& ports, const preflight_config& config);
inline std::vector<std::string> preflight(const std::vector<interface>& ports, datapath way,
                                          attach_mode attach = attach_mode::automatic) {
  return preflight(ports, {.way = way, .attach = attach, .reflecting = {}, .takes_all = true});
}

/// Throws ringway::error for a port that carries the default route: it is how the user reached this machine,
/// and with every frame forwarded elsewhere nobody will again. --force skips this.
void refuse_default_route(const std::vector<interface>& ports);

}  // namespace ringway
