// SPDX-License-Identifier: BSD-2-Clause
// A balancer that runs: its tables, its packets, and all that tells the tables what to do. One thread, that
// of the run loop; it stays in the namespace of the ports as long as this lives.
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ringway/announcer.hpp>
#include <ringway/link_watch.hpp>
#include <ringway/netns.hpp>
#include <ringway/next_hops.hpp>
#include <set>
#include <string>
#include <vector>

#include "../common/courtesy.hpp"
#include "../common/refusal_alarm.hpp"
#include "control_socket.hpp"
#include "datapath.hpp"
#include "event_loop.hpp"
#include "health.hpp"
#include "options.hpp"
#include "plane.hpp"
#include "probe_path.hpp"
#include "service_machine.hpp"
#include "service_traffic.hpp"
#include "verbs.hpp"

namespace ringway::lb_app {

class service final : public app::forwarding {
 public:
  /// `again`: reads the file once more; throws usage_error. Throws usage_error for tables that are refused,
  /// ringway::error where the machine does.
  /// `shared`: the options that all forwarders have, as a file.
  service(const app::identity& who, const options& o, const std::vector<interface>& ports,
          std::function<configuration()> again, std::string shared);
  ~service() override;

  void start() override;
  void watch(std::chrono::milliseconds timeout) override;
  void stop() noexcept override;
  forwarder_stats stats() const override { return path_->stats(); }
  std::vector<std::string> reasons() const override { return path_->reasons(); }
  std::string note() const override { return path_->note(); }
  std::vector<std::string> lines() const override;

  /// Puts the file in force as it is now. Throws usage_error, with the old one in force.
  lb_change reload(bool discard);

 private:
  using clock = event_loop::clock;

  void wait_for_readers() const;
  verb_context context();
  std::string report() const;
  void every_second();
  void look();           // at the machine
  void links_changed();  // carrier
  std::vector<std::string> alarms() const;
  void look_for_refusals();
  void say_alarms();
  void after_change();
  void announce(bool all);
  void settle_in_time();
  void settle();
  app::courtesy* manners() { return courtesy_ ? &*courtesy_ : nullptr; }
  void wait_for_neighbours();
  // service_reals.cpp: where reals are, and how they are
  void want_neighbours();
  void hear_of_neighbours();
  void want_checks();
  probe_way way_to(const check_target& target);
  void hear_of_health(const check_target& target, bool up, const std::string& why);

  const app::identity who_;
  const options& options_;
  const std::vector<interface> ports_;
  const std::function<configuration()> again_;
  const std::string shared_;
  const rw_hash_key flow_key_;
  const netns_scope inside_;
  lb_store store_;
  std::unique_ptr<packet_path> path_;  // null while the tables are filled for the first time
  machine machine_;
  control_plane plane_;
  traffic_ledger ledger_;
  std::optional<app::courtesy> courtesy_;  // where the worker's CPU is this thread's too
  event_loop loop_;
  link_watch links_;
  announcer announcer_;
  std::unique_ptr<next_hops> hops_;
  std::unique_ptr<probe_path> probes_;  // once anything is checked
  std::unique_ptr<health_checks> health_;
  verb_context verbs_;
  std::unique_ptr<control_socket> socket_;
  std::set<ip_address> announced_;
  app::refusal_alarm refusal_alarm_;
  std::vector<std::string> refusals_;    // of the last second, for `status`: stderr has them by the run loop
  std::set<std::string> alarms_, said_;  // those of the last look; those that were told
  std::set<ip_address> unheard_;         // whose next hops nothing has been heard of since the start
  std::optional<clock::time_point> settle_at_;
  clock::time_point next_second_{};
  bool attached_ = false;
  bool deaf_ = false;  // the kernel's news about neighbours cannot be read
};

/// The keys of a configuration: the same on all nodes that are given the same seed.
rw_hash_key ring_key_of(const std::string& seed);
rw_hash_key flow_key_of(const std::string& seed);

}  // namespace ringway::lb_app
