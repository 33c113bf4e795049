// SPDX-License-Identifier: BSD-2-Clause
// What can be seen of the plane.
#include <algorithm>
#include <ringway/error.hpp>

#include "plane_state.hpp"

namespace ringway::lb_app {
namespace {

struct counts {
  std::size_t asked = 0, failed = 0, held = 0, unresolved = 0, served = 0;
};

/// Of the reals that are to have new flows.
counts counts_of(const vip_view& v) {
  counts c;
  for (const real_view& r : v.reals) {
    if (r.entry.member.weight == 0 || r.state.drained) continue;
    ++c.asked;
    c.failed += r.state.healthy ? 0 : 1;
    c.held += r.state.held ? 1 : 0;
    c.unresolved += r.state.neighbour ? 0 : 1;
    c.served += r.effective > 0 ? 1 : 0;
  }
  return c;
}

const char* what_then(const vip_view& v) {
  switch (v.entry.on_all_failed) {
    case all_failed_policy::keep_all:
      return "they are kept as if they had not (on-all-failed = keep-all)";
    case all_failed_policy::drop:
      return "new flows are dropped (on-all-failed = drop)";
    case all_failed_policy::reset:
      return "new flows are reset (on-all-failed = reset)";
  }
  return "";
}

void add_alarms(const vip_view& v, std::vector<std::string>& lines) {
  const counts c = counts_of(v);
  const std::string& name = v.entry.name;
  if (v.holding) {
    lines.push_back(
        fmt::format("VIP {}: {} of {} reals have failed their checks, {} held in the ring "
                    "(max-down-percent = {})",
                    name, c.failed, c.asked, c.held == 1 ? "one is" : fmt::format("{} are", c.held),
                    v.entry.max_down_percent));
  } else if (v.all_failed) {
    lines.push_back(
        fmt::format("VIP {}: all reals ({}) have failed their checks; {}", name, c.asked, what_then(v)));
  }
  if (v.reals.empty()) lines.push_back(fmt::format("VIP {}: it has no real, none takes new flows", name));
  if (c.served > 0 || v.reals.empty() || (v.all_failed && !v.holding && c.unresolved == 0 && c.asked > 0))
    return;
  if (c.asked == 0)
    lines.push_back(fmt::format("VIP {}: every real is drained or has weight 0, none takes new flows", name));
  else
    lines.push_back(fmt::format("VIP {}: no real takes new flows ({} of {} without a resolved next hop)",
                                name, c.unresolved, c.asked));
}

}  // namespace

std::vector<vip_view> control_plane::vips() const { return state_->model->views(); }
const vip_view* control_plane::find(std::string_view vip) const { return state_->model->find(vip); }

configuration control_plane::in_force() const {
  configuration c = state_->file;
  c.capacity = state_->store.capacity();
  c.stated = {true, true, true};  // what was worked out may not be when reals are gone
  c.vips.clear();
  for (const vip_view& v : state_->model->views()) {
    vip_entry& entry = c.vips.emplace_back(v.entry);
    for (const real_view& r : v.reals) {
      real_entry& real = entry.reals.emplace_back(r.entry);
      if (r.state.drained) real.member.weight = 0;
    }
  }
  return c;
}

std::set<lb_destination> control_plane::destinations() const {
  std::set<lb_destination> all;
  for (const plane_model::destination& d : state_->model->destinations()) all.insert(d.to);
  return all;
}

std::vector<std::pair<std::string, std::string>> control_plane::who_has(std::uint32_t element) const {
  std::vector<std::pair<std::string, std::string>> names;
  const lb_destination* to = state_->tables.destination_of(element);
  const plane_model::destination* d = to == nullptr ? nullptr : state_->model->find(*to);
  if (d == nullptr) return names;
  for (const auto& [vip, real] : d->users) {
    const vip_view& v = state_->model->views()[vip];
    names.emplace_back(v.entry.name, v.reals[real].entry.name);
  }
  return names;
}

std::vector<std::string> control_plane::alarms() const {
  std::vector<std::string> lines;
  if (!state_->trouble.empty())
    lines.push_back("the rings are not what health checks and neighbours ask for: " + state_->trouble);
  for (const vip_view& v : state_->model->views()) {
    add_alarms(v, lines);
    if (state_->around.is_local(v.entry.vip.address))
      lines.push_back(fmt::format("VIP {}: {} has become an address of this machine", v.entry.name,
                                  v.entry.vip.address.text()));
  }
  return lines;
}

}  // namespace ringway::lb_app
