// SPDX-License-Identifier: BSD-2-Clause
// Random news, changes and reloads: after every settle() the tables are those that a naive model, which works
// out everything anew, puts into tables of its own.
#include <map>
#include <random>
#include <set>

#include "lbapp_plane_rig.hpp"
#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;
using namespace ringway::lb_app::test;

namespace {

constexpr std::uint32_t vips = 5, reals = 9;
using key = std::pair<std::string, std::string>;  // VIP, real

configuration random_file(std::mt19937& random) {
  std::vector<vip_entry> all;
  for (std::uint32_t v = 0; v < vips; ++v) {
    if (random() % 8 == 0) continue;
    vip_entry& e = all.emplace_back(vip(v, {}));
    for (std::uint32_t n = 0; n < reals; ++n)
      if (random() % 3 > 0) e.reals.push_back(real(n, random() % 8 == 0 ? 0 : 1 + n % 2));
    if (random() % 16 == 0) std::reverse(e.reals.begin(), e.reals.end());
    const std::uint32_t shares[] = {100, 100, 50, 30, 0};
    e.max_down_percent = shares[v];
    const all_failed_policy policies[] = {all_failed_policy::keep_all, all_failed_policy::drop,
                                          all_failed_policy::drop, all_failed_policy::keep_all,
                                          all_failed_policy::reset};
    e.on_all_failed = policies[v];
  }
  configuration f = file(std::move(all));
  f.capacity.ring_size = 251;
  return f;
}

/// Everything that was ever said, and nothing else.
struct naive {
  configuration file;
  std::map<key, std::uint32_t> weight, added;  // by number: rN stands for to(N)
  std::set<key> drained, removed;
  std::map<key, int> failed;  // when
  std::set<std::uint32_t> resolved;

  struct expected_real {
    std::string name;
    std::uint32_t number = 0, configured = 0;
    bool drained = false, healthy = true, held = false;
    int when = 0;
  };

  const real_entry* in_file(const configuration& f, const key& k) const {
    for (const vip_entry& v : f.vips)
      for (const real_entry& r : v.reals)
        if (v.name == k.first && r.name == k.second) return &r;
    return nullptr;
  }
  static std::uint32_t number(const std::string& name) {
    return static_cast<std::uint32_t>(std::stoul(name.substr(1)));
  }
  bool in_force(const key& k) const {
    return added.contains(k) || (in_file(file, k) != nullptr && !removed.contains(k));
  }

  void reload(const configuration& next) {
    std::set<std::string> there;
    for (const vip_entry& v : next.vips) there.insert(v.name);
    const auto same = [&](const key& k) {
      const real_entry *a = in_file(file, k), *b = in_file(next, k);
      return there.contains(k.first) && (a == nullptr || b == nullptr ? a == b : *a == *b);
    };
    std::erase_if(drained,
                  [&](const key& k) { return added.contains(k) ? !same(k) : in_file(next, k) == nullptr; });
    std::erase_if(added, [&](const auto& a) { return !same(a.first); });
    std::erase_if(removed, [&](const key& k) { return !same(k); });
    std::erase_if(weight, [&](const auto& w) { return !same(w.first); });
    file = next;
    std::erase_if(failed, [&](const auto& f) { return !in_force(f.first); });
  }

  std::vector<expected_real> reals_of(const vip_entry& v) const {
    std::vector<expected_real> all;
    const auto push = [&](const std::string& name, std::uint32_t configured) {
      const key k{v.name, name};
      const auto f = failed.find(k);
      all.push_back({name, number(name), configured, drained.contains(k), f == failed.end(), false,
                     f == failed.end() ? 0 : f->second});
    };
    for (const real_entry& r : v.reals) {
      const key k{v.name, r.name};
      if (removed.contains(k)) continue;
      push(r.name, weight.contains(k) ? weight.at(k) : r.member.weight);
    }
    for (const auto& [k, w] : added)
      if (k.first == v.name) push(k.second, w);
    hold(v, all);
    return all;
  }
  /// As the words in plane.hpp have it: how many of those that count have failed before this one?
  static void hold(const vip_entry& v, std::vector<expected_real>& all) {
    const auto counts = [](const expected_real& r) { return r.configured > 0 && !r.drained; };
    std::uint32_t counted = 0, healthy = 0;
    for (const expected_real& r : all) counted += counts(r), healthy += counts(r) && r.healthy;
    const bool keep = counted > 0 && healthy == 0 && v.on_all_failed == all_failed_policy::keep_all;
    for (expected_real& r : all) {
      std::uint32_t earlier = 0;
      for (const expected_real& o : all) earlier += counts(o) && !o.healthy && o.when < r.when;
      const bool beyond = counts(r) && (earlier + 1) * 100 > counted * v.max_down_percent;
      r.held = !r.healthy && (keep || beyond);
    }
  }

