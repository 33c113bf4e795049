// SPDX-License-Identifier: BSD-2-Clause
// A balancer without a network, to be asked.
#pragma once
#include <nlohmann/json.hpp>
#include <ringway/error.hpp>
#include <verbs.hpp>

#include "bpf/lb_native.hpp"

namespace ringway::test {

using json = nlohmann::ordered_json;

inline lb_app::real_entry control_real(const char* name, const char* address, rw_lb_method method) {
  lb_app::real_entry r;
  r.name = name;
  r.member.to.address = ip_address::parse(address);
  r.member.to.method = method;
  if (method != RW_METHOD_L2)
    r.member.to.source =
        ip_address::parse(r.member.to.address.family == 4 ? "172.16.1.2" : "fc00:2307::1337");
  return r;
}

inline lb_app::vip_entry control_vip(const char* name, const char* address, std::uint16_t port,
                                     std::uint8_t protocol, std::vector<lb_app::real_entry> reals) {
  lb_app::vip_entry v;
  v.name = name;
  v.vip.address = ip_address::parse(address);
  v.vip.port = port;
  v.vip.protocol = protocol;
  v.reals = std::move(reals);
  return v;
}

/// web and dns are ordinary ones, affine chooses by source, empty has no reals.
inline lb_app::configuration control_configuration() {
  lb_app::configuration c;
  c.capacity = {.vips = 16, .rings = 16, .reals = 16, .connections = 512, .ring_size = 1021};
  c.vips.push_back(control_vip(
      "web", "10.200.1.1", 80, RW_IP_TCP,
      {control_real("r1", "10.0.0.1", RW_METHOD_IPIP), control_real("r2", "10.0.0.2", RW_METHOD_IPIP)}));
  c.vips.back().check.kind = lb_app::check_kind::tcp;
  c.vips.push_back(
      control_vip("dns", "fc00:1::1", 53, RW_IP_UDP, {control_real("g1", "fc00::1", RW_METHOD_GUE)}));
  c.vips.push_back(control_vip(
      "affine", "10.200.1.2", 0, RW_IP_TCP,
      {control_real("l1", "10.0.1.1", RW_METHOD_L2), control_real("r1", "10.0.0.1", RW_METHOD_IPIP)}));
  c.vips.back().vip.hash = RW_FLOW_SOURCE;
  c.vips.push_back(control_vip("empty", "10.200.1.3", 80, RW_IP_TCP, {}));
  return c;
}

struct control_rig {
  static constexpr rw_hash_key key{1, 2};
  lb_app::configuration file = control_configuration();
  lb_store store = lb_store::in_process(file.capacity);
  lb_app::control_plane plane{store, {}, [] {}, {{"lb0", {2, 0, 0, 0, 0, 1}, 1500, {}}}, file};
  rw_lb_local counted{};
  std::vector<rw_lb_traffic> traffic = std::vector<rw_lb_traffic>(store.traffic_elements());
  json report = {{"schema", 1},
                 {"ports", json::array({{{"name", "lb0"},
                                         {"attach", "native"},
                                         {"rx_packets", 7},
                                         {"tx_packets", 6},
                                         {"drops", {{"malformed", 3}, {"bad_port", 0}}}}})}};
  lb_app::verb_context context{.plane = plane,
                               .reload =
                                   [this](bool discard) {
                                     if (bad_file) throw usage_error("lb.toml:7: vip.port: 'x' is no port");
                                     return plane.reload(file, discard);
                                   },
                               .report = [this] { return report.dump(); },
                               .counted = [this] { return counted; },
                               .traffic = [this] { return traffic; },
                               .alarms = [this] { return plane.alarms(); },
                               .flow_key = key,
                               .datapath = "xdp",
                               .since = "2026-01-01T00:00:00Z",
                               .shared = "datapath = \"xdp\"\n"};
  bool bad_file = false;

  control_rig() {
    for (const lb_destination& to : plane.destinations())
      plane.next_hop(to, lb_next_hop{.mac = {0x0a, 0, 0, 0, 0, 1}, .port = 0, .up = true});
    settle();
    plane.tick(1);
  }
  void settle() {
    while (plane.unsettled()) plane.settle();
  }
  json ask(const json& request) { return json::parse(lb_app::answer(context, request.dump())); }
  /// The refusal's text; empty: it was not refused.
  std::string refused(const json& request) {
    const json a = ask(request);
    return a.at("ok") == true ? "" : a.at("error").get<std::string>();
  }
};

}  // namespace ringway::test
