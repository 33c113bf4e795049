// SPDX-License-Identifier: BSD-2-Clause
// The configuration as TOML. Top-level keys are the options that all forwarders share; tables are the
// balancer's.
#pragma once
#include <string>

#include "model.hpp"

namespace ringway::lb_app {

/// Throws usage_error with file, line and key. Looks at nothing but the file.
configuration read_configuration(const std::string& path);
configuration parse_configuration(const std::string& text, const std::string& name);
/// What no host on a link answers to ("a multicast address"); null: it may.
const char* unusable(const ip_address& address);
/// A file that parse_configuration() takes.
std::string print_configuration(const configuration& c);

}  // namespace ringway::lb_app