  void compare(const rig& r) const {
    std::vector<lb_vip> wanted;
    std::map<std::uint32_t, bool> alive;
    for (const vip_entry& v : file.vips) {
      lb_vip& w = wanted.emplace_back(v.vip);
      std::uint32_t counted = 0, kept = 0;
      for (const expected_real& e : reals_of(v)) {
        const bool serves = e.healthy || e.held;
        alive[e.number] = alive[e.number] || serves;
        const bool takes = serves && !e.drained && resolved.contains(e.number);
        w.reals.push_back({to(e.number), takes ? e.configured : 0});
        counted += e.configured > 0 && !e.drained;
        kept += e.configured > 0 && !e.drained && serves;
        const real_view& seen = r.view(v.name, e.number);
        if (seen.effective != w.reals.back().weight || seen.state.held != e.held)
          FAIL(v.name << " " << e.name << ": weight " << seen.effective << ", held " << seen.state.held);
      }
      w.reset = counted > 0 && kept == 0 && v.on_all_failed == all_failed_policy::reset;
      if (r.view(v.name).reals.size() != w.reals.size()) FAIL(v.name << " has other reals");
    }
    lb_store store = lb_store::in_process(file.capacity);
    lb_tables tables(store, {}, [] {});
    tables.apply(wanted);
    for (const lb_vip& w : wanted) {
      if (ring_of(store, tables, w) != ring_of(r.store, r.plane.tables(), w))
        FAIL(w.address.text() << ": its ring");
      const std::uint32_t reset = look_up(store, w)->flags & RW_VIP_RESET;
      if ((look_up(r.store, w)->flags & RW_VIP_RESET) != reset) FAIL(w.address.text() << ": reset");
    }
    for (std::uint32_t n = 0; n < reals; ++n) {
      const bool used = alive.contains(n);
      if ((r.plane.tables().real_of(to(n)) >= 0) != used) FAIL("the element of real " << n);
      if (used && r.up(n) != (alive.at(n) && resolved.contains(n))) FAIL("flows of real " << n);
    }
    if (r.plane.in_force().vips.size() != file.vips.size()) FAIL("VIPs");
  }
};

struct walk {
  std::mt19937 random;
  naive model;
  rig r;
  int now = 0;

  explicit walk(std::uint32_t seed)
      : random(seed), model{random_file(random), {}, {}, {}, {}, {}, {}}, r(model.file, false) {}

  /// A change, in the plane and in the model; the plane must take it if the model does.
  void change(std::uint32_t what, const key& k) {
    const std::string &v = k.first, &name = k.second;
    const std::uint32_t n = naive::number(name), w = random() % 4;
    bool there = false;
    for (const vip_entry& e : model.file.vips) there = there || e.name == v;
    const bool in_force = there && model.in_force(k);
    const bool may = what == 2 ? there && !in_force : in_force;
    const std::string refused = refusal([&] {
      if (what == 0) r.plane.drain(v, name, w > 0);
      if (what == 1) r.plane.set_weight(v, name, w);
      if (what == 2) r.plane.add_real(v, real(n, w));
      if (what == 3) r.plane.remove_real(v, name);
    });
    if (refused.empty() != may) FAIL(v << " " << name << ", change " << what << ": " << refused);
    if (!may) return;
    const real_entry* of_file = model.in_file(model.file, k);
    if (what == 0) w > 0 ? (void)model.drained.insert(k) : (void)model.drained.erase(k);
    if (what == 1 && model.added.contains(k))
      model.added[k] = w;
    else if (what == 1 && of_file->member.weight == w)
      model.weight.erase(k);
    else if (what == 1)
      model.weight[k] = w;
    if (what == 2 && of_file != nullptr && of_file->member.weight == w)
      model.removed.erase(k);
    else if (what == 2)
      model.added[k] = w;
    if (what != 3) return;
    if (model.added.erase(k) == 0) model.removed.insert(k);
    model.weight.erase(k), model.drained.erase(k), model.failed.erase(k);
  }

  void news(const key& k) {
    const std::uint32_t n = naive::number(k.second);
    if (random() % 3 == 0) {
      const bool up = random() % 4 > 0;
      bool used = false;
      for (const lb_destination& d : r.plane.destinations()) used = used || d == to(n);
      r.plane.next_hop(to(n), up ? std::optional(hop()) : std::nullopt);
      up ? (void)model.resolved.insert(n) : (void)model.resolved.erase(n);
      return;
    }
    const bool up = random() % 2 == 0;
    r.plane.health(k.first, k.second, up, "down");
    bool there = false;
    for (const vip_entry& e : model.file.vips) there = there || e.name == k.first;
    if (!there || !model.in_force(k)) return;
    if (up)
      model.failed.erase(k);
    else
      model.failed.emplace(k, ++now);
  }

  void step() {
    const key k{fmt::format("v{}", random() % vips), fmt::format("r{}", random() % reals)};
    const std::uint32_t what = random() % 24;
    if (what < 4) return change(what, k);
    if (what == 4) {
      configuration next = random() % 2 == 0 ? model.file : random_file(random);
      if (!next.vips.empty() && !next.vips[0].reals.empty())
        next.vips[0].reals[0].member.weight = random() % 3;
      r.plane.reload(next, false);
      return model.reload(next);
    }
    news(k);
  }
};

}  // namespace

TEST_CASE("random news and changes: the tables are those of a model that starts anew each time") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    walk w(seed);
    for (int i = 0; i < 400; ++i) {
      INFO("step " << i);
      const std::uint32_t together = 1 + w.random() % 3;
      for (std::uint32_t n = 0; n < together; ++n) w.step();
      w.r.plane.settle();
      w.model.compare(w.r);
    }
  }
}
