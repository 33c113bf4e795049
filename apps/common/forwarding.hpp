// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <ringway/forwarder.hpp>
#include <ringway/xdp_datapath.hpp>
#include <string>
#include <vector>

namespace ringway::app {

/// A datapath that is set up: what the run loop needs of it, whichever it is. For one control thread.
class forwarding {
 public:
  virtual ~forwarding() = default;

  /// The programs are on the ports.
  virtual void start() = 0;
  /// Sleeps for `timeout` or until something happens to a port. Throws ringway::error once one is gone.
  virtual void watch(std::chrono::milliseconds timeout) = 0;
  /// The programs are off, and the counters come to rest. Idempotent.
  virtual void stop() noexcept = 0;
  virtual forwarder_stats stats() const = 0;
  /// The name of each slot of port_stats::drops; empty: not in use.
  virtual std::vector<std::string> reasons() const = 0;
  /// What limits the numbers of stats(); empty: nothing.
  virtual std::string note() const = 0;
  /// What there is to say of it before `ready`, beside its ports.
  virtual std::vector<std::string> lines() const { return {}; }
};

/// In userspace: workers over AF_XDP sockets. Their loop is include/ringway/worker.hpp, turn().
std::unique_ptr<forwarding> over_afxdp(std::unique_ptr<forwarder_base> workers);

/// In the kernel. `program` gives the loaded program of each port, made when it is asked for; `owner` keeps
/// programs and maps.
struct loaded_programs {
  xdp_datapath_config config;
  std::shared_ptr<void> owner;
};
std::unique_ptr<forwarding> in_kernel(loaded_programs programs);

}  // namespace ringway::app
