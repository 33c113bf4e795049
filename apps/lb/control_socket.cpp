// SPDX-License-Identifier: BSD-2-Clause
#include "control_socket.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <map>
#include <ringway/log.hpp>
#include <ringway/unique_fd.hpp>

#include "control_path.hpp"
#include "verbs.hpp"

namespace ringway::lb_app {
namespace {

struct client {
  unique_fd socket;
  std::string in;        // received; lines not answered yet, and the beginning of the next
  std::string out;       // not sent yet, from `sent` on
  std::size_t sent = 0;  // of `out`
  bool ended = false;    // it sends nothing any more
  bool closing = false;  // once `out` is sent
  std::uint32_t watched = EPOLLIN;
  event_loop::timer next = 0;      // more lines are there
  event_loop::timer patience = 0;  // `out` must move before
};

}  // namespace

struct control_socket::state {
  event_loop& loop;
  std::function<std::string(const std::string&)> answer;
  control_limits limits;
  control_path path;
  std::map<int, client> clients;  // by descriptor
  event_loop::timer again = 0;    // accept, after a lack of descriptors

  state(event_loop& l, const std::string& where, std::uint32_t mode,
        std::function<std::string(const std::string&)> a, control_limits most)
      : loop(l), answer(std::move(a)), limits(most), path(where, mode) {
    loop.add(path.fd(), EPOLLIN, [this](std::uint32_t) { accept_all(); });
  }
  ~state() {
    loop.cancel(again);
    loop.remove(path.fd());
    while (!clients.empty()) close(clients.begin()->first);
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  void accept_all();
  void add(unique_fd socket);
  void close(int fd);
  void ready(int fd, std::uint32_t events);
  bool receive(client& c);
  void step(int fd);
  bool send(client& c);
  void handle_line(client& c);
  void watch(int fd, client& c);
};

void control_socket::state::accept_all() {
  for (int i = 0; i < 16; ++i) {
    unique_fd s(::accept4(path.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (s) {
      add(std::move(s));
      continue;
    }
    if (errno == ECONNABORTED || errno == EINTR) continue;
    if (errno == EAGAIN) return;
    // No descriptors or memory left: the connection stays where it is, and must not wake us all the time.
    log(log_level::warning, "the control socket takes no connection: {}",
        std::generic_category().message(errno));
    loop.change(path.fd(), 0);
    again = loop.after(std::chrono::seconds(1), [this] { loop.change(path.fd(), EPOLLIN); });
    return;
  }
}

void control_socket::state::add(unique_fd socket) {
  const int fd = socket.value();
  if (clients.size() >= limits.clients) {
    const std::string line = refusal("too many ask at the same time") + "\n";
    if (::send(fd, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return;  // gone already
    return;
  }
  loop.add(fd, EPOLLIN, [this, fd](std::uint32_t events) { ready(fd, events); });
  clients[fd].socket = std::move(socket);
}

void control_socket::state::close(int fd) {
  const auto at = clients.find(fd);
  loop.cancel(at->second.next);
  loop.cancel(at->second.patience);
  loop.remove(fd);
  clients.erase(at);
}

void control_socket::state::ready(int fd, std::uint32_t events) {
  const auto at = clients.find(fd);
  if (at == clients.end()) return;
  client& c = at->second;
  const bool reading = (c.watched & EPOLLIN) != 0;
  const bool gone = (events & EPOLLERR) != 0 || ((events & EPOLLHUP) != 0 && !reading);
  if (gone || (reading && !receive(c))) return close(fd);
  step(fd);
}

/// What is there, up to a line too long. False: the connection is broken.
bool control_socket::state::receive(client& c) {
  std::array<char, 16 * 1024> some{};
  while (c.in.size() <= limits.line) {
    const ssize_t n = ::recv(c.socket.value(), some.data(), some.size(), 0);
    if (n > 0) {
      c.in.append(some.data(), static_cast<std::size_t>(n));
      continue;
    }
    if (n == 0) c.ended = true;
    if (n == 0 || errno == EAGAIN) return true;
    if (errno != EINTR) return false;
  }
  return true;
}

void control_socket::state::handle_line(client& c) {
  const std::size_t end = c.in.find('\n');
  if (end == std::string::npos || end > limits.line) {
    c.out += refusal(fmt::format("a request longer than {} bytes", limits.line)) + "\n";
    c.closing = true;
    return;
  }
  const std::string line = c.in.substr(0, end);
  c.in.erase(0, end + 1);
  if (line.empty()) return;
  try {
    c.out += answer(line);
  } catch (const std::exception& e) {
    c.out += refusal(e.what());
  }
  c.out += '\n';
}

/// False: the connection is broken.
bool control_socket::state::send(client& c) {
  while (c.sent < c.out.size()) {
    const ssize_t n = ::send(c.socket.value(), c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    c.sent += static_cast<std::size_t>(n);
    loop.cancel(c.patience);
    c.patience = 0;
  }
  c.out.clear();
  c.sent = 0;
  return true;
}

/// One request at most: others of the loop have their turn between two.
void control_socket::state::step(int fd) {
  client& c = clients.at(fd);
  const auto has_line = [&] { return c.in.find('\n') != std::string::npos || c.in.size() > limits.line; };
  if (c.out.empty() && has_line()) handle_line(c);
  if (!send(c)) return close(fd);
  if (c.out.empty() && (c.closing || (c.ended && !has_line()))) return close(fd);
  loop.cancel(c.next);
  c.next = 0;
  if (c.out.empty() && has_line()) {
    c.next = loop.after(std::chrono::seconds(0), [this, fd] {
      clients.at(fd).next = 0;
      step(fd);
    });
  }
  watch(fd, c);
}

void control_socket::state::watch(int fd, client& c) {
  std::uint32_t events = c.ended || c.closing || c.next != 0 ? 0u : EPOLLIN;
  if (!c.out.empty()) events = EPOLLOUT;
  if (events != c.watched) loop.change(fd, events);
  c.watched = events;
  if (c.out.empty() || c.patience != 0) return;
  c.patience = loop.after(limits.patience, [this, fd] {
    clients.at(fd).patience = 0;
    close(fd);
  });
}

control_socket::control_socket(event_loop& loop, const std::string& path, std::uint32_t mode,
                               std::function<std::string(const std::string&)> answer, control_limits limits)
    : state_(std::make_unique<state>(loop, path, mode, std::move(answer), limits)) {}

control_socket::~control_socket() = default;

}  // namespace ringway::lb_app
