// SPDX-License-Identifier: BSD-2-Clause
// A process that does something until it is killed: with kill -9 when the object goes, so that nothing of it
// is undone but what the kernel undoes.
#pragma once
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <stdexcept>

namespace ringway::test {

class child {
 public:
  explicit child(const std::function<void()>& body) {
    if (::pipe(pipe_.data()) != 0) throw std::runtime_error("pipe failed");
    id_ = ::fork();
    if (id_ < 0) throw std::runtime_error("fork failed");
    if (id_ != 0) {
      ::close(pipe_[1]);
      return;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ready_fd() = pipe_[1];
    try {
      body();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "child: %s\n", e.what());
    }
    ::_exit(1);
  }
  ~child() {
    kill9();
    ::close(pipe_[0]);
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  pid_t id() const noexcept { return id_; }
  /// Throws when the child ends before it is ready.
  void wait_until_ready() const {
    char byte = 0;
    if (::read(pipe_[0], &byte, 1) != 1) throw std::runtime_error("the child process failed");
  }
  void kill9() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
    id_ = -1;
  }

  /// In the child.
  [[noreturn]] static void ready_and_wait() {
    if (::write(ready_fd(), "r", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }

 private:
  static int& ready_fd() {
    static int fd = -1;
    return fd;
  }
  std::array<int, 2> pipe_{};
  pid_t id_ = -1;
};

}  // namespace ringway::test
