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
  real_entry entry;             // its weight as configured or set at run time
  std::uint32_t effective = 0;  // the weight that its ring was built with
  real_state state;
  bool from_file = true;  // false: added at run time
  bool changed = false;   // at run time, against the file: weight, drain, addition
  int element = -1;       // of `reals`, lb_tables::real_of()
};

struct vip_view {
  vip_entry entry;  // reals empty
  bool announced = false;
  /// Alarms. all_failed: no real that new flows could have is healthy. holding: some are held by
  /// max_down_percent.
  bool all_failed = false, holding = false;
  int id = -1;  // lb_tables::vip_id()
  std::vector<real_view> reals;
  std::vector<std::string> removed;  // reals of the file that were removed at run time
};

/// Failures and next hops differ in what they do to a real:
/// - Unhealthy: weight 0 in its VIP's ring; once it serves in no VIP at all, its flows move as well. Where
/// that
///   would take more than max_down_percent of a VIP's reals (those with a weight, not drained), the ones
///   that failed last are held in the ring. Where no real is healthy, keep_all holds all of them; drop and
///   reset leave an empty ring, save for what max_down_percent holds.
/// - Without a resolved next hop: out of all its rings, and never held.
class control_plane {
 public:
  /// `wait`: a grace period of programs and workers. `local`: the addresses of this machine, beside those of
  /// the ports; a VIP must not be one. The store is as large as file.capacity. Throws usage_error for a
  /// configuration that is refused.
  control_plane(lb_store& store, const lb_keys& keys, std::function<void()> wait,
                std::vector<port_facts> ports, configuration file, std::vector<ip_address> local = {});
  ~control_plane();
  control_plane(const control_plane&) = delete;
  control_plane& operator=(const control_plane&) = delete;

  /// Puts another file in force, all or nothing; what was changed at run time stays, save where the file has
  /// changed that very item. `discard`: nothing of it stays. Throws usage_error, with the old one in force;
  /// sizes, seed and control socket cannot be changed so.
  lb_change reload(configuration file, bool discard);

  /// At run time. `vip` is a name; throw usage_error for what is unknown or refused, with nothing changed.
  lb_change drain(std::string_view vip, std::string_view real, bool on);
  lb_change set_weight(std::string_view vip, std::string_view real, std::uint32_t weight);
  /// `real.name` may be empty: its address. One of the file that was removed comes back so, too.
  lb_change add_real(std::string_view vip, real_entry real);
  lb_change remove_real(std::string_view vip, std::string_view real);

  /// News from health checks and neighbours. Rings are built by settle(), so that what comes together is done
  /// together. What is unknown (by now) is ignored. Drained reals are to be checked as well. A real whose
  /// check_target changes is taken to be healthy again, as health_checks does.
  void health(std::string_view vip, std::string_view real, bool up, std::string why);
  /// Of all destinations with that address. nullopt: not resolved, the real gets no packets (no_neighbour);
  /// so before the first news. Those that the file gives a next hop ignore it.
  void next_hop(const lb_destination& to, const std::optional<lb_next_hop>& hop);
  void port_changed(std::uint32_t port, const port_facts& now);
  /// For the next reload; a VIP that is in force and has become one is an alarm.
  void local_addresses(std::vector<ip_address> now);
  /// Builds what news have made necessary; without any, nothing. Never throws for too many rings: that is an
  /// alarm, and the rings stay as they were.
  lb_change settle();
  bool unsettled() const noexcept;

  /// Every second. Ages connections, a portion of the table each time: all of it within a minute.
  void tick(std::uint32_t seconds);
  lb_occupancy occupancy() const;           // as of the last whole pass
  std::uint32_t occupancy_seconds() const;  // how long a pass takes

  std::vector<vip_view> vips() const;
  /// Null: no such VIP. Good until the next change.
  const vip_view* find(std::string_view vip) const;
  /// What is in force, as a configuration: file and run-time changes (drained: weight 0).
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
