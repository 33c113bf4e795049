// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <string>
#include <vector>

namespace ringway {

inline constexpr const char* netns_folder = "/run/netns";  // iproute2's; /var/run is a link to it

/// Namespaces that have a name.
std::vector<std::string> netns_names();

}  // namespace ringway
