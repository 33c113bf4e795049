// SPDX-License-Identifier: BSD-2-Clause
// The balancer's packets: programs and, over AF_XDP, workers, all on the tables of one store.
#pragma once
#include <memory>
#include <ringway/interface.hpp>
#include <ringway/lb_store.hpp>
#include <vector>

#include "../common/forwarding.hpp"
#include "options.hpp"

namespace ringway::lb_app {

class packet_path : public app::forwarding {
 public:
  /// Returns when no worker holds what it read from the tables before. Programs are the store's to wait for.
  virtual void wait_for_workers() const = 0;
  /// Reasons and events, of all CPUs or workers. Gates are without meaning.
  virtual rw_lb_local counted() const = 0;
  /// VIPs, then elements of `reals`, as lb_store::traffic().
  virtual std::vector<rw_lb_traffic> traffic() const = 0;
};

/// Set up, not attached. `store` has to outlive it. Throws ringway::error or usage_error.
std::unique_ptr<packet_path> open_in_kernel(const options& o, const std::vector<interface>& ports,
                                            const lb_store& store, const rw_hash_key& flow_key);
std::unique_ptr<packet_path> open_over_afxdp(const options& o, const lb_store& store,
                                             const rw_hash_key& flow_key);

}  // namespace ringway::lb_app
