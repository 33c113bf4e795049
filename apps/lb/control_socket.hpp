// SPDX-License-Identifier: BSD-2-Clause
// A Unix socket that takes requests and gives answers, each a line of JSON: {"verb": "drain", ...} ->
// {"ok": true, ...} or {"ok": false, "error": "..."}. Who may use it is a matter of its file mode.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "event_loop.hpp"

namespace ringway::lb_app {

class control_socket {
 public:
  /// `answer` is given a line and returns a line (both without the newline); it may throw, which is answered.
  /// Refuses a path at which somebody listens; takes over one that nobody does.
  control_socket(event_loop& loop, const std::string& path, std::uint32_t mode,
                 std::function<std::string(const std::string&)> answer);
  ~control_socket();  // removes the path

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway::lb_app
