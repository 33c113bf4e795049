// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <ringway/interface.hpp>
#include <ringway/program.hpp>
#include <string>
#include <vector>

namespace ringway {

/// Where packets are processed: in userspace, or in the driver's XDP hook.
enum class datapath { afxdp, xdp };

/// What is set up such that forwarding would lose something, while ping works and every counter says
/// "forwarded": one line for each cause and port, with the command that mends it. Looks at the ports and at
/// their veth peers in reach; changes nothing. A peer out of reach is a warning that names the symptom.
std::vector<std::string> preflight(const std::vector<interface>& ports, datapath way,
                                   attach_mode attach = attach_mode::automatic);

/// Throws ringway::error for a port that carries the default route: it is how the user reached this machine,
/// and with every frame forwarded elsewhere nobody will again. --force skips this.
void refuse_default_route(const std::vector<interface>& ports);

}  // namespace ringway
