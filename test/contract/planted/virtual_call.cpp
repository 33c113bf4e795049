// SPDX-License-Identifier: BSD-2-Clause
// A virtual call for each packet.
#include "loop.hpp"

namespace planted {

struct policy {
  virtual ~policy() = default;
  virtual std::uint16_t port(const packet& p) noexcept = 0;
};

struct dispatcher {
  void process(packet& p) noexcept { p.out = policy_->port(p); }
  policy* policy_;
};

template class loop<dispatcher>;

}  // namespace planted
