// SPDX-License-Identifier: BSD-2-Clause
// What was changed at run time, by names of VIPs and reals, and what of it a new file leaves alone.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model.hpp"

namespace ringway::lb_app {

struct real_change {
  std::optional<std::uint32_t> weight;  // of the file's real
  bool drained = false;
  bool removed = false;             // the file's real is not in force
  std::optional<real_entry> added;  // is in force; its weight is its own
  bool none() const noexcept { return !weight && !drained && !removed && !added; }
  bool operator==(const real_change&) const = default;
};

using vip_changes = std::map<std::string, real_change, std::less<>>;  // by the real's name

/// A real as file and changes make it.
struct merged_real {
  real_entry entry;
  bool from_file = true, changed = false, drained = false;
};

class overlay {
 public:
  /// The reals of a VIP of the file that are in force: the file's, then those that were added.
  std::vector<merged_real> merge(const vip_entry& vip) const;
  /// Names of the file's reals that are not in force, and whose name no other has taken.
  std::vector<std::string> removed(const vip_entry& vip) const;

  // All throw usage_error for a VIP or real that is not in force, and change nothing then.
  void drain(const configuration& file, std::string_view vip, std::string_view real, bool on);
  void set_weight(const configuration& file, std::string_view vip, std::string_view real,
                  std::uint32_t weight);
  void add(const configuration& file, std::string_view vip, real_entry real);
  void remove(const configuration& file, std::string_view vip, std::string_view real);

  /// What is left of it when `after` replaces `before`. An item goes where its value in the file has changed,
  /// or where it is no longer there:
  ///   weight            the real's weight in the file; and which real it is (address, port)
  ///   drain             which real it is (address, port); the file knows no drain
  ///   removal, addition the real of that name in the file, all of it, or that there is none
  /// An addition also goes where the file now has that address and port under another name.
  overlay over(const configuration& before, const configuration& after) const;

  bool operator==(const overlay&) const = default;

 private:
  real_change& change_of(const vip_entry& vip, std::string_view real);
  void tidy(const vip_entry& vip);

  std::map<std::string, vip_changes, std::less<>> vips_;
};

}  // namespace ringway::lb_app
