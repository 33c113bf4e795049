// SPDX-License-Identifier: BSD-2-Clause
#include "verbs_forms.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model.hpp"

namespace ringway::lb_app {
namespace {

using enum argument_kind;

const verb_argument a_vip{"VIP", "vip", text, "", "its name, as `ringway-lb vips` lists it", true};
const verb_argument a_real{"REAL", "real", text, "", "its name, as `ringway-lb reals` lists it", true};
const verb_argument watching{"--watch", "", number, "SECONDS", "again and again, until interrupted",
                             false,     1,  3600,   true};

std::vector<verb_form> make_forms() {
  return {{"status", "what runs, and what is wrong", {}, {}},
          {"vips", "the VIPs", {}, {}},
          {"reals", "the reals, of one VIP or of all", {{"VIP", "vip", text, "", "its name", false}}, {}},
          {"add-real",
           "give a VIP another real, until a reload with --discard",
           {a_vip, {"ADDRESS", "address", address, "", "of the real", true}},
           {{"--name", "name", text, "NAME", "default: the address"},
            {"--weight", "weight", number, "N", "default: 1", false, 0, 0xffff},
            {"--port", "port", number, "PORT", "tells reals of one address apart", false, 0, 0xffff},
            {"--method", "method", method, "l2|ipip|gue", "default: that of the VIP's other reals"},
            {"--source", "source", address, "ADDRESS", "of the outer header; default: that of other reals"},
            {"--gue-port", "gue_port", number, "PORT", "default: that of other reals, else 6080", false, 1,
             0xffff},
            {"--mtu", "mtu", number, "BYTES", "of the path to it", false, mtu_least, 0xffff},
            {"--vlan", "vlan", number, "ID", "of the next hop", false, 0, 4094}}},
          {"remove-real", "take a real from a VIP", {a_vip, a_real}, {}},
          {"set-weight",
           "give a real another weight; with 0 it gets no new flows",
           {a_vip, a_real, {"WEIGHT", "weight", number, "", "0 to 65535", true, 0, 0xffff}},
           {}},
          {"drain",
           "send no new flows to a real; those that it has stay",
           {a_vip, a_real},
           {{"--undo", "undo", flag, "", "take new flows again"}}},
          {"conns",
           "the connection table",
           {},
           {{"--vip", "vip", text, "VIP", "of one VIP only"},
            {"--real", "real", text, "REAL", "of one real only"},
            {"--limit", "limit", number, "N", "at most so many; default: 1000", false, 1, 100'000}}},
          {"stats", "packets of VIPs and reals, and what the balancer has counted", {}, {watching}},
          {"explain",
           "what would become of a packet; or, with --real, what that real needs",
           {},
           {{"--src", "src", endpoint, "ADDRESS:PORT", "of the client; IPv6: [ADDRESS]:PORT"},
            {"--dst", "dst", endpoint, "ADDRESS:PORT", "of the VIP"},
            {"--proto", "proto", protocol, "tcp|udp", "default: tcp"},
            {"--syn", "syn", flag, "", "the first packet of a TCP connection"},
            {"--payload", "payload", number, "BYTES", "of data; default: 0", false, 0, 9000},
            {"--port", "port", number, "N", "where it comes in; default: 0, the first", false, 0, 31},
            {"--real", "real", text, "REAL", "print the commands that this real needs"},
            {"--vip", "vip", text, "VIP", "with --real: for this VIP alone"}}},
          {"drops", "every reason to drop a packet, and how often it was one", {}, {watching}},
          {"config", "the configuration that is in force, as a file", {}, {}},
          {"reload",
           "read the configuration file again",
           {},
           {{"--discard", "discard", flag, "", "drop what was changed at run time"}}}};
}

std::string shown(const verb_argument& a) {
  if (a.kind == flag) return a.name;
  if (a.optional_value) return fmt::format("{} [{}]", a.name, a.placeholder);
  return *a.placeholder == '\0' ? a.name : fmt::format("{} {}", a.name, a.placeholder);
}

}  // namespace

const std::vector<verb_form>& verb_forms() {
  static const std::vector<verb_form> all = make_forms();
  return all;
}

const verb_form* find_verb(std::string_view name) {
  const auto& all = verb_forms();
  const auto at = std::find_if(all.begin(), all.end(), [&](const verb_form& f) { return name == f.name; });
  return at == all.end() ? nullptr : &*at;
}

std::string help_of(const verb_form& form) {
  std::string text = fmt::format("usage: ringway-lb {}", form.name);
  for (const verb_argument& a : form.places)
    text += fmt::format(fmt::runtime(a.needed ? " {}" : " [{}]"), a.name);
  text += fmt::format(" [OPTIONS]\n{}\n\n", form.purpose);
  const auto line = [&](const std::string& left, const std::string& right) {
    text += fmt::format("  {:<24} {}\n", left, right);
  };
  for (const verb_argument& a : form.places) line(shown(a), a.help);
  for (const verb_argument& a : form.options) line(shown(a), a.help);
  line("--json", "print the answer as JSON");
  line("--socket PATH", fmt::format("of the running balancer; default: {}", configuration().socket));
  line("-h, --help", "print this");
  return text;
}

std::string list_of_verbs() {
  std::string text =
      "usage: ringway-lb VERB [ARGUMENTS]\nAsks the ringway-lb that runs. Verbs (VERB --help says more):\n\n";
  for (const verb_form& f : verb_forms()) text += fmt::format("  {:<12} {}\n", f.name, f.purpose);
  return text + "\n`ringway-lb --help` is about the balancer itself.\n";
}

}  // namespace ringway::lb_app
