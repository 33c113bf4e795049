// SPDX-License-Identifier: BSD-2-Clause
// conns: the connection table, read while packets write it.
#include <algorithm>
#include <cstring>
#include <ringway/error.hpp>
#include <tuple>

#include "ringway/core/conntrack.h"
#include "verbs_request.hpp"
#include "verbs_words.hpp"

namespace ringway::lb_app {
namespace {

constexpr std::uint32_t limit_most = 100'000, limit_standard = 1000;

/// An entry as it was at one moment.
struct seen_entry {
  std::uint64_t word = 0;
  rw_flow flow{};
  std::uint32_t real = 0, real_version = 0;
};

/// False: free, or it changes faster than it can be read.
bool read_entry(rw_conn_bucket& bucket, std::uint32_t slot, seen_entry& e) {
  rw_conn& way = bucket.way[slot];
  for (int tries = 0; tries < 3; ++tries) {
    e.word = RW_READ_ONCE(&bucket.word[slot]);
    if (rw_conn_state(e.word) < RW_CONN_NEW || rw_conn_state(e.word) >= RW_CONN_STATE_COUNT) return false;
    RW_RMB();
    std::uint64_t words[5];
    for (std::size_t i = 0; i < std::size(words); ++i) words[i] = RW_READ_ONCE(&way.key[i]);
    e.real = RW_READ_ONCE(&way.real);
    e.real_version = RW_READ_ONCE(&way.real_version);
    RW_RMB();
    if (((RW_READ_ONCE(&bucket.word[slot]) ^ e.word) & ~RW_CONN_AGE_BITS) != 0) continue;
    std::memcpy(&e.flow, words, sizeof(e.flow));
    return true;
  }
  return false;
}

ip_address address_of(const __be32* words, std::uint8_t family) {
  ip_address a;
  a.family = family;
  std::copy_n(words, family == 4 ? 1 : 4, a.words.begin());
  return a;
}

/// VIPs by what packets name, reals by their element.
class names {
 public:
  explicit names(const control_plane& plane) : plane_(plane), vips_(plane.vips()) {
    for (std::size_t i = 0; i < vips_.size(); ++i) {
      const lb_vip& v = vips_[i].entry.vip;
      by_service_[{v.address, v.port, v.protocol}] = i;
    }
  }

  /// Null: none has it (any more).
  const vip_view* vip_of(const ip_address& to, std::uint16_t port, std::uint8_t protocol) const {
    auto at = by_service_.find({to, port, protocol});
    if (at == by_service_.end()) at = by_service_.find({to, 0, protocol});
    return at == by_service_.end() ? nullptr : &vips_[at->second];
  }

  /// In that VIP, else in any. Empty: nobody's.
  std::string real_of(const vip_view* vip, std::uint32_t element) const {
    if (vip != nullptr)
      for (const real_view& r : vip->reals)
        if (r.element >= 0 && static_cast<std::uint32_t>(r.element) == element) return r.entry.name;
    const auto users = plane_.who_has(element);
    return users.empty() ? "" : users.front().second;
  }

  bool knows_vip(std::string_view name) const {
    return std::any_of(vips_.begin(), vips_.end(), [&](const vip_view& v) { return v.entry.name == name; });
  }
  bool knows_real(std::string_view name) const {
    return std::any_of(vips_.begin(), vips_.end(), [&](const vip_view& v) {
      return std::any_of(v.reals.begin(), v.reals.end(),
                         [&](const real_view& r) { return r.entry.name == name; });
    });
  }

 private:
  const control_plane& plane_;
  std::vector<vip_view> vips_;
  std::map<std::tuple<ip_address, std::uint16_t, std::uint8_t>, std::size_t> by_service_;
};

struct filter {
  std::optional<std::string> vip, real;
};

class listing {
 public:
  listing(const verb_context& c, const filter& what, std::uint32_t limit)
      : memory_(c.plane.store().memory()),
        plane_(c.plane),
        names_(c.plane),
        what_(what),
        limit_(limit),
        tick_(RW_READ_ONCE(&memory_.control->tick)) {
    if (what.vip && !names_.knows_vip(*what.vip)) throw usage_error("no VIP has the name '{}'", *what.vip);
    if (what.real && !names_.knows_real(*what.real))
      throw usage_error("no real has the name '{}'", *what.real);
  }

  void run(json& out) {
    if (plane_.store().capacity().connections != 0)
      for (std::uint32_t b = 0; b < memory_.conn_count; ++b)
        for (std::uint32_t s = 0; s < RW_CONN_WAYS; ++s) look(b, s);
    out["conns"] = std::move(found_);
    out["matching"] = matching_;
    out["limit"] = limit_;
  }

 private:
  void look(std::uint32_t bucket, std::uint32_t slot) {
    seen_entry e;
    if (!read_entry(memory_.conns[bucket], slot, e) || rw_conn_expired(e.word, memory_.control, tick_))
      return;
    const ip_address to = address_of(e.flow.dst, e.flow.family);
    const std::uint16_t port = RW_BE16(e.flow.dport);
    const vip_view* vip = names_.vip_of(to, port, e.flow.proto);
    const bool owned = e.real < memory_.real_count && (e.real_version & RW_REAL_RETIRED) == 0 &&
                       RW_READ_ONCE(&memory_.reals[e.real].version) == e.real_version;
    const std::string real = owned ? names_.real_of(vip, e.real) : "";
    if (what_.vip && (vip == nullptr || vip->entry.name != *what_.vip)) return;
    if (what_.real && real != *what_.real) return;
    if (++matching_ > limit_) return;
    json& j = found_.emplace_back(json::object());
    j["source"] = address_of(e.flow.src, e.flow.family).text();
    j["source_port"] = RW_BE16(e.flow.sport);
    j["destination"] = to.text();
    j["destination_port"] = port;
    j["protocol"] = protocol_word(e.flow.proto);
    j["vip"] = vip == nullptr ? json() : json(vip->entry.name);
    j["by_source"] = vip != nullptr && vip->entry.vip.hash == RW_FLOW_SOURCE;
    j["real"] = real.empty() ? json() : json(real);
    j["state"] = connection_word(rw_conn_state(e.word));
    j["idle_s"] = rw_conn_idle(e.word, tick_);
    j["bucket"] = bucket;
    j["slot"] = slot;
  }

  const rw_lb_memory& memory_;
  const control_plane& plane_;
  names names_;
  const filter& what_;
  std::uint32_t limit_, tick_;
  std::uint64_t matching_ = 0;
  json found_ = json::array();
};

}  // namespace

void answer_conns(verb_context& c, verb_request& r, json& out) {
  const filter what{r.text_if("vip"), r.text_if("real")};
  const std::uint32_t limit = r.number_if("limit", 1, limit_most).value_or(limit_standard);
  r.done();
  listing(c, what, limit).run(out);
}

}  // namespace ringway::lb_app
