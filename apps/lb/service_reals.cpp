// SPDX-License-Identifier: BSD-2-Clause
// Where reals are and how they are: neighbours and health checks, told to the plane.
#include <algorithm>
#include <ringway/error.hpp>
#include <ringway/log.hpp>

#include "service.hpp"

namespace ringway::lb_app {

/// The addresses of all reals that the file gives no next hop.
void service::want_neighbours() {
  std::set<ip_address> wanted;
  for (const lb_destination& d : plane_.destinations()) wanted.insert(d.address);
  for (const static_hop& h : plane_.in_force().next_hops) wanted.erase(h.real);
  if (!attached_) unheard_ = wanted;
  hops_->want(wanted);
}

void service::hear_of_neighbours() {
  if (deaf_) return;
  try {
    for (const next_hop_news& n : hops_->news()) {
      unheard_.erase(n.to);
      lb_destination to;
      to.address = n.to;
      plane_.next_hop(to, n.hop);
      log(n.hop ? log_level::info : log_level::warning, "{}: {}", n.to.text(),
          n.hop ? fmt::format("next hop at {}", ports_.at(n.hop->port).name()) : "no next hop: " + n.why);
    }
  } catch (const error& e) {  // what is known stays in force
    log(log_level::error, "next hops are no longer followed: {}", e.what());
    loop_.remove(hops_->fd());
    deaf_ = true;
  }
}

void service::want_checks() {
  std::vector<check_target> targets;
  for (const vip_view& v : plane_.vips()) {
    const health_check& how = v.entry.check;
    if (how.kind == check_kind::none) continue;
    for (const real_view& r : v.reals)
      targets.push_back({.vip = v.entry.name,
                         .real = r.entry.name,
                         .address = v.entry.vip.address,
                         .port = how.port != 0 ? how.port : v.entry.vip.port,
                         .to = r.entry.member.to,
                         .how = how});
  }
  if (targets.empty() && !health_) return;
  if (!health_) {
    probes_ = std::make_unique<probe_path>(store_, ports_);
    health_ = std::make_unique<health_checks>(
        loop_, [this](const check_target& t) { return way_to(t); },
        [this](const check_target& t, bool up, const std::string& why) { hear_of_health(t, up, why); });
  }
  health_->want(std::move(targets));
}

probe_way service::way_to(const check_target& target) {
  const int element = plane_.tables().real_of(target.to);
  if (element < 0)
    return {.mark = {}, .source = {}, .why = fmt::format("{} is not in the tables", target.real)};
  return probes_->way_to(static_cast<std::uint32_t>(element), target.to, target.address);
}

void service::hear_of_health(const check_target& target, bool up, const std::string& why) {
  plane_.health(target.vip, target.real, up, why);
  if (up)
    log(log_level::warning, "{} of {} is up", target.real, target.vip);
  else
    log(log_level::warning, "{} of {} is down: {}", target.real, target.vip, why);
}

}  // namespace ringway::lb_app
