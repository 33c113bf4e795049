// SPDX-License-Identifier: BSD-2-Clause
// A configuration as a file. What a real has is said of each one: nothing is left to defaults that may
// change.
#include "../common/config_file.hpp"
#include "config_file.hpp"
#include "config_parts.hpp"

namespace ringway::lb_app {
namespace {

using app::quoted;

template <class Value>
std::string word_of(const std::vector<std::pair<std::string, Value>>& words, Value value) {
  for (const auto& [name, v] : words)
    if (v == value) return quoted(name);
  return quoted("");
}

std::string flag_of(const std::vector<std::pair<std::string, std::uint8_t>>& words, std::uint8_t flags,
                    unsigned mask) {
  return word_of(words, static_cast<std::uint8_t>(flags & mask));
}

std::string number_or(const char* word, std::uint32_t value) {
  return value == 0 ? quoted(word) : std::to_string(value);
}
std::string truth(bool b) { return b ? "true" : "false"; }
std::string time_of(std::chrono::milliseconds t) { return quoted(fmt::format("{}ms", t.count())); }

std::string print_real(const real_entry& r) {
  const lb_destination& to = r.member.to;
  std::string out =
      fmt::format("\n[[vip.real]]\nname = {}\naddress = {}\nweight = {}\nmethod = {}\n", quoted(r.name),
                  quoted(to.address.text()), r.member.weight, word_of(method_words, to.method));
  if (to.port != 0) out += fmt::format("port = {}\n", to.port);
  if (to.source) out += fmt::format("source-v{} = {}\n", to.source.family, quoted(to.source.text()));
  if (to.method == RW_METHOD_GUE)
    out += fmt::format("outer-checksum = {}\n",
                       flag_of(sum_words, to.flags, RW_REAL_SUM_ZERO | RW_REAL_SUM_FULL));
  return out +
         fmt::format(
             "gue-port = {}\nouter-ttl = {}\nmtu = {}\nvlan = {}\nttl = {}\ndf = {}\nsource-entropy = {}\n",
             to.gue_port, to.ttl, number_or("port", to.mtu), number_or("none", to.vlan),
             flag_of(ttl_words, to.flags, RW_REAL_TTL_KEEP), flag_of(df_words, to.flags, RW_REAL_DF_COPY),
             truth((to.flags & RW_REAL_ENTROPY) != 0));
}

std::string print_check(const health_check& c) {
  if (c.kind == check_kind::none) return {};
  const bool http = c.kind == check_kind::http;
  std::string out = fmt::format(
      "\n[vip.check]\ntype = {}\ninterval = {}\ntimeout = {}\njitter = {}\nrise = {}\nfall = {}\n",
      quoted(http ? "http" : "tcp"), time_of(c.interval), time_of(c.timeout), c.jitter, c.rise, c.fall);
  if (c.port != 0) out += fmt::format("port = {}\n", c.port);
  if (!http) return out;
  out += fmt::format("path = {}\nexpect = \"{}-{}\"\n", quoted(c.path), c.status_least, c.status_most);
  return c.host.empty() ? out : out + fmt::format("host = {}\n", quoted(c.host));
}

std::string hash_of(rw_flow_mode mode) {
  static constexpr const char* names[] = {
#define RW_X(suffix, name, text) name,
      RW_FLOW_HASHES(RW_X)
#undef RW_X
  };
  return quoted(names[mode]);
}

std::string print_vip(const vip_entry& v) {
  std::string out = fmt::format(
      "\n[[vip]]\nname = {}\naddress = {}\nport = {}\nprotocol = {}\nhash = {}\nannounce = {}\nping = "
      "{}\nstateful = {}\n"
      "on-no-real = {}\nfragments = {}\non-all-failed = {}\nmax-down-percent = {}\n",
      quoted(v.name), quoted(v.vip.address.text()), number_or("any", v.vip.port),
      quoted(v.vip.protocol == RW_IP_UDP ? "udp" : "tcp"), hash_of(v.vip.hash),
      word_of(announce_words, v.announce), truth(v.vip.ping), truth(v.vip.stateful),
      quoted(v.vip.reset ? "reset" : "drop"), truth(v.vip.fragments),
      word_of(all_failed_words, v.on_all_failed), v.max_down_percent);
  out += print_check(v.check);
  for (const real_entry& r : v.reals) out += print_real(r);
  return out;
}

std::string print_capacity(const configuration& c) {
  std::string out = "\n[capacity]\n";
  if (c.stated.vips) out += fmt::format("vips = {}\n", c.capacity.vips);
  if (c.stated.rings) out += fmt::format("rings = {}\n", c.capacity.rings);
  if (c.stated.reals) out += fmt::format("reals = {}\n", c.capacity.reals);
  return out + fmt::format("connections = {}\n", c.capacity.connections);
}

}  // namespace

std::string print_configuration(const configuration& c) {
  std::string out =
      fmt::format("[balancer]\nring-size = {}\nseed = {}\n", c.capacity.ring_size, quoted(c.seed));
  out += print_capacity(c);
  out += fmt::format("\n[timeouts]\nhalf-open = {}\nestablished = {}\nclosing = {}\n", c.timeouts.half_open,
                     c.timeouts.established, c.timeouts.closing);
  out += fmt::format("\n[limits]\nnew-flows = {}\nanswers = {}\n", c.limits.new_flows, c.limits.answers);
  out += fmt::format("\n[control]\nsocket = {}\nmode = \"{:04o}\"\n", quoted(c.socket), c.socket_mode);
  for (const vip_entry& v : c.vips) out += print_vip(v);
  for (const static_hop& h : c.next_hops)
    out += fmt::format("\n[[next-hop]]\nreal = {}\nmac = \"{:02x}\"\ninterface = {}\n", quoted(h.real.text()),
                       fmt::join(h.mac, ":"), quoted(h.interface));
  return out;
}

}  // namespace ringway::lb_app
