// SPDX-License-Identifier: BSD-2-Clause
#include <ringway/error.hpp>
#include <ringway/umem.hpp>

namespace ringway {
namespace {

const umem_config& checked(const umem_config& c) {
  if (c.frame_size != 2048 && c.frame_size != 4096)
    throw usage_error("frame size {}: it must be 2048 or 4096 bytes", c.frame_size);
  if (c.frames == 0) throw usage_error("packet memory of 0 frames");
  if (c.headroom > c.frame_size / 4)
    throw usage_error("headroom {} leaves too little of a frame of {} bytes", c.headroom, c.frame_size);
  return c;
}

}  // namespace

umem::umem(const umem_config& config)
    : config_(checked(config)),
      memory_("ringway-umem", std::size_t{config.frames} * config.frame_size, config.pages) {}

umem::~umem() { unpoison_frame(base(), bytes()); }  // the mapping may come back to somebody else

}  // namespace ringway
