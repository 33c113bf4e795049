// SPDX-License-Identifier: BSD-2-Clause
// explain: what would become of a packet, as the core itself says.
#include <ringway/error.hpp>
#include <ringway/lb_explain.hpp>

#include "ringway/core/conn_table.h"
#include "verbs_frame.hpp"
#include "verbs_request.hpp"
#include "verbs_words.hpp"

namespace ringway::lb_app {
namespace {

/// The exact port's VIP, else the one of any port.
const vip_view* vip_to(const std::vector<vip_view>& vips, const lb_question& q) {
  const vip_view* any = nullptr;
  for (const vip_view& v : vips) {
    const lb_vip& vip = v.entry.vip;
    if (vip.address != q.destination || vip.protocol != q.protocol) continue;
    if (vip.port == q.destination_port) return &v;
    if (vip.port == 0) any = &v;
  }
  return any;
}

/// Under the name that it has in that VIP, else in any.
json real_json(const control_plane& plane, const vip_view* vip, std::uint32_t element) {
  json j = {{"element", element}, {"name", json()}};
  for (const auto& [v, name] : plane.who_has(element))
    if (j["name"].is_null() || (vip != nullptr && v == vip->entry.name)) j["name"] = name;
  if (const lb_destination* to = plane.tables().destination_of(element)) j.update(destination_json(*to));
  if (vip == nullptr) return j;
  for (const real_view& r : vip->reals)
    if (r.element >= 0 && static_cast<std::uint32_t>(r.element) == element) j["state"] = state_word(r);
  return j;
}

json verdict_json(rw_verdict verdict, const json& ports) {
  if (verdict == RW_PUNT) return {{"kind", "kernel"}};
  if (verdict >= RW_DROP_BASE) return {{"kind", "drop"}, {"reason", reason_name(verdict)}};
  json j = {{"kind", "send"}, {"port", verdict}};
  if (verdict < ports.size()) j["port_name"] = ports[verdict].value("name", "");
  return j;
}

std::uint16_t gue_port_of(const control_plane& plane, const lb_explanation& e) {
  const lb_destination* to = e.real ? plane.tables().destination_of(*e.real) : nullptr;
  return to != nullptr && to->method == RW_METHOD_GUE ? to->gue_port : std::uint16_t{0};
}

lb_question question_of(verb_request& r) {
  const endpoint from = parse_endpoint(r.text("src")), to = parse_endpoint(r.text("dst"));
  lb_question q;
  q.source = from.address;
  q.source_port = from.port;
  q.destination = to.address;
  q.destination_port = to.port;
  q.protocol = protocol_of(r.text("proto"));
  q.syn = r.flag("syn");
  q.payload = static_cast<std::uint16_t>(r.number_if("payload", 0, 9000).value_or(0));
  if (q.syn && q.protocol != RW_IP_TCP) throw usage_error("syn: only TCP has it");
  return q;
}

}  // namespace

void answer_explain(verb_context& c, verb_request& r, json& out) {
  const lb_question q = question_of(r);
  const std::uint32_t port = r.number_if("port", 0, RW_PORTS_MAX - 1).value_or(0);
  r.done();
  const json ports = json::parse(c.report()).value("ports", json::array());
  if (port >= ports.size())
    throw usage_error("there is no port {}: they are 0 to {}", port, ports.size() - 1);
  const lb_explanation e = ringway::explain(c.plane.store(), port, c.flow_key, q);
  const std::vector<vip_view> vips = c.plane.vips();
  const vip_view* vip = e.vip ? vip_to(vips, q) : nullptr;
  out["question"] = {{"src", endpoint_text(q.source, q.source_port)},
                     {"dst", endpoint_text(q.destination, q.destination_port)},
                     {"proto", protocol_word(q.protocol)},
                     {"port", port},
                     {"port_name", ports[port].value("name", "")}};
  out["outcome"] = e.outcome;
  out["verdict"] = verdict_json(e.verdict, ports);
  out["vip"] = vip == nullptr ? json() : json(vip->entry.name);
  out["hash"] = e.vip ? json(hash_word(e.vip->hash)) : json();
  out["slot"] = e.slot ? json(*e.slot) : json();
  out["real"] = e.real ? real_json(c.plane, vip, *e.real) : json();
  out["connection"] = json();
  if (const auto& conn = e.connection) {
    out["connection"] = {{"bucket", conn->bucket},
                         {"slot", conn->slot},
                         {"state", connection_word(conn->state)},
                         {"idle_s", conn->idle},
                         {"real", real_json(c.plane, vip, conn->real)["name"]}};
  }
  out["headers"] = e.sent.empty() ? json::array() : json(headers_of(e.sent, gue_port_of(c.plane, e)));
  out["bytes"] = e.sent.size();
  out["hex"] = hex_of(e.sent);
}

}  // namespace ringway::lb_app
