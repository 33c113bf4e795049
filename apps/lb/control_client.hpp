// SPDX-License-Identifier: BSD-2-Clause
// The other end of control_socket: asks a running balancer, and waits for its answers.
#pragma once
#include <ringway/unique_fd.hpp>
#include <string>

namespace ringway::lb_app {

class control_client {
 public:
  /// Throws usage_error for a path that is too long, ringway::error where nobody listens.
  explicit control_client(const std::string& path);
  /// A line for a line, both without the newline. Throws ringway::error when there is no answer within a
  /// minute, or the balancer is gone.
  std::string ask(const std::string& line);

 private:
  std::string path_;
  unique_fd socket_;
  std::string in_;
};

}  // namespace ringway::lb_app
