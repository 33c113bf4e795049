// SPDX-License-Identifier: BSD-2-Clause
// Namespaces and veth pairs for a test, with random names, gone when the test is: by destructors, also when a
// check throws; and by a watching child process, also on Ctrl-C, a crash and kill -9.
#pragma once
#include <ringway/interface.hpp>
#include <ringway/netns.hpp>
#include <string>

namespace ringway::test {

/// Runs a shell command; throws std::runtime_error with the command and what it wrote when it fails.
std::string run(const std::string& command);
/// The same without throwing: its exit status.
int status_of(const std::string& command);

class netns_guard {
 public:
  explicit netns_guard(const std::string& role);  // named rw-RANDOM-role
  ~netns_guard();
  netns_guard(const netns_guard&) = delete;
  netns_guard& operator=(const netns_guard&) = delete;

  const std::string& name() const noexcept { return name_; }
  netns ns() const { return netns::open(name_); }
  std::string run(const std::string& command) const;  // inside; by `ip netns exec`, so with a /sys of its own
  std::string path(const std::string& ifname) const { return name_ + "/" + ifname; }
  interface at(const std::string& ifname) const {
    return interface(path(ifname));
  }

 private:
  std::string name_;
};

struct veth_options {
  unsigned queues = 1;  // of either end
  bool offloads =
      false;        // leave checksumming and VLAN insertion as the kernel sets them: for tests of warnings
  bool gro = true;  // so that redirects are accepted
  bool up = true;
};
/// A veth pair between two namespaces (or within one).
void make_veth(const netns_guard& a, const std::string& a_ifname, const netns_guard& b,
               const std::string& b_ifname, const veth_options& options = {});

/// Waits until the condition holds; false when it does not within the time.
template <class Condition>
bool eventually(Condition condition, int milliseconds = 2000) {
  for (; milliseconds > 0; milliseconds -= 5) {
    if (condition()) return true;
    ::usleep(5000);
  }
  return condition();
}

}  // namespace ringway::test
