// SPDX-License-Identifier: BSD-2-Clause
#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ringway/error.hpp>
#include <ringway/log.hpp>
#include <ringway/netns.hpp>

#include "netns_names.hpp"

namespace ringway {
namespace {

std::uint64_t inode_of(int fd, const std::string& name) {
  struct stat s {};
  if (::fstat(fd, &s) != 0) throw error(errno, "look at network namespace {}", name);
  return s.st_ino;
}

bool all_digits(const std::string& s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string known_names() {
  std::string list;
  for (const std::string& name : netns_names()) list += (list.empty() ? "" : ", ") + name;
  return list.empty() ? "there are none" : "there are " + list;
}

}  // namespace

std::vector<std::string> netns_names() {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(netns_folder), ::closedir);
  if (!dir) return names;  // no namespace has ever been named here
  while (const dirent* entry = ::readdir(dir.get()))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  std::sort(names.begin(), names.end());
  return names;
}

netns::netns(unique_fd file, std::string name)
    : file_(std::make_shared<const unique_fd>(std::move(file))),
      inode_(inode_of(file_->value(), name)),
      name_(std::move(name)) {}

netns netns::current() {
  unique_fd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) throw error(errno, "open the current network namespace (is /proc mounted?)");
  return netns(std::move(fd), "");
}

netns netns::open(const std::string& which) {
  if (which.empty()) throw error(EINVAL, "open network namespace: empty name");
  const bool path = which.find('/') != std::string::npos;
  unique_fd fd(::open((path ? which : netns_folder + ("/" + which)).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT && !path && all_digits(which)) {
    fd.reset(::open(("/proc/" + which + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw error(errno, "open the network namespace of process {}", which);
  }
  if (!fd && path) throw error(errno, "open network namespace {}", which);
  if (!fd) throw error(errno, "open network namespace {} ({})", which, known_names());
  // Any file opens; only a network namespace says so. A plain file under /run/netns is one that `ip netns
  // add` has created and not mounted, or that has lost its mount.
  if (::ioctl(fd.value(), NS_GET_NSTYPE) != CLONE_NEWNET)
    throw error(EINVAL, "{} is no network namespace", which);
  return netns(std::move(fd), which);
}

std::string netns::command_prefix() const {
  if (name_.empty()) return "";
  if (name_.find('/') != std::string::npos) return "nsenter --net=" + name_ + " ";
  struct stat s {};
  const bool named = ::stat((std::string(netns_folder) + "/" + name_).c_str(), &s) == 0 && s.st_ino == inode_;
  return named ? "ip netns exec " + name_ + " " : "nsenter -n -t " + name_ + " ";
}

netns_scope::netns_scope(const netns& where) {
  netns now = netns::current();
  if (now == where) return;
  if (::setns(where.fd(), CLONE_NEWNET) != 0)
    throw error(errno, "enter network namespace {}{}", where.name(),
                errno == EPERM ? " (run as root or with CAP_SYS_ADMIN)" : "");
  back_.reset(::fcntl(now.fd(), F_DUPFD_CLOEXEC, 0));
  if (back_) return;
  int e = errno;
  if (::setns(now.fd(), CLONE_NEWNET) != 0) std::abort();
  throw error(e, "enter network namespace {}", where.name());
}

netns_scope::~netns_scope() {
  if (!back_ || ::setns(back_.value(), CLONE_NEWNET) == 0) return;
  // Whatever this thread did next would be done to another namespace's interfaces of the same name.
  log(log_level::error, "cannot return to the network namespace that this thread came from: aborting");
  std::abort();
}

}  // namespace ringway
