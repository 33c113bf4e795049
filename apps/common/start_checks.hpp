// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <ringway/interface.hpp>
#include <string>
#include <vector>

#include "forwarder_options.hpp"

namespace ringway::app {

/// Finds the ports, and refuses them before anything is opened: those that have a program already
/// (--replace), and, where the application takes all that arrives there, those that would cut the user off
/// (--force). Throws ringway::error.
std::vector<interface> find_ports(const forwarder_options& o, bool takes_all);

/// What is set up such that packets would be lost or forwarded wrongly: one line each, with what mends it.
/// `reflecting`: positions of the ports that send back what they receive.
std::vector<std::string> warnings_of(const std::vector<interface>& ports, const forwarder_options& o,
                                     const std::vector<std::size_t>& reflecting, bool takes_all);

/// The line for queues of a port that nobody serves; empty: all are served.
std::string unserved_warning(const interface& port, const std::vector<std::uint32_t>& served);

}  // namespace ringway::app
