// SPDX-License-Identifier: BSD-2-Clause
// Whether the tables fit into this machine.
#pragma once
#include <cstdint>
#include <ringway/lb_store.hpp>

namespace ringway::lb_app {

/// What can be had without swapping, bytes (proc_meminfo(5), MemAvailable); 2^64 - 1 where the kernel does
/// not say.
std::uint64_t available_memory();

/// The capacity, if its tables fit into so many bytes. Else throws ringway::error, ENOMEM: asked for more,
/// the kernel gives what there is and then ends processes.
const lb_capacity& that_fits(const lb_capacity& capacity, std::uint64_t available);

}  // namespace ringway::lb_app
