// SPDX-License-Identifier: BSD-2-Clause
// The elements of `reals`: which destination each holds, and the word of it that changes alone.
#pragma once
#include <map>
#include <optional>
#include <ringway/lb_store.hpp>
#include <vector>

namespace ringway {

class lb_reals {
 public:
  explicit lb_reals(const rw_lb_memory& memory);

  /// The destination's element; a free one is filled if it has none (`added`).
  std::uint16_t acquire(const lb_destination& to, bool& added);
  int find(const lb_destination& to) const;
  const lb_destination* at(std::uint32_t element) const;
  std::vector<lb_destination> all() const;

  /// Connections that name it find another real from now on; a ring may still do so until a grace period is
  /// over.
  void retire(const lb_destination& to);
  void recycle();

  void set_next_hop(const lb_destination& to, const lb_next_hop& hop);
  void set_alive(const lb_destination& to, bool alive);

 private:
  struct known {  // told of a destination, whether an element holds it or not
    lb_next_hop hop;
    bool alive = true;
  };
  void fill(std::uint16_t element, const lb_destination& to);
  void show(const lb_destination& to);
  std::uint64_t word_of(const lb_destination& to) const;

  const rw_lb_memory& memory_;
  std::map<lb_destination, std::uint16_t> elements_;
  std::map<lb_destination, known> known_;
  std::vector<std::optional<lb_destination>> held_;
  std::vector<std::uint16_t> free_, retired_;
};

}  // namespace ringway
