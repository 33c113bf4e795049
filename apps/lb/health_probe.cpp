// SPDX-License-Identifier: BSD-2-Clause
#include "health_probe.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>

namespace ringway::lb_app {
namespace {

constexpr std::size_t longest_answer = 4096;  // up to the end of its first line, interim ones included

std::string host_of(const check_target& t) {
  if (!t.how.host.empty()) return t.how.host;
  return t.address.family == 6 ? fmt::format("[{}]", t.address.text()) : t.address.text();
}

std::string expected(const health_check& how) {
  if (how.status_least == how.status_most) return fmt::format("{}", how.status_least);
  return fmt::format("{}-{}", how.status_least, how.status_most);
}

socklen_t socket_address(const ip_address& address, std::uint16_t port, sockaddr_storage& out) {
  if (address.family == 6) {
    sockaddr_in6 a{};
    a.sin6_family = AF_INET6;
    a.sin6_port = htons(port);
    std::memcpy(&a.sin6_addr, address.words.data(), sizeof a.sin6_addr);
    std::memcpy(&out, &a, sizeof a);
    return sizeof a;
  }
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  std::memcpy(&a.sin_addr, address.words.data(), sizeof a.sin_addr);
  std::memcpy(&out, &a, sizeof a);
  return sizeof a;
}

/// RFC 9112 4: HTTP-version SP 3DIGIT SP reason, and some leave the second space out.
int status_in(std::string_view line) {
  const auto digit = [&](std::size_t i) { return line[i] >= '0' && line[i] <= '9'; };
  const bool right = line.size() >= 12 && line.starts_with("HTTP/1.") && digit(7) && line[8] == ' ' &&
                     digit(9) && digit(10) && digit(11) &&
                     (line.size() == 12 || line[12] == ' ' || line[12] == '\r');
  if (!right) throw error(EPROTO, "read an HTTP status line");
  return 100 * (line[9] - '0') + 10 * (line[10] - '0') + (line[11] - '0');
}

/// Where the header section that begins there ends; npos: not yet.
std::size_t end_of_header(std::string_view text) {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    const std::string_view rest = text.substr(at + 1);
    if (rest.starts_with("\n")) return at + 2;
    if (rest.starts_with("\r\n")) return at + 3;
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<int> http_status(std::string_view received) {
  const bool full = received.size() >= longest_answer;
  for (;;) {
    const std::size_t end = received.find('\n');
    if (end == std::string_view::npos) break;
    const int status = status_in(received.substr(0, end));
    if (status < 100) throw error(EPROTO, "read an HTTP status line");
    if (status >= 200 || status == 101) return status;
    const std::size_t next = end_of_header(received);
    if (next == std::string_view::npos) break;
    received.remove_prefix(next);
  }
  if (full) throw error(EPROTO, "find an HTTP status line");
  return std::nullopt;
}

health_probe::health_probe(event_loop& loop, const check_target& target, const probe_way& way,
                           std::function<void(std::string)> done)
    : loop_(loop), target_(target), done_(std::move(done)) {
  try {
    open(way);
  } catch (const std::exception& e) {
    timer_ = loop_.after({}, [this, why = std::string(e.what())] {
      timer_ = 0;
      end(why);
    });
    return;
  }
  timer_ = loop_.after(target_.how.timeout, [this] {
    timer_ = 0;
    end(fmt::format("{}: no answer within {} ms", connected_ ? "HTTP" : "connect",
                    target_.how.timeout.count()));
  });
}

health_probe::~health_probe() {
  loop_.cancel(timer_);
  if (socket_) loop_.remove(socket_.value());
}

void health_probe::open(const probe_way& way) {
  if (!way.mark) throw usage_error("no way to the real: {}", way.why);
  const int family = target_.address.family == 6 ? AF_INET6 : AF_INET;
  socket_ = unique_fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) throw error(errno, "open a socket");
  const int fd = socket_.value(), on = 1;
  const linger at_once{1, 0};  // a reset at the end: nothing stays in TIME_WAIT, here or at the real
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  if (*way.mark != 0 && ::setsockopt(fd, SOL_SOCKET, SO_MARK, &*way.mark, sizeof *way.mark) != 0)
    throw error(errno, "mark a socket");
  sockaddr_storage a{};
  if (way.source) {
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);  // the port when it connects
    const socklen_t length = socket_address(way.source, 0, a);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&a), length) != 0)
      throw error(errno, "send from {}", way.source.text());
  }
  const socklen_t length = socket_address(target_.address, target_.port, a);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&a), length) != 0 && errno != EINPROGRESS)
    throw error(errno, "connect");
  loop_.add(fd, EPOLLOUT, [this](std::uint32_t events) { ready(events); });
}

void health_probe::ready(std::uint32_t events) {
  if (!connected_) {
    int failure = 0;
    socklen_t size = sizeof failure;
    ::getsockopt(socket_.value(), SOL_SOCKET, SO_ERROR, &failure, &size);
    if (failure != 0) return end(fmt::format("connect: {}", std::strerror(failure)));
    connected_ = true;
    if (target_.how.kind == check_kind::tcp) return end({});
    to_send_ =
        fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: ringway-lb\r\nConnection: close\r\n\r\n",
                    target_.how.path, host_of(target_));
  }
  if (!to_send_.empty()) return send_request();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_answer();
}

void health_probe::send_request() {
  const ssize_t n = ::send(socket_.value(), to_send_.data(), to_send_.size(), MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN) return end(fmt::format("HTTP: {}", std::strerror(errno)));
  if (n > 0) to_send_.erase(0, static_cast<std::size_t>(n));
  if (to_send_.empty()) loop_.change(socket_.value(), EPOLLIN);
}

void health_probe::read_answer() {
  std::array<char, longest_answer> block;
  const ssize_t n = ::recv(socket_.value(), block.data(), block.size(), 0);
  if (n < 0) {
    if (errno != EAGAIN) end(fmt::format("HTTP: {}", std::strerror(errno)));
    return;
  }
  if (n == 0) return end("HTTP: the connection ended before a status");
  received_.append(block.data(), static_cast<std::size_t>(n));
  try {
    const auto status = http_status(received_);
    if (!status) return;
    const health_check& how = target_.how;
    if (*status >= how.status_least && *status <= how.status_most) return end({});
    end(fmt::format("HTTP {}, expected {}", *status, expected(how)));
  } catch (const error&) {
    end("HTTP: what came is no answer of it");
  }
}

/// The last thing that is done here: `done` may destroy this.
void health_probe::end(std::string why) {
  if (over_) return;
  over_ = true;
  loop_.cancel(timer_);
  timer_ = 0;
  if (socket_) loop_.remove(socket_.value());
  socket_ = unique_fd();
  const auto done = std::move(done_);
  done(std::move(why));
}

}  // namespace ringway::lb_app
