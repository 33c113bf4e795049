// SPDX-License-Identifier: BSD-2-Clause
#include "forwarding.hpp"

#include <cerrno>
#include <optional>
#include <ringway/error.hpp>
#include <ringway/link_watch.hpp>
#include <ringway/log.hpp>

namespace ringway::app {
namespace {

class afxdp_forwarding final : public forwarding {
 public:
  explicit afxdp_forwarding(std::unique_ptr<forwarder_base> workers) : workers_(std::move(workers)) {}

  void start() override { workers_->start(); }
  void watch(std::chrono::milliseconds timeout) override { workers_->watch(timeout); }
  void stop() noexcept override { workers_->stop(); }
  forwarder_stats stats() const override { return workers_->stats(); }
  std::string note() const override { return {}; }

  std::vector<std::string> reasons() const override {
    std::vector<std::string> names;
    for (std::uint32_t slot = 0; slot < RW_REASON_SLOTS; ++slot)
      names.emplace_back(workers_->reason_name(slot));
    return names;
  }

 private:
  std::unique_ptr<forwarder_base> workers_;
};

std::vector<interface> ports_of(const xdp_datapath_config& config) {
  std::vector<interface> ports;
  for (const xdp_port& p : config.ports) ports.push_back(p.where);
  return ports;
}

class xdp_forwarding final : public forwarding {
 public:
  explicit xdp_forwarding(loaded_programs programs)
      : programs_(std::move(programs)), ports_(ports_of(programs_.config)), links_(ports_) {
    for (const interface& p : ports_) {
      auto& queues = queues_.emplace_back();
      for (std::uint32_t q = 0; q < p.rx_queues(); ++q) queues.push_back(q);
    }
  }

  void start() override {
    datapath_.emplace(programs_.config);
    started_ = std::chrono::steady_clock::now();
  }
  void watch(std::chrono::milliseconds timeout) override;
  void stop() noexcept override {
    if (!datapath_ || stopped_) return;
    datapath_->detach();
    ended_ = std::chrono::steady_clock::now();
    stopped_ = true;
  }
  forwarder_stats stats() const override;
  std::string note() const override { return datapath_ ? datapath_->note() : std::string(); }

  std::vector<std::string> reasons() const override {
    std::vector<std::string> names;
    for (std::uint32_t reason = 0; const char* name = library_reason_name(reason); ++reason)
      names.emplace_back(name);
    return names;
  }

 private:
  loaded_programs programs_;
  std::vector<interface> ports_;
  std::vector<std::vector<std::uint32_t>> queues_;
  link_watch links_;
  std::optional<xdp_datapath> datapath_;  // goes before what it uses
  std::chrono::steady_clock::time_point started_{}, ended_{};
  bool stopped_ = false;
};

void xdp_forwarding::watch(std::chrono::milliseconds timeout) {
  for (const link_event& e : links_.wait(timeout)) {
    const std::string& name = ports_[e.port].name();
    if (e.what == link_change::deleted || e.what == link_change::moved)
      throw error(ENODEV, "forward on {}: the interface was {}", name, to_string(e.what));
    log(log_level::info, "{}: {}", name, to_string(e.what));
  }
}

forwarder_stats xdp_forwarding::stats() const {
  forwarder_stats out;
  if (!datapath_) return out;
  out.elapsed = (stopped_ ? ended_ : std::chrono::steady_clock::now()) - started_;
  const std::vector<port_stats> counted = datapath_->snapshot();
  for (std::size_t i = 0; i < ports_.size(); ++i)
    out.ports.push_back({.name = ports_[i].name(),
                         .queues = queues_[i],
                         .zero_copy = false,
                         .attach = datapath_->modes()[i],
                         .stats = counted[i]});
  return out;
}

}  // namespace

std::unique_ptr<forwarding> over_afxdp(std::unique_ptr<forwarder_base> workers) {
  return std::make_unique<afxdp_forwarding>(std::move(workers));
}

std::unique_ptr<forwarding> in_kernel(loaded_programs programs) {
  return std::make_unique<xdp_forwarding>(std::move(programs));
}

}  // namespace ringway::app
