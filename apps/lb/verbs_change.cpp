// SPDX-License-Identifier: BSD-2-Clause
// add-real, remove-real, set-weight, drain, reload: what changes what is in force.
#include <ringway/error.hpp>

#include "config_file.hpp"
#include "verbs_request.hpp"
#include "verbs_words.hpp"

namespace ringway::lb_app {
namespace {

constexpr std::uint32_t weight_most = 0xffff;

json change_json(const lb_change& change) {
  const auto us = [](std::chrono::nanoseconds t) {
    return std::chrono::duration_cast<std::chrono::microseconds>(t).count();
  };
  return {{"rings_built", change.rings_built}, {"rings_shared", change.rings_shared},
          {"reals_added", change.reals_added}, {"reals_removed", change.reals_removed},
          {"generation", change.serial},       {"building_us", us(change.building)},
          {"waiting_us", us(change.waiting)}};
}

/// What a request says of how a real is reached; the rest it has from other reals.
struct asked_way {
  std::optional<rw_lb_method> method;
  std::optional<ip_address> source;
};

/// Of the VIP's own reals, else of all: one of that family, and of that method if one is asked for.
const lb_destination* example_for(const std::vector<vip_view>& all, const vip_view& own, std::uint8_t family,
                                  const asked_way& way) {
  const auto within = [&](const vip_view& v) -> const lb_destination* {
    for (const real_view& r : v.reals) {
      const lb_destination& to = r.entry.member.to;
      if (to.address.family == family && (!way.method || to.method == *way.method)) return &to;
    }
    return nullptr;
  };
  if (const lb_destination* to = within(own)) return to;
  for (const vip_view& v : all)
    if (const lb_destination* to = within(v)) return to;
  return nullptr;
}

lb_destination destination_like(const lb_destination* example, const ip_address& address,
                                const asked_way& way) {
  lb_destination to;
  if (example != nullptr) {
    to = *example;
  } else if (!way.method) {
    throw usage_error("no real of that family is there to take the method from: say which (l2, ipip, gue)");
  }
  to.address = address;
  if (way.method) to.method = *way.method;
  if (way.source) to.source = *way.source;
  if (to.method == RW_METHOD_L2) {
    if (way.source) throw usage_error("a real of method l2 has no outer source address");
    to.source = {};
  } else if (!to.source) {
    throw usage_error("no real of that family is there to take the outer source address from: say which");
  } else if (to.source.family != address.family) {
    throw usage_error("source {} and real {} are not of one family", to.source.text(), address.text());
  }
  return to;
}

/// As the file is read.
void refuse_unusable(const ip_address& address, const lb_vip& vip) {
  if (address == vip.address) throw usage_error("address: it is the VIP's own: packets would never leave");
  if (const char* kind = unusable(address)) throw usage_error("address: {} is {}", address.text(), kind);
}

void refuse_l2_across(const lb_destination& to, const lb_vip& vip) {
  if (to.method == RW_METHOD_L2 && to.address.family != vip.address.family)
    throw usage_error("address: with method l2 it must be of the VIP's family, IPv{}", vip.address.family);
}

}  // namespace

void answer_add_real(verb_context& c, verb_request& r, json& out) {
  const std::string vip = r.text("vip");
  const ip_address address = ip_address::parse(r.text("address"));
  const auto name = r.text_if("name");
  const auto weight = r.number_if("weight", 0, weight_most);
  const auto port = r.number_if("port", 0, 0xffff), gue_port = r.number_if("gue_port", 1, 0xffff),
             mtu = r.number_if("mtu", mtu_least, 0xffff), vlan = r.number_if("vlan", 0, 4094);
  asked_way way;
  if (const auto word = r.text_if("method")) way.method = method_of(*word);
  if (const auto text = r.text_if("source")) way.source = ip_address::parse(*text);
  r.done();
  const vip_view own = vip_named(c.plane, vip);
  refuse_unusable(address, own.entry.vip);
  const std::vector<vip_view> all = c.plane.vips();
  real_entry real;
  real.name = name.value_or("");
  real.member.weight = weight.value_or(1);
  real.member.to = destination_like(example_for(all, own, address.family, way), address, way);
  if (port) real.member.to.port = static_cast<std::uint16_t>(*port);
  if (gue_port) real.member.to.gue_port = static_cast<std::uint16_t>(*gue_port);
  if (mtu) real.member.to.mtu = static_cast<std::uint16_t>(*mtu);
  if (vlan) real.member.to.vlan = static_cast<std::uint16_t>(*vlan);
  const lb_destination to = real.member.to;
  refuse_l2_across(to, own.entry.vip);
  out["change"] = change_json(c.plane.add_real(vip, std::move(real)));
  out["real"] = destination_json(to);
}

void answer_remove_real(verb_context& c, verb_request& r, json& out) {
  const std::string vip = r.text("vip"), real = r.text("real");
  r.done();
  out["change"] = change_json(c.plane.remove_real(vip, real));
}

void answer_set_weight(verb_context& c, verb_request& r, json& out) {
  const std::string vip = r.text("vip"), real = r.text("real");
  const std::uint32_t weight = r.number("weight", 0, weight_most);
  r.done();
  out["change"] = change_json(c.plane.set_weight(vip, real, weight));
}

void answer_drain(verb_context& c, verb_request& r, json& out) {
  const std::string vip = r.text("vip"), real = r.text("real");
  const bool undo = r.flag("undo");
  r.done();
  out["change"] = change_json(c.plane.drain(vip, real, !undo));
}

void answer_reload(verb_context& c, verb_request& r, json& out) {
  const bool discard = r.flag("discard");
  r.done();
  out["change"] = change_json(c.reload(discard));
}

}  // namespace ringway::lb_app
