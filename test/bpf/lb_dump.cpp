// SPDX-License-Identifier: BSD-2-Clause
//
// What the load balancer's native core makes of packets, for oracles written in Python. Lines on stdin:
//     port N MTU MAC                                    frames arrive on port 1
//     vip ADDR PORT PROTO HASH [announce] [ping] [stateful] [reset] [fragments]
//     real ADDR PORT METHOD WEIGHT SOURCE|- GUE-PORT TTL FLAGS MTU VLAN MAC EGRESS up|down      of the last
//     vip apply tick N packet HEX
// A line for each packet on stdout: VERDICT STAGE REAL HEX, where REAL is an address or '-'.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <ringway/error.hpp>
#include <sstream>

#include "lb_native.hpp"
#include "lb_world.hpp"
#include "ringway/core/decap.h"

namespace {

using namespace ringway;
using namespace ringway::test;

const char* const hash_names[] = {
#define RW_X(suffix, name, text) name,
    RW_FLOW_HASHES(RW_X)
#undef RW_X
};
const char* const method_names[] = {"l2", "ipip", "gue"};
const char* const stage_names[] = {"none", "parse", "pick", "inner", "l2",      "ipip",
                                   "gue",  "arp",   "nd",   "echo",  "too_big", "reset"};

struct bad_line : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <std::size_t N>
std::size_t index_of(const char* const (&names)[N], const std::string& name) {
  const auto* at = std::find(std::begin(names), std::end(names), name);
  if (at == std::end(names)) throw bad_line("what is '" + name + "'?");
  return static_cast<std::size_t>(at - names);
}

std::vector<std::uint8_t> from_hex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t b : bytes) fmt::format_to(std::back_inserter(text), "{:02x}", b);
  return text;
}

std::array<std::uint8_t, 6> mac(const std::string& text) {
  const std::vector<std::uint8_t> bytes = from_hex(text);
  if (bytes.size() != 6) throw bad_line("'" + text + "' is no MAC in hex");
  std::array<std::uint8_t, 6> a{};
  std::copy(bytes.begin(), bytes.end(), a.begin());
  return a;
}

class dumper {
 public:
  void line(const std::string& text) {
    std::istringstream in(text);
    std::string word;
    in >> word;
    if (word == "port")
      port(in);
    else if (word == "vip")
      vip(in);
    else if (word == "real")
      real(in);
    else if (word == "apply")
      tables_.apply(vips_);
    else if (word == "tick")
      tables_.set_tick(number(in));
    else if (word == "packet")
      packet(in);
    else if (word == "decap")
      decap(in);
    else
      throw bad_line("what is '" + word + "'?");
  }

 private:
  static std::uint32_t number(std::istream& in) {
    std::uint32_t n = 0;
    if (!(in >> n)) throw bad_line("a number is missing");
    return n;
  }
  static std::string word(std::istream& in) {
    std::string w;
    if (!(in >> w)) throw bad_line("a word is missing");
    return w;
  }
  void port(std::istream& in) {
    const std::uint32_t n = number(in), mtu = number(in);
    tables_.set_port(n, mac(word(in)), static_cast<std::uint16_t>(mtu));
  }
  void vip(std::istream& in) {
    lb_vip v;
    v.address = ip_address::parse(word(in));
    v.port = static_cast<std::uint16_t>(number(in));
    v.protocol = static_cast<std::uint8_t>(number(in));
    v.hash = static_cast<rw_flow_mode>(index_of(hash_names, word(in)));
    v.announce = v.ping = v.stateful = false;
    for (std::string flag; in >> flag;) {
      bool* const at[] = {&v.announce, &v.ping, &v.stateful, &v.reset, &v.fragments};
      static const char* const names[] = {"announce", "ping", "stateful", "reset", "fragments"};
      *at[index_of(names, flag)] = true;
    }
    vips_.push_back(std::move(v));
  }
  void real(std::istream& in) {
    if (vips_.empty()) throw bad_line("a real without a VIP");
    lb_member m;
    m.to.address = ip_address::parse(word(in));
    m.to.port = static_cast<std::uint16_t>(number(in));
    m.to.method = static_cast<rw_lb_method>(index_of(method_names, word(in)));
    m.weight = number(in);
    if (const std::string source = word(in); source != "-") m.to.source = ip_address::parse(source);
    m.to.gue_port = static_cast<std::uint16_t>(number(in));
    m.to.ttl = static_cast<std::uint8_t>(number(in));
    m.to.flags = static_cast<std::uint8_t>(number(in));
    m.to.mtu = static_cast<std::uint16_t>(number(in));
    m.to.vlan = static_cast<std::uint16_t>(number(in));
    lb_next_hop hop;
    hop.mac = mac(word(in));
    hop.port = static_cast<std::uint8_t>(number(in));
    hop.up = word(in) == "up";
    tables_.set_next_hop(m.to, hop);
    vips_.back().reals.push_back(m);
  }
  void packet(std::istream& in) {
    const rw_verdict verdict = native_.run(from_hex(word(in)));
    const bool sent = native_.stage() >= RW_STAGE_L2 && native_.stage() <= RW_STAGE_GUE;
    const lb_destination* to = sent ? tables_.destination_of(native_.record().real) : nullptr;
    fmt::print("{} {} {} {}\n", verdict, stage_names[native_.stage()],
               to != nullptr ? to->address.text() : "-", hex(native_.packet()));
  }

  void decap(std::istream& in) {
    rw_decap config{};
    config.gue_port = RW_BE16(6080);
    config.flags = RW_DECAP_ANY4 | RW_DECAP_ANY6;
    const std::vector<std::uint8_t> bytes = from_hex(word(in));
    const std::span<std::uint8_t> p = guarded_.copy(bytes);
    __u32 take = 0;
    const rw_verdict verdict =
        rw_decap_process(&config, p.data(), p.data() + p.size(), static_cast<__u32>(p.size()), &take);
    fmt::print("{} decap {} {}\n", verdict, take, hex(p.subspan(take)));
  }

  guarded_packet guarded_;
  lb_store store_ = lb_store::in_process({});
  lb_tables tables_{store_, {}, [] {}};
  lb_native native_{store_, lb_port, lb_flow_key};
  std::vector<lb_vip> vips_;
};

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  dumper dump;
  std::string text;
  try {
    while (std::getline(std::cin, text)) dump.line(text);
  } catch (const std::exception& e) {
    fmt::print(stderr, "lb_dump: {}: {}\n", text.substr(0, 100), e.what());
    return 2;
  }
}
