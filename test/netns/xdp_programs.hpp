// SPDX-License-Identifier: BSD-2-Clause
// XDP programs for tests: one that does nothing, and the forwarder's own, loaded for a set of ports.
#pragma once
#include <ringway/core/l2.h>

#include <memory>
#include <ringway/unique_fd.hpp>
#include <ringway/xdp_datapath.hpp>
#include <string>
#include <vector>

#include "l2fwd.skel.h"  // needs core/l2.h before it

namespace ringway::test {

/// A program that passes every packet; the kernel knows it under `name`.
unique_fd load_pass(const std::string& name);
std::uint32_t program_id(int fd);

/// bpf/l2fwd.bpf.c for each port, with shared maps, in mode `io`.
class l2fwd_programs {
 public:
  struct way {
    interface from;
    unsigned to;  // position of the egress port
  };
  explicit l2fwd_programs(const std::vector<way>& ports);
  const xdp_datapath_config& config() const noexcept { return config_; }

 private:
  struct closer {
    void operator()(l2fwd* s) const noexcept { l2fwd::destroy(s); }
  };
  std::vector<std::unique_ptr<l2fwd, closer>> loaded_;
  xdp_datapath_config config_;
};

}  // namespace ringway::test
