// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include "plane.hpp"
#include "plane_model.hpp"
#include "plane_overlay.hpp"

namespace ringway::lb_app {

struct control_plane::state {
  lb_store& store;
  lb_tables tables;
  surroundings around;
  configuration file;
  overlay changes;
  std::unique_ptr<plane_model> model;
  std::string trouble;  // why settle() could not; empty: it could
  std::uint32_t serial = 0;
  std::uint32_t next_bucket = 0;  // of the pass over the connection table
  std::optional<std::uint32_t> last_tick;
  lb_occupancy passing, passed;

  state(lb_store& s, const lb_keys& keys, std::function<void()> wait);

  /// All of it, or a usage_error and nothing. `file` is the caller's to set.
  lb_change put(const configuration& next, overlay changed);
  /// The same file with other changes at run time; calls `then` once they are in force.
  lb_change change(overlay next, const std::function<void()>& then);

 private:
  void tell_better(plane_model& next);
  void tell_worse(const plane_model& next);
  void take_back(const plane_model& next);
  const plane_model::destination* old(const lb_destination& to) const {
    return model == nullptr ? nullptr : model->find(to);
  }
};

}  // namespace ringway::lb_app
