// SPDX-License-Identifier: BSD-2-Clause
#include "control_client.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <ringway/error.hpp>

#include "control_path.hpp"

namespace ringway::lb_app {

control_client::control_client(const std::string& path)
    : path_(path), socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (!socket_) throw error(errno, "make a socket");
  const sockaddr_un address = control_address(path);
  const timeval minute{.tv_sec = 60, .tv_usec = 0};  // a reload of thousands of rings takes seconds
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    if (::setsockopt(socket_.value(), SOL_SOCKET, option, &minute, sizeof(minute)) != 0)
      throw error(errno, "limit the wait for an answer");
  if (::connect(socket_.value(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return;
  const int why = errno;
  struct stat file {};
  if (why == ECONNREFUSED && ::stat(path.c_str(), &file) == 0 && !S_ISSOCK(file.st_mode))
    throw error(ENOTSOCK, "ask the balancer at {}", path);
  errno = why;
  const bool nobody = errno == ENOENT || errno == ECONNREFUSED;
  throw error(errno, "ask the balancer at {}{}", path, nobody ? " (none is running there)" : "");
}

std::string control_client::ask(const std::string& line) {
  const std::string out = line + "\n";
  for (std::size_t sent = 0; sent < out.size();) {
    const ssize_t n = ::send(socket_.value(), out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) break;  // it has said why
    if (n < 0) throw error(errno == EAGAIN ? ETIMEDOUT : errno, "ask the balancer at {}", path_);
    sent += static_cast<std::size_t>(n);
  }
  std::array<char, 65536> some{};
  std::size_t looked = 0;
  while (true) {
    const std::size_t end = in_.find('\n', looked);
    if (end != std::string::npos) {
      std::string answer = in_.substr(0, end);
      in_.erase(0, end + 1);
      return answer;
    }
    looked = in_.size();
    const ssize_t n = ::recv(socket_.value(), some.data(), some.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) throw error(ECONNRESET, "hear from the balancer at {}", path_);
    if (n < 0) throw error(errno == EAGAIN ? ETIMEDOUT : errno, "hear from the balancer at {}", path_);
    in_.append(some.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace ringway::lb_app
