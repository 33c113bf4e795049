// SPDX-License-Identifier: BSD-2-Clause
// What a namespace's routes say about one address.
#pragma once
#include <optional>
#include <ringway/interface.hpp>
#include <ringway/lb_config.hpp>
#include <string>

namespace ringway {

/// The kernel's own address that it would send from to `to` through that interface. None: there is no such
/// route, or no such address. Throws ringway::error where the namespace cannot be entered.
std::optional<ip_address> source_address(const interface& through, const ip_address& to);

/// Why the kernel would drop an IPv4 packet from `source` that comes in at that interface: its reverse path
/// filter, with the setting that would let it pass. Empty: it would not.
std::string reverse_path_fault(const interface& in, const ip_address& source);

}  // namespace ringway
