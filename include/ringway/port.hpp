// SPDX-License-Identifier: BSD-2-Clause
// An interface whose packets come to us: the steering program, the map of sockets, promiscuity.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ringway/interface.hpp>
#include <ringway/packet.hpp>
#include <ringway/program.hpp>
#include <ringway/queues.hpp>
#include <ringway/xsk.hpp>
#include <string>
#include <vector>

namespace ringway {

/// A program that is loaded, and decides which packets of a port go to the socket of their queue.
struct steering_program {
  int program_fd = -1;
  int sockets_fd = -1;   // its XSKMAP, by queue
  int counters_fd = -1;  // its `counters` (bpf/counters.h), of which `passed` and `unserved_queue` are read
  std::shared_ptr<void> owner{};  // keeps all of it
};
/// Loads it for the port of that number. Throws ringway::error.
using steering_loader = std::function<steering_program(const interface& where, port_id id)>;

struct port_config {
  std::string interface {};  // "IF" or "NETNS/IF"
  queue_selection queues{};
  attach_mode attach = attach_mode::automatic;
  bool replace = false;        // take the place of a program that is there
  bool promiscuous = true;     // for as long as the port lives
  steering_loader steering{};  // none: every packet goes to the socket of its queue (bpf/redirect.bpf.c)
};

class port {
 public:
  /// Finds the interface and loads the steering program (CAP_BPF, CAP_NET_ADMIN); nothing is attached yet.
  port(const port_config& config, port_id id);
  ~port();
  port(port&&) noexcept;
  port(const port&) = delete;
  port& operator=(const port&) = delete;
  port& operator=(port&&) = delete;

  const ringway::interface& where() const noexcept;
  const std::vector<std::uint32_t>& served() const noexcept;  ///< RX queue numbers, ascending

  /// Opens the socket of a served queue and enters it in the program's map. Packets come once attach() has
  /// been called.
  xsk open(umem& memory, std::uint32_t queue, const xsk_config& config);

  /// Puts the program on the interface. Before: sockets open, fill rings full.
  void attach();
  /// Takes it off: from now on packets go to the kernel's stack. Nothing is lost from the rings.
  void detach() noexcept;
  /// native or generic, as read back from the kernel; automatic: never attached.
  attach_mode attached() const noexcept;

  /// Counted by the steering program, summed over CPUs.
  struct steering {
    std::uint64_t passed = 0, unserved_queue = 0;
  };
  steering steered() const;

 private:
  struct state;
  std::unique_ptr<state> state_;  // libbpf stays out of the header
};

}  // namespace ringway
