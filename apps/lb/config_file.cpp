// SPDX-License-Identifier: BSD-2-Clause
#include "config_file.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

#include "../common/config_file.hpp"
#include "config_parts.hpp"

namespace ringway::lb_app {
namespace {

// What the tables can have (lb_store): elements have numbers of 16 bits.
constexpr std::uint32_t most_vips = 32768, most_reals = 32767;

bool is_prime(std::uint32_t n) {
  if (n < 2) return false;
  for (std::uint32_t d = 2; d * d <= n; ++d)
    if (n % d == 0) return false;
  return true;
}

std::array<std::uint8_t, 6> mac_of(config_reader& in, const char* key) {
  const auto text = in.text(key);
  if (!text) in.refuse(fmt::format("{} is missing", key));
  std::array<std::uint8_t, 6> mac{};
  bool good = text->size() == 17;  // of the form 02:00:00:00:00:0a
  for (std::size_t i = 0; good && i < mac.size(); ++i) {
    const char* digits = text->data() + 3 * i;
    good = std::from_chars(digits, digits + 2, mac[i], 16).ptr == digits + 2 && (i == 5 || digits[2] == ':');
  }
  if (!good) in.fail(key, fmt::format("'{}' is no MAC address such as 02:00:00:00:00:0a", *text));
  if ((mac[0] & 1) != 0) in.fail(key, "it is the address of a group");
  if (mac == std::array<std::uint8_t, 6>{}) in.fail(key, "it is no station's");
  return mac;
}

real_way read_balancer(config_reader& root, configuration& c) {
  real_way way;
  way.to.method = RW_METHOD_IPIP;
  auto in = root.inner("balancer");
  if (!in) return way;
  c.capacity.ring_size = in->number("ring-size", 251, 131071).value_or(c.capacity.ring_size);
  if (!is_prime(c.capacity.ring_size))
    in->fail("ring-size", fmt::format("{} is not prime", c.capacity.ring_size));
  c.seed = in->text("seed").value_or("");
  way.source4 = in->host("source-v4", 4).value_or(ip_address{});
  way.source6 = in->host("source-v6", 6).value_or(ip_address{});
  in->end();
  return way;
}

/// As a number, or as any other time.
std::optional<std::uint16_t> whole_seconds(config_reader& in, const char* key) {
  constexpr std::uint32_t most = 32767;
  const toml::node* n = in.node(key);
  if (n == nullptr) return std::nullopt;
  if (!n->is_string()) return static_cast<std::uint16_t>(*in.number(key, 1, most));
  const auto ms = in.duration(key)->count();
  if (ms % 1000 != 0 || ms > std::int64_t{1000} * most)
    in.fail(key, fmt::format("whole seconds from 1 to {} are expected", most));
  return static_cast<std::uint16_t>(ms / 1000);
}

void read_times_and_limits(config_reader& root, configuration& c) {
  if (auto in = root.inner("timeouts")) {
    const auto seconds = [&](const char* key, std::uint16_t& target) {
      if (const auto n = whole_seconds(*in, key)) target = *n;
    };
    seconds("half-open", c.timeouts.half_open);
    seconds("established", c.timeouts.established);
    seconds("closing", c.timeouts.closing);
    in->end();
  }
  if (auto in = root.inner("limits")) {
    c.limits.new_flows = in->number("new-flows", 0, 1'000'000'000).value_or(c.limits.new_flows);
    c.limits.answers = in->number("answers", 0, 1'000'000'000).value_or(c.limits.answers);
    in->end();
  }
}

void read_control(config_reader& root, configuration& c) {
  auto in = root.inner("control");
  if (!in) return;
  c.socket = in->text("socket").value_or(c.socket);
  if (c.socket.empty() || c.socket[0] != '/' || c.socket.size() > 100)
    in->fail("socket", "an absolute path of at most 100 characters is expected");
  if (const auto mode = in->text("mode")) {
    std::uint32_t bits = 0;
    const char* end = mode->data() + mode->size();
    const auto [at, error] = std::from_chars(mode->data(), end, bits, 8);
    if (error != std::errc() || at != end || bits > 0777)
      in->fail("mode", fmt::format("'{}' is no file mode such as \"0660\"", *mode));
    c.socket_mode = bits;
  }
  in->end();
}

void read_vips(config_reader& root, const real_way& way, configuration& c) {
  std::set<std::string, std::less<>> names;
  std::set<std::tuple<ip_address, std::uint16_t, std::uint8_t>> keys;
  root.each("vip", [&](config_reader& in) {
    vip_entry v = read_vip(in, way);
    if (!names.insert(v.name).second) in.refuse(fmt::format("there are two VIPs named '{}'", v.name));
    if (!keys.emplace(v.vip.address, v.vip.port, v.vip.protocol).second)
      in.refuse(fmt::format("VIP {} is there twice", standard_name(v.vip)));
    c.vips.push_back(std::move(v));
  });
}

void read_next_hops(config_reader& root, configuration& c) {
  std::set<ip_address> known, said;
  for (const vip_entry& v : c.vips)
    for (const real_entry& r : v.reals) known.insert(r.member.to.address);
  root.each("next-hop", [&](config_reader& in) {
    static_hop hop;
    const auto real = in.address("real");
    if (!real) in.refuse("real is missing: the address of one");
    hop.real = *real;
    hop.mac = mac_of(in, "mac");
    const auto port = in.label("interface");
    if (!port) in.refuse("interface is missing: a port, as it is given in `ports`");
    hop.interface = *port;
    if (!known.contains(hop.real)) in.fail("real", fmt::format("no VIP has the real {}", hop.real.text()));
    if (!said.insert(hop.real).second) in.fail("real", fmt::format("{} has two next hops", hop.real.text()));
    c.next_hops.push_back(std::move(hop));
  });
}

struct needs {
  std::size_t vips, rings, reals;
};

needs needs_of(const configuration& c) {
  std::set<lb_destination> reals;
  std::set<std::vector<std::pair<lb_destination, std::uint32_t>>> rings;
  for (const vip_entry& v : c.vips) {
    std::vector<std::pair<lb_destination, std::uint32_t>> ring;
    for (const real_entry& r : v.reals) {
      reals.insert(r.member.to);
      if (r.member.weight > 0) ring.emplace_back(r.member.to, r.member.weight);
    }
    std::sort(ring.begin(), ring.end());
    if (!ring.empty()) rings.insert(std::move(ring));
  }
  return {c.vips.size(), rings.size(), reals.size()};
}

/// What is not said is the larger of 64 and twice what there is.
void read_capacity(config_reader& root, configuration& c) {
  auto in = root.inner("capacity");
  const needs n = needs_of(c);
  const auto size = [&](const char* key, std::size_t needed, std::uint32_t most, std::uint32_t& target,
                        bool* stated) {
    if (needed > most)
      root.refuse(fmt::format("{} {} are in this file, more than {} cannot be", needed, key, most));
    target = std::clamp<std::uint32_t>(2 * static_cast<std::uint32_t>(needed), 64, most);
    const auto said = in ? in->number(key, 1, most) : std::nullopt;
    if (!said) return;
    if (*said < needed) in->fail(key, fmt::format("{} are in this file, {} is too small", needed, *said));
    target = *said;
    *stated = true;
  };
  size("vips", n.vips, most_vips, c.capacity.vips, &c.stated.vips);
  size("rings", n.rings, most_vips, c.capacity.rings, &c.stated.rings);
  size("reals", n.reals, most_reals, c.capacity.reals, &c.stated.reals);
  if (!in) return;
  c.capacity.connections = in->number("connections", 0, 1U << 28).value_or(c.capacity.connections);
  in->end();
}

}  // namespace

configuration parse_configuration(const std::string& text, const std::string& name) {
  toml::table parsed;
  try {
    parsed = toml::parse(text, name);
  } catch (const toml::parse_error& e) {
    throw usage_error("{}:{}: {}", name, e.source().begin.line, app::one_line(std::string(e.description())));
  }
  config_reader root(parsed, name, "the file");
  configuration c;
  const real_way way = read_balancer(root, c);
  read_times_and_limits(root, c);
  read_control(root, c);
  read_vips(root, way, c);
  read_next_hops(root, c);
  read_capacity(root, c);
  for (const auto& [key, value] : parsed)  // the shared options are somebody else's to read
    if (!value.is_table() && !value.is_array_of_tables()) root.node(std::string(key.str()).c_str());
  root.end();
  return c;
}

configuration read_configuration(const std::string& path) {
  return parse_configuration(app::read_file(path), path);
}

}  // namespace ringway::lb_app
