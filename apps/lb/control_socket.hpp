// SPDX-License-Identifier: BSD-2-Clause
// A Unix socket that takes requests and gives answers, each a line of JSON: {"verb": "drain", ...} ->
// {"ok": true, ...} or {"ok": false, "error": "..."}. Who may use it is a matter of its file mode.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "event_loop.hpp"

namespace ringway::lb_app {

/// A client that does not keep to these is told so, where it can be, and loses its connection. None holds up
/// the loop: a client's next request is looked at when it has taken the answer to the one before.
struct control_limits {
  std::size_t line = 65536;                    // bytes of a request
  std::size_t clients = 64;                    // at a time
  std::chrono::milliseconds patience{30'000};  // without taking any of an answer
};

class control_socket {
 public:
  /// `answer` is given a line and returns a line (both without the newline); it may throw, which is answered.
  /// Refuses a path at which somebody listens, and one that is no socket; takes over one that nobody listens
  /// at any more. Throws usage_error for a path that is too long, ringway::error otherwise.
  control_socket(event_loop& loop, const std::string& path, std::uint32_t mode,
                 std::function<std::string(const std::string&)> answer, control_limits limits = {});
  ~control_socket();  // removes the path, if it is still this one's
  control_socket(const control_socket&) = delete;
  control_socket& operator=(const control_socket&) = delete;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace ringway::lb_app
