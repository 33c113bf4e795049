// SPDX-License-Identifier: BSD-2-Clause
// The neighbours that are kept resolved. Private to lib/.
#pragma once
#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "next_hops_kernel.hpp"

namespace ringway {

class neighbour_table {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr clock::time_point never = clock::time_point::max();

  enum class verdict { waiting, good, bad };
  struct neighbour {
    verdict is = verdict::waiting;
    std::array<std::uint8_t, 6> mac{};  // while it is good
    std::string why;                    // while it is bad
    bool mine = false;                  // installed here: to be released
    bool others = false;                // not to be touched
    bool doubted = false;               // good, but the kernel has said that it failed, or is about to go
    clock::time_point due;              // of what attend() has to do next
    clock::time_point tried;            // last use()
    clock::time_point patience;         // how long it may be waiting
  };

  /// `refresh`: how often a neighbour has to be used that the kernel does not manage.
  neighbour_table(routing_kernel& kernel, bool managed,
                  std::function<clock::duration(const neighbour_key&)> refresh)
      : kernel_(kernel), managed_(managed), refresh_(std::move(refresh)) {}
  ~neighbour_table();
  neighbour_table(const neighbour_table&) = delete;
  neighbour_table& operator=(const neighbour_table&) = delete;

  /// These from now on; others are released.
  void keep(const std::set<neighbour_key>& keys, clock::time_point now);
  /// `why_not`: one line why nothing leaves by that interface; empty when it is fit for use (again).
  void link(unsigned ifindex, const std::string& name, const std::string& why_not, clock::time_point now);
  /// What the kernel says.
  void see(const neighbour_entry& entry, clock::time_point now);
  void gone(const neighbour_key& key, clock::time_point now);
  /// Asks for every entry, for messages have been lost.
  void look_again(clock::time_point now);
  /// Does what is due; when the next is.
  clock::time_point attend(clock::time_point now);

  /// Of one that is kept.
  const neighbour& at(const neighbour_key& key) const { return kept_.at(key); }
  bool any_waiting() const;

 private:
  struct link_state {
    std::string name, why_not;
  };

  void update(const neighbour_key& key, neighbour& n, const neighbour_entry& entry, clock::time_point now);
  void fail(neighbour& n, std::string why);
  void settle_doubt(const neighbour_key& key, neighbour& n, clock::time_point now);
  void wait(neighbour& n, clock::time_point now);
  void install(const neighbour_key& key, neighbour& n, clock::time_point now);
  int use(const neighbour_key& key, bool create);
  void release(const neighbour_key& key, const neighbour& n) noexcept;
  clock::time_point next_time(const neighbour_key& key, const neighbour& n) const;
  std::string text(const neighbour_key& key) const;

  routing_kernel& kernel_;
  bool managed_, managed_proven_ = false;
  std::function<clock::duration(const neighbour_key&)> refresh_;
  std::map<neighbour_key, neighbour> kept_;
  std::map<unsigned, link_state> links_;
};

}  // namespace ringway
