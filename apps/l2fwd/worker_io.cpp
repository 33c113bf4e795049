// SPDX-License-Identifier: BSD-2-Clause
#include "worker.hpp"

template std::unique_ptr<ringway::forwarder_base> ringway::l2fwd::make_forwarder<RW_L2_IO>(
    const forwarder_config&, std::uint32_t, const std::vector<rw_l2>&);
