// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <memory>
#include <ringway/unique_fd.hpp>
#include <string>

namespace ringway {

/// A network namespace, kept alive by an open file. Copies share the file.
class netns {
 public:
  /// That of the calling thread.
  static netns current();
  /// A name under /run/netns, the id of a process in it, or a path (whatever holds a '/'). A name wins over a
  /// process.
  static netns open(const std::string& which);

  /// Which namespace it is: equal inodes, equal namespaces. An ifindex means nothing without it.
  std::uint64_t inode() const noexcept { return inode_; }
  int fd() const noexcept { return file_->value(); }
  /// As given to open(); empty for current().
  const std::string& name() const noexcept { return name_; }
  /// What a user types to run something in it: "ip netns exec gen ", "nsenter --net=PATH "; empty for the
  /// caller's own.
  std::string command_prefix() const;

  friend bool operator==(const netns& a, const netns& b) noexcept { return a.inode_ == b.inode_; }

 private:
  netns(unique_fd file, std::string name);

  std::shared_ptr<const unique_fd> file_;
  std::uint64_t inode_;
  std::string name_;
};

/// Moves the calling thread into a namespace and back at the end of the scope. Nothing happens when it is
/// there already. setns(2): CAP_SYS_ADMIN. Sockets and BPF links made inside stay in that namespace; /sys
/// does not follow.
class netns_scope {
 public:
  explicit netns_scope(const netns& where);
  ~netns_scope();
  netns_scope(const netns_scope&) = delete;
  netns_scope& operator=(const netns_scope&) = delete;

 private:
  unique_fd back_;  // none: we were there already
};

}  // namespace ringway
