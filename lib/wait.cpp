// SPDX-License-Identifier: BSD-2-Clause
#include <poll.h>

#include <array>
#include <ringway/worker.hpp>

namespace ringway {

void wait_for_packets(const std::vector<worker_queue>& queues, int ms) noexcept {
  // poll() looks at so many sockets; a worker with more of them sleeps for a millisecond instead. A poll()
  // that is interrupted, or that cannot tell (a deleted interface), returns early or late: the loop looks for
  // itself.
  std::array<pollfd, 64> fds;
  if (queues.size() > fds.size()) {
    (void)::poll(nullptr, 0, 1);
    return;
  }
  nfds_t n = 0;
  for (const worker_queue& q : queues) fds[n++] = {.fd = q.socket->fd(), .events = POLLIN, .revents = 0};
  (void)::poll(fds.data(), n, ms);
}

}  // namespace ringway
