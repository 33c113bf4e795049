// SPDX-License-Identifier: BSD-2-Clause
#include "probe_path.hpp"

#include <cerrno>
#include <ringway/error.hpp>

namespace ringway::lb_app {

struct probe_path::state {};

probe_path::probe_path(const lb_store&, const std::vector<interface>&) {
  throw error(ENOTSUP,
              "check the health of reals (leave [vip.check] out: probes cannot be sent through tunnels yet)");
}

probe_path::~probe_path() = default;

std::uint32_t probe_path::mark_of(std::uint32_t) const noexcept { return 0; }

}  // namespace ringway::lb_app
