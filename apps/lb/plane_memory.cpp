// SPDX-License-Identifier: BSD-2-Clause
#include "plane_memory.hpp"

#include <cerrno>
#include <fstream>
#include <limits>
#include <ringway/error.hpp>
#include <string>

namespace ringway::lb_app {

std::uint64_t available_memory() {
  std::ifstream in("/proc/meminfo");
  std::string key;
  for (std::uint64_t kib = 0; in >> key >> kib; in.ignore(std::numeric_limits<std::streamsize>::max(), '\n'))
    if (key == "MemAvailable:") return kib * 1024;
  return std::numeric_limits<std::uint64_t>::max();
}

const lb_capacity& that_fits(const lb_capacity& capacity, std::uint64_t available) {
  const std::uint64_t wanted = lb_store::bytes_for(capacity);
  if (wanted <= available) return capacity;
  throw error(
      ENOMEM,
      "make tables of {} MiB for {} VIPs, {} rings, {} reals, {} connections where {} MiB are available "
      "(say less in [capacity])",
      wanted >> 20, capacity.vips, capacity.rings, capacity.reals, capacity.connections, available >> 20);
}

}  // namespace ringway::lb_app
