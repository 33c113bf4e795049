// SPDX-License-Identifier: BSD-2-Clause
// A listening Unix socket at a path, and the path's end with it.
#pragma once
#include <sys/types.h>
#include <sys/un.h>

#include <cstdint>
#include <ringway/unique_fd.hpp>
#include <string>

namespace ringway::lb_app {

/// Throws usage_error for a path that is empty or does not fit.
sockaddr_un control_address(const std::string& path);

class control_path {
 public:
  /// Listens, non-blocking. Nobody can connect before the path has its mode.
  control_path(const std::string& path, std::uint32_t mode);
  ~control_path();
  control_path(const control_path&) = delete;
  control_path& operator=(const control_path&) = delete;

  int fd() const noexcept { return socket_.value(); }

 private:
  std::string path_;
  unique_fd socket_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace ringway::lb_app
