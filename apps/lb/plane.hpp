// SPDX-License-Identifier: BSD-2-Clause
// What is in force: the file's configuration, what was changed at run time, what health checks and neighbours
// say; and the tables that follow from them. No sockets, no timers: those who have them tell this one.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ringway/lb_tables.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model.hpp"

namespace ringway::lb_app {

/// A port as far as the balancer's tables care.
struct port_facts {
  std::string name;  // as it was given
  std::array<std::uint8_t, 6> mac{};
  std::uint16_t mtu = 1500;
  /// Addresses of the interface with their prefix lengths, for announce = automatic.
  std::vector<std::pair<ip_address, unsigned>> prefixes;
};

/// Why a real gets no new flows; several may hold at once.
struct real_state {
  bool healthy = true;    // its checks' last word; true without checks
  bool held = false;      // unhealthy, but kept, for too many are (max_down_percent, keep-all)
  bool neighbour = true;  // its next hop is resolved
  bool drained = false;   // at run time
  std::string why;        // unhealthy: the last failure, one line
};

/// A real of a VIP as it is in force.
struct real_view {
  real_entry entry;         // its weight as configured or set at run time
  std::uint32_t effective;  // the weight that its ring was built with
  real_state state;
  bool from_file = true;  // false: added at run time
  bool changed = false;   // at run time, against the file: weight, drain, addition
  int element = -1;       // of `reals`, lb_tables::real_of()
};

struct vip_view {
  vip_entry entry;  // reals empty
  bool announced = false;
  bool all_failed = false, holding = false;  // alarms
  int id = -1;                               // lb_tables::vip_id()
  std::vector<real_view> reals;
};

class control_plane {
 public:
  /// `wait`: a grace period of programs and workers. Throws usage_error for a configuration that is refused.
  control_plane(lb_store& store, const lb_keys& keys, std::function<void()> wait,
                std::vector<port_facts> ports, configuration file);
  ~control_plane();
  control_plane(const control_plane&) = delete;
  control_plane& operator=(const control_plane&) = delete;

  /// Puts another file in force, all or nothing; what was changed at run time stays, save where the file has
  /// changed that very item. `discard`: nothing of it stays. Throws usage_error, with the old one in force.
  lb_change reload(configuration file, bool discard);

  /// At run time. `vip` is a name; throw usage_error for what is unknown or refused, with nothing changed.
  lb_change drain(std::string_view vip, std::string_view real, bool on);
  lb_change set_weight(std::string_view vip, std::string_view real, std::uint32_t weight);
  lb_change add_real(std::string_view vip, real_entry real);
  lb_change remove_real(std::string_view vip, std::string_view real);

  /// News from health checks and neighbours. Rings are built by settle(), so that what comes together is done
  /// together.
  void health(std::string_view vip, std::string_view real, bool up, std::string why);
  /// nullopt: not resolved, the real gets no packets (no_neighbour).
  void next_hop(const lb_destination& to, const std::optional<lb_next_hop>& hop);
  void port_changed(std::uint32_t port, const port_facts& now);
  /// Builds what news have made necessary; without any, nothing.
  lb_change settle();
  bool unsettled() const noexcept;

  /// Every second. Ages connections, a portion of the table each time.
  void tick(std::uint32_t seconds);
  lb_occupancy occupancy() const;  // as of the last whole pass

  std::vector<vip_view> vips() const;
  const vip_view* find(std::string_view vip) const;
  /// What is in force, as a configuration: file and run-time changes.
  configuration in_force() const;
  /// Every destination that is in use, for the neighbours.
  std::set<lb_destination> destinations() const;
  /// "VIP REAL" names that have the element of `reals`; empty: none.
  std::vector<std::pair<std::string, std::string>> who_has(std::uint32_t element) const;
  /// Lines for the log and `status`: all reals of ... have failed, ... are held.
  std::vector<std::string> alarms() const;
  const lb_store& store() const noexcept;
  const lb_tables& tables() const noexcept;
  /// Called after every change of what is in force (reload, run time), for health checks and neighbours.
  std::function<void()> changed;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway::lb_app
