// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <memory>
#include <ringway/interface.hpp>
#include <vector>

#include "../common/forwarding.hpp"
#include "options.hpp"

namespace ringway::l2fwd {

/// The datapath that the options ask for, set up, its programs not attached yet. Throws ringway::error.
std::unique_ptr<app::forwarding> open_datapath(const options& o, const std::vector<interface>& ports);

/// bpf/l2fwd.bpf.c, once for each port, over common maps.
app::loaded_programs load_programs(const options& o, const std::vector<interface>& ports,
                                   const std::vector<rw_l2>& rules);

}  // namespace ringway::l2fwd
