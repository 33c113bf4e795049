// SPDX-License-Identifier: BSD-2-Clause
// explain --real: the commands that a real needs to take what the balancer sends.
#include <algorithm>
#include <ringway/error.hpp>
#include <set>

#include "verbs_request.hpp"
#include "verbs_words.hpp"

namespace ringway::lb_app {
namespace {

/// A real of a VIP that goes by the name.
struct served {
  const vip_view* vip;
  const lb_destination* to;
};

class script {
 public:
  /// Each command once, however many VIPs want it.
  /// `by_hand`: something has to be put in first.
  void add(const std::string& why, const std::string& command, bool by_hand = false) {
    for (const json& c : commands_)
      if (c.at("run") == command) return;
    commands_.push_back({{"why", why}, {"run", command}, {"by_hand", by_hand}});
  }
  json take() { return std::move(commands_); }

 private:
  json commands_ = json::array();
};

void add_address(script& s, const lb_vip& vip) {
  const std::string address = vip.address.text();
  if (vip.address.family == 6) {
    s.add("the VIP, so that the real takes its packets (on lo no neighbour is told of it)",
          fmt::format("ip -6 addr add {}/128 dev lo", address));
    return;
  }
  s.add("never answer ARP for the VIP, nor ask in its name",
        "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2");
  s.add("the VIP, so that the real takes its packets", fmt::format("ip addr add {}/32 dev lo", address));
}

/// What comes out of a tunnel has a client's address as its source, whose route leads elsewhere.
void add_no_rp_filter(script& s, const std::string& device) {
  s.add("packets of clients come out of the tunnel and are answered elsewhere",
        fmt::format("sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.{}.rp_filter=0", device));
}

/// The kernel's device for an inner family in an outer one: it takes packets from any balancer.
void add_tunnel(script& s, std::uint8_t outer, std::uint8_t inner) {
  if (outer == 4 && inner == 4) {
    s.add("IPv4 in IPv4: the module's own device takes it from anybody", "modprobe ipip");
    s.add("", "ip link set tunl0 up");
    add_no_rp_filter(s, "tunl0");
  } else if (outer == 4) {
    s.add("IPv6 in IPv4: the module's own device takes it from anybody", "modprobe sit");
    s.add("", "ip link set sit0 up");
  } else {
    // The module's own device, ip6tnl0, takes IPv6 in IPv6 only.
    s.add("any family in IPv6, from anybody", "modprobe ip6_tunnel");
    s.add("", "ip link add name ringway6 type ip6tnl mode any external");
    s.add("", "ip link set ringway6 up");
    if (inner == 4) add_no_rp_filter(s, "ringway6");
  }
}

void add_gue(script& s, const lb_destination& to) {
  s.add("GUE: takes the UDP header off; the tunnel does the rest",
        to.address.family == 4 ? "modprobe fou" : "modprobe fou6");
  s.add("", fmt::format("ip {}fou add port {} gue", to.address.family == 4 ? "" : "-6 ", to.gue_port));
}

/// What a client may send at most, so that it fits a path of 1500 bytes once encapsulated.
void add_advmss(script& s, const lb_destination& to, const lb_vip& vip) {
  if (vip.protocol != RW_IP_TCP) return;
  const unsigned inner = vip.address.family == 4 ? 20 : 40;
  const unsigned mss = (to.mtu != 0 ? to.mtu : 1500u) - overhead_of(to) - inner - 20;
  s.add(
      fmt::format(
          "the tunnel takes {} bytes of each packet: ask clients for segments that fit the path, or give it "
          "an MTU of {} (put the route that leads to clients)",
          overhead_of(to), (to.mtu != 0 ? to.mtu : 1500u) + overhead_of(to)),
      fmt::format("ip {}route change default via GATEWAY advmss {}", vip.address.family == 4 ? "" : "-6 ",
                  mss),
      true);
}

json commands_for(const std::vector<served>& all) {
  script s;
  for (const served& one : all) add_address(s, one.vip->entry.vip);
  for (const served& one : all) {
    if (one.to->method == RW_METHOD_L2) continue;
    add_tunnel(s, one.to->address.family, one.vip->entry.vip.address.family);
    if (one.to->method == RW_METHOD_GUE) add_gue(s, *one.to);
  }
  for (const served& one : all)
    if (one.to->method != RW_METHOD_L2) add_advmss(s, *one.to, one.vip->entry.vip);
  return s.take();
}

/// One program instead of the kernel's tunnels; null with l2.
json instead_for(const std::vector<served>& all) {
  std::set<std::string> addresses;
  std::set<std::uint8_t> families;
  std::string gue;
  bool tunnels = false;
  for (const served& one : all) {
    if (one.to->method == RW_METHOD_L2) continue;
    tunnels = true;
    addresses.insert(one.to->address.text());
    families.insert(one.to->address.family);
    if (one.to->method == RW_METHOD_GUE && one.to->gue_port != 6080)
      gue = fmt::format(" --gue-port {}", one.to->gue_port);
  }
  if (!tunnels) return {};
  std::string command = "ringway-decap" + gue;
  if (addresses.size() == families.size())  // it takes one of each
    for (const std::string& address : addresses) command += " --for " + address;
  return command + " INTERFACE";
}

std::vector<served> served_by(const std::vector<vip_view>& vips, std::string_view name) {
  std::vector<served> all;
  for (const vip_view& v : vips)
    for (const real_view& r : v.reals)
      if (r.entry.name == name) all.push_back({&v, &r.entry.member.to});
  return all;
}

}  // namespace

void answer_explain_real(verb_context& c, verb_request& r, json& out) {
  const std::string name = r.text("real");
  const auto only = r.text_if("vip");
  r.done();
  std::vector<vip_view> vips;
  if (only)
    vips.push_back(vip_named(c.plane, *only));
  else
    vips = c.plane.vips();
  const std::vector<served> all = served_by(vips, name);
  if (all.empty() && only) throw usage_error("VIP {} has no real of the name '{}'", *only, name);
  if (all.empty()) throw usage_error("no VIP has a real of the name '{}'", name);
  out["real"] = name;
  out["serves"] = json::array();
  for (const served& one : all) {
    json j = {{"vip", one.vip->entry.name}, {"service", service_text(one.vip->entry.vip)}};
    j.update(destination_json(*one.to));
    out["serves"].push_back(std::move(j));
  }
  out["commands"] = commands_for(all);
  out["instead"] = instead_for(all);
}

}  // namespace ringway::lb_app
