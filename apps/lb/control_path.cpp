// SPDX-License-Identifier: BSD-2-Clause
#include "control_path.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>

namespace ringway::lb_app {
namespace {

unique_fd stream_socket() {
  unique_fd s(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!s) throw error(errno, "make the control socket");
  return s;
}

/// Held while a path is looked at and taken: two balancers that start at once must not both find it stale.
unique_fd lock_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  unique_fd f(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!f) throw error(errno, "open {}, where the control socket is to be", folder);
  while (::flock(f.value(), LOCK_EX) != 0)
    if (errno != EINTR) throw error(errno, "lock {}", folder);
  return f;
}

/// Removes what a balancer that was killed has left; throws for anything else.
void clear(const std::string& path, const sockaddr_un& address) {
  struct stat is {};
  if (::lstat(path.c_str(), &is) != 0) {
    if (errno == ENOENT) return;
    throw error(errno, "look at {}", path);
  }
  if (!S_ISSOCK(is.st_mode)) throw error(EEXIST, "make the control socket {}: it is no socket", path);
  const unique_fd probe = stream_socket();
  if (::connect(probe.value(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EAGAIN || errno == EINPROGRESS)
    throw error(EADDRINUSE, "make the control socket {}: somebody listens there", path);
  if (errno != ECONNREFUSED) throw error(errno, "find out whether somebody listens at {}", path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw error(errno, "remove the stale {}", path);
}

}  // namespace

sockaddr_un control_address(const std::string& path) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(a.sun_path))
    throw usage_error("the control socket's path '{}' has {} bytes (1 to {})", path, path.size(),
                      sizeof(a.sun_path) - 1);
  std::memcpy(a.sun_path, path.data(), path.size());
  return a;
}

// The mode that a socket has when it is bound is its path's, less the umask: never more than asked for. The
// rest follows before listen(), and until then a connect() is refused.
control_path::control_path(const std::string& path, std::uint32_t mode) : path_(path) {
  const sockaddr_un address = control_address(path);
  const unique_fd lock = lock_folder_of(path);
  clear(path, address);
  socket_ = stream_socket();
  if (::fchmod(socket_.value(), mode) != 0) throw error(errno, "set the mode of the control socket");
  if (::bind(socket_.value(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    throw error(errno, "make the control socket {}", path);
  struct stat is {};
  const bool done = ::lstat(path.c_str(), &is) == 0 && ::chmod(path.c_str(), mode) == 0 &&
                    ::listen(socket_.value(), 16) == 0;
  if (!done) {
    const int why = errno;
    ::unlink(path.c_str());
    throw error(why, "make the control socket {}", path);
  }
  device_ = is.st_dev;
  inode_ = is.st_ino;
}

// The socket holds its inode, so that the number is nobody else's yet.
control_path::~control_path() {
  struct stat is {};
  if (::lstat(path_.c_str(), &is) == 0 && is.st_dev == device_ && is.st_ino == inode_)
    ::unlink(path_.c_str());
}

}  // namespace ringway::lb_app
