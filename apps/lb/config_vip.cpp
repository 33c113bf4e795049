// SPDX-License-Identifier: BSD-2-Clause
#include <charconv>
#include <set>

#include "config_parts.hpp"

namespace ringway::lb_app {
namespace {

using namespace std::chrono_literals;

const std::vector<std::pair<std::string, rw_flow_mode>> hashes = {
#define RW_X(suffix, name, text) {name, RW_FLOW_##suffix},
    RW_FLOW_HASHES(RW_X)
#undef RW_X
};

void read_flag(config_reader& in, const char* key,
               const std::vector<std::pair<std::string, std::uint8_t>>& words, unsigned mask,
               std::uint8_t& flags) {
  if (const auto bits = in.word(key, words)) flags = static_cast<std::uint8_t>((flags & ~mask) | *bits);
}

/// What a VIP says for its reals, and a real for itself.
void read_way(config_reader& in, real_way& way) {
  lb_destination& to = way.to;
  if (const auto m = in.word("method", method_words)) to.method = *m;
  if (const auto a = in.host("source-v4", 4)) way.source4 = *a;
  if (const auto a = in.host("source-v6", 6)) way.source6 = *a;
  if (const auto n = in.number("gue-port", 1, 65535)) to.gue_port = static_cast<std::uint16_t>(*n);
  if (const auto n = in.number("outer-ttl", 1, 255)) to.ttl = static_cast<std::uint8_t>(*n);
  if (const auto n = in.number_or("mtu", "port", mtu_least, 65535)) to.mtu = static_cast<std::uint16_t>(*n);
  if (const auto n = in.number_or("vlan", "none", 1, 4094)) to.vlan = static_cast<std::uint16_t>(*n);
  read_flag(in, "ttl", ttl_words, RW_REAL_TTL_KEEP, to.flags);
  read_flag(in, "df", df_words, RW_REAL_DF_COPY, to.flags);
  read_flag(in, "outer-checksum", sum_words, RW_REAL_SUM_ZERO | RW_REAL_SUM_FULL, to.flags);
  if (const auto on = in.boolean("source-entropy"))
    to.flags = static_cast<std::uint8_t>(*on ? to.flags | RW_REAL_ENTROPY : to.flags & ~RW_REAL_ENTROPY);
}

void read_statuses(config_reader& in, health_check& check) {
  const toml::node* n = in.node("expect");
  if (n == nullptr) return;
  if (!n->is_string()) {
    check.status_least = check.status_most = static_cast<std::uint16_t>(*in.number("expect", 100, 599));
    return;
  }
  const std::string text = n->as_string()->get();
  std::uint16_t& least = check.status_least;
  std::uint16_t& most = check.status_most;
  if (text.size() != 7 || text[3] != '-' ||
      std::from_chars(text.data(), text.data() + 3, least).ptr != text.data() + 3 ||
      std::from_chars(text.data() + 4, text.data() + 7, most).ptr != text.data() + 7 || least < 100 ||
      most > 599 || least > most)
    in.fail("expect", "a status such as 200, or a range such as \"200-399\", is expected");
}

health_check read_check(config_reader in, const lb_vip& vip) {
  health_check c;
  const auto kind = in.word<check_kind>("type", {{"tcp", check_kind::tcp}, {"http", check_kind::http}});
  if (!kind) in.refuse("type is missing: \"tcp\" or \"http\"");
  c.kind = *kind;
  c.port = static_cast<std::uint16_t>(in.number("port", 1, 65535).value_or(0));
  if (c.port == 0 && vip.port == 0) in.refuse("port is missing: the VIP takes any");
  if (c.port == 0 && vip.protocol == RW_IP_UDP) in.refuse("port is missing: checks are TCP, the VIP is UDP");
  c.interval = in.duration("interval").value_or(c.interval);
  c.timeout = in.duration("timeout").value_or(c.timeout);
  c.jitter = in.fraction("jitter", 0, 0.9).value_or(c.jitter);
  c.rise = in.number("rise", 1, 1000).value_or(c.rise);
  c.fall = in.number("fall", 1, 1000).value_or(c.fall);
  if (c.kind == check_kind::http) {
    c.path = in.text("path").value_or(c.path);
    if (c.path.empty() || c.path[0] != '/' || c.path.find_first_of(" \r\n\t") != std::string::npos)
      in.fail("path", "it should begin with / and have no spaces");
    c.host = in.text("host").value_or("");
    if (c.host.find_first_of(" \r\n\t/") != std::string::npos) in.fail("host", "it should be a host name");
    read_statuses(in, c);
  }
  in.end();
  return c;
}

real_entry read_real(config_reader& in, real_way way, const vip_entry& v) {
  real_entry r;
  const auto address = in.host("address");
  if (!address) in.refuse("address is missing");
  if (*address == v.vip.address) in.fail("address", "it is the VIP's own: packets would never leave");
  read_way(in, way);
  lb_destination& to = r.member.to = way.to;
  to.address = *address;
  to.port = static_cast<std::uint16_t>(in.number("port", 1, 65535).value_or(0));
  r.member.weight = in.number("weight", 0, 65535).value_or(1);
  r.name = in.label("name").value_or(to.port == 0 ? address->text()
                                                  : fmt::format("{}:{}", address->text(), to.port));
  if (to.method == RW_METHOD_L2) {
    if (address->family != v.vip.address.family)
      in.fail("address",
              fmt::format("with method l2 it must be of the VIP's family, IPv{}", v.vip.address.family));
  } else {
    to.source = address->family == 4 ? way.source4 : way.source6;
    if (!to.source) {
      in.refuse(fmt::format(
          "real {}: source-v{} is missing, in [balancer], the VIP or the real: the outer source address",
          r.name, address->family));
    }
  }
  if (to.method != RW_METHOD_GUE && (to.flags & (RW_REAL_SUM_ZERO | RW_REAL_SUM_FULL)) != 0)
    to.flags = static_cast<std::uint8_t>(to.flags & ~(RW_REAL_SUM_ZERO | RW_REAL_SUM_FULL));
  return r;
}

void read_reals(config_reader& in, const real_way& way, vip_entry& v) {
  std::set<std::string, std::less<>> names;
  std::set<std::pair<ip_address, std::uint16_t>> places;
  in.each("real", [&](config_reader& one) {
    real_entry r = read_real(one, way, v);
    if (!names.insert(r.name).second)
      one.refuse(fmt::format("real '{}' is there twice in {}", r.name, v.name));
    if (!places.emplace(r.member.to.address, r.member.to.port).second)
      one.refuse(fmt::format("real {} is there twice in {} (give them different ports)",
                             r.member.to.address.text(), v.name));
    v.reals.push_back(std::move(r));
  });
}

void read_vip_itself(config_reader& in, lb_vip& vip) {
  const auto address = in.host("address");
  if (!address) in.refuse("address is missing");
  vip.address = *address;
  const auto port = in.number_or("port", "any", 1, 65535);
  if (!port) in.refuse("port is missing: a number or \"any\"");
  vip.port = static_cast<std::uint16_t>(*port);
  const std::vector<std::pair<std::string, std::uint8_t>> protocols = {{"tcp", RW_IP_TCP},
                                                                       {"udp", RW_IP_UDP}};
  vip.protocol = in.word("protocol", protocols).value_or(RW_IP_TCP);
  vip.hash = in.word("hash", hashes).value_or(RW_FLOW_5TUPLE);
  vip.ping = in.boolean("ping").value_or(true);
  vip.stateful = in.boolean("stateful").value_or(true);
  vip.reset = in.word<bool>("on-no-real", {{"drop", false}, {"reset", true}}).value_or(false);
  vip.fragments = in.boolean("fragments").value_or(false);
  if (vip.fragments && (vip.port != 0 || vip.hash != RW_FLOW_SOURCE)) {
    in.fail(
        "fragments",
        "only a VIP with port = \"any\" and hash = \"source\" can send fragments on: others look at ports");
  }
}

}  // namespace

const std::vector<std::pair<std::string, rw_lb_method>> method_words = {
    {"ipip", RW_METHOD_IPIP}, {"gue", RW_METHOD_GUE}, {"l2", RW_METHOD_L2}};
const std::vector<std::pair<std::string, std::uint8_t>> ttl_words = {{"decrement", 0},
                                                                     {"keep", RW_REAL_TTL_KEEP}};
const std::vector<std::pair<std::string, std::uint8_t>> df_words = {{"set", 0}, {"copy", RW_REAL_DF_COPY}};
const std::vector<std::pair<std::string, std::uint8_t>> sum_words = {
    {"auto", 0}, {"zero", RW_REAL_SUM_ZERO}, {"full", RW_REAL_SUM_FULL}};
const std::vector<std::pair<std::string, announce_mode>> announce_words = {
    {"auto", announce_mode::automatic}, {"arp", announce_mode::arp}, {"none", announce_mode::none}};
const std::vector<std::pair<std::string, all_failed_policy>> all_failed_words = {
    {"keep-all", all_failed_policy::keep_all},
    {"drop", all_failed_policy::drop},
    {"reset", all_failed_policy::reset}};

std::string standard_name(const lb_vip& vip) {
  const std::string port = vip.port == 0 ? "any" : std::to_string(vip.port);
  const char* protocol = vip.protocol == RW_IP_UDP ? "udp" : "tcp";
  const std::string address = vip.address.text();
  return vip.address.family == 6 ? fmt::format("[{}]:{}/{}", address, port, protocol)
                                 : fmt::format("{}:{}/{}", address, port, protocol);
}

vip_entry read_vip(config_reader& in, real_way way) {
  vip_entry v;
  read_vip_itself(in, v.vip);
  v.name = in.label("name").value_or(standard_name(v.vip));
  v.announce = in.word("announce", announce_words).value_or(announce_mode::automatic);
  v.on_all_failed = in.word("on-all-failed", all_failed_words).value_or(all_failed_policy::keep_all);
  v.max_down_percent = in.number("max-down-percent", 1, 100).value_or(100);
  read_way(in, way);
  if (auto check = in.inner("check")) v.check = read_check(std::move(*check), v.vip);
  read_reals(in, way, v);
  return v;
}

}  // namespace ringway::lb_app
