// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <linux/bpf.h>
#include <unistd.h>

#include <ringway/interface.hpp>

#ifndef BPF_F_XDP_HAS_FRAGS
#define BPF_F_XDP_HAS_FRAGS (1U << 5)
#endif

namespace ringway::app {

/// Beyond this a frame does not fit a page with XDP's headroom (256) and the end of an skb (320 bytes):
/// drivers then take only programs that know fragments.
inline bool needs_fragments(const interface& port) {
  constexpr unsigned ethernet_and_tags = 14 + 8, headroom = 256, skb_end = 320;
  return port.mtu() + ethernet_and_tags + headroom + skb_end > static_cast<unsigned>(::sysconf(_SC_PAGESIZE));
}

}  // namespace ringway::app
