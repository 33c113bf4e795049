// SPDX-License-Identifier: BSD-2-Clause
#include "netns_guard.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <stdexcept>

namespace ringway::test {
namespace {

constexpr const char* folder = "/run/netns/";

// In the child: waits for the end of its parent, however that comes, and removes the namespaces it has left.
[[noreturn]] void watch(int parents_end, const std::string& prefix) {
  ::setsid();  // no Ctrl-C for us
  for (int fd = 3; fd < 256; ++fd)
    if (fd != parents_end) ::close(fd);
  char byte;
  while (::read(parents_end, &byte, 1) < 0 && errno == EINTR) {
  }
  if (DIR* dir = ::opendir(folder)) {
    while (const dirent* entry = ::readdir(dir)) {
      const std::string name = entry->d_name;
      if (!name.starts_with(prefix)) continue;
      ::umount2((folder + name).c_str(), MNT_DETACH);
      ::unlink((folder + name).c_str());
    }
    ::closedir(dir);
  }
  ::_exit(0);
}

unsigned made = 0;

// The part of all names that is this process's own. Starts the watcher on first use.
const std::string& prefix() {
  static const std::string own = [] {
    std::string p = fmt::format("rw-{:06x}-", std::random_device{}() & 0xffffffU);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
      ::close(ends[1]);
      watch(ends[0], p);
    }
    ::close(ends[0]);  // ends[1] stays open as long as we live
    return p;
  }();
  return own;
}

}  // namespace

std::string run(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen((command + " 2>&1").c_str(), "re"), ::pclose);
  if (!pipe) throw std::runtime_error("cannot run: " + command);
  std::string output;
  std::array<char, 4096> buffer;
  while (std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    output.append(buffer.data(), n);
  if (const int status = ::pclose(pipe.release()); status != 0)
    throw std::runtime_error(fmt::format("{}: exit status {}: {}", command, WEXITSTATUS(status), output));
  return output;
}

int status_of(const std::string& command) {
  const int status = std::system((command + " >/dev/null 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// Numbered, for a test may want two testbeds at once.
netns_guard::netns_guard(const std::string& role) : name_(fmt::format("{}{}{}", prefix(), role, ++made)) {
  test::run("ip netns add " + name_);
  try {
    run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; ip link set lo "
        "up");
  } catch (...) {
    status_of("ip netns del " + name_);
    throw;
  }
}

netns_guard::~netns_guard() { status_of("ip netns del " + name_); }

std::string netns_guard::run(const std::string& command) const {
  return test::run(fmt::format("ip netns exec {} sh -ec '{}'", name_, command));
}

void make_veth(const netns_guard& a, const std::string& a_ifname, const netns_guard& b,
               const std::string& b_ifname, const veth_options& options) {
  const std::string queues = fmt::format("numrxqueues {0} numtxqueues {0}", options.queues);
  test::run(fmt::format("ip -n {} link add {} {} type veth peer name {} netns {} {}", a.name(), a_ifname,
                        queues, b_ifname, b.name(), queues));
  const auto configure = [&](const netns_guard& where, const std::string& ifname) {
    std::string commands = ":";
    if (!options.offloads) commands += fmt::format("; ethtool -K {} tx off txvlan off", ifname);
    if (options.queues > 1) commands += fmt::format("; ethtool -L {0} rx {1} tx {1}", ifname, options.queues);
    if (options.up) commands += fmt::format("; ip link set {} up", ifname);
    where.run(commands);
  };
  configure(a, a_ifname);
  configure(b, b_ifname);
  // Last: the kernel lets a veth take redirected frames when its peer turns GRO on while it is up, or when it
  // comes up itself later than that.
  a.run(fmt::format("ethtool -K {} gro {}", a_ifname, options.gro ? "on" : "off"));
  b.run(fmt::format("ethtool -K {} gro {}", b_ifname, options.gro ? "on" : "off"));
}

}  // namespace ringway::test
