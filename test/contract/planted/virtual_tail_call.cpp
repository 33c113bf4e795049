// SPDX-License-Identifier: BSD-2-Clause
// A virtual call in tail position, which is a jump and no call, next to a table of numbers.
#include "loop.hpp"

namespace planted {

struct policy {
  virtual ~policy() = default;
  virtual void decide(packet& p, double weight) noexcept = 0;
};

struct dispatcher {
  void process(packet& p) noexcept { decide(p); }
  [[gnu::noinline]] void decide(packet& p) noexcept { policy_->decide(p, 0.3); }
  policy* policy_;
};

template class loop<dispatcher>;

}  // namespace planted
