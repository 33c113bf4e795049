// SPDX-License-Identifier: BSD-2-Clause
// Ports, workers and their threads, put together: what a program owns to forward packets over AF_XDP.
//
//   forwarder<my_function, 256> f(config, [&](unsigned worker) { return my_function{...}; });
//   f.start();                       // attached, carrier up: a frame sent from now on is forwarded
//   while (...) f.watch(200ms);      // throws when an interface is deleted
//   f.stop();                        // programs off, rings emptied
//   forwarder_stats s = f.stats();   // at any time, from one control thread
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <ringway/port.hpp>
#include <ringway/stats.hpp>
#include <ringway/worker.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ringway {

enum class idle_policy { spin, poll };

struct forwarder_config {
  std::vector<port_config> ports{};  // port i of verdicts is ports[i]; 1 to RW_PORTS_MAX
  std::vector<int> cpus{};           // a worker for each, pinned to it; empty: `workers` threads, not pinned
  std::uint32_t workers = 1;
  std::uint32_t frames = 0;      // per worker; 0: as many as its rings can hold
  std::uint32_t frame_size = 0;  // 2048 or 4096; 0: by the largest MTU
  huge_pages pages = huge_pages::automatic;
  xsk_config socket{};           // ring sizes, bind mode, TX budget, busy polling
  std::uint32_t tx_retries = 1;  // kicks of a full TX ring before a packet is dropped
  idle_policy idle = idle_policy::spin;
  std::chrono::seconds wait_carrier{10};  // 0: do not wait
};

struct port_report {
  std::string name;
  std::vector<std::uint32_t> queues;
  bool zero_copy = false;
  attach_mode attach = attach_mode::automatic;
  port_stats stats;
};

struct worker_report {
  int cpu = -1;  // -1: not pinned
  std::uint64_t turns = 0, kicks = 0, rx_kicks = 0, kick_errors = 0, longest_gap_us = 0, stalls = 0,
                pool_empty = 0, bad_completions = 0, busy_us = 0;
};

struct forwarder_stats {
  std::chrono::duration<double> elapsed{0};  // since start()
  std::vector<port_report> ports;
  std::vector<worker_report> workers;
  std::uint64_t frames = 0;
  std::uint64_t leaked = 0;  // frames that are in no place, or in two; known after stop()
};

/// The descriptors behind a forwarder, and what it takes to read them: packet memory, state memory
/// (state.hpp) and sockets. Another process that holds copies (SCM_RIGHTS, pidfd_getfd) maps all of it, the
/// rings too from Linux 6.4 on, and still sees every frame when this process is gone: a restart without loss
/// begins here.
struct forwarder_files {
  struct socket {
    port_id port;
    std::uint32_t worker, queue;
    int fd;
  };
  int packet_memory = -1, state = -1;                                // still the forwarder's own
  std::uint32_t workers = 0, ports = 0, frames = 0, frame_size = 0;  // frames: per worker
  std::uint32_t ring_size = 0;                                       // of RX, TX and completion; fill: twice
  std::vector<socket> sockets;
};

/// Everything that does not depend on the network function. Its functions are for one control thread.
class forwarder_base {
 public:
  virtual ~forwarder_base();
  forwarder_base(const forwarder_base&) = delete;
  forwarder_base& operator=(const forwarder_base&) = delete;

  /// Attaches the programs and waits for carrier on all ports. Throws ringway::error, with nothing left
  /// attached.
  void start();
  /// Sleeps for `timeout` or until something happens to an interface (logged). Throws ringway::error once a
  /// port was deleted or moved to another namespace.
  void watch(std::chrono::milliseconds timeout);
  /// Takes the programs off, lets the workers empty their rings (at most 200 ms), joins them. Idempotent.
  void stop() noexcept;

  forwarder_stats stats() const;
  /// Returns once every worker has begun a turn after this call: what a function read from a shared pointer
  /// before it was exchanged is no longer in use, and may be freed. At most some 100 ms (a worker that
  /// sleeps).
  void wait_for_turns() const;
  /// The reason of a counter slot (port_stats::drops), as reports name it; empty for an unused slot.
  std::string_view reason_name(std::uint32_t slot) const noexcept;
  forwarder_files files() const;
  std::size_t port_count() const noexcept;
  const interface& port_interface(port_id id) const noexcept;

 protected:
  struct control;  // how a worker's thread talks to us
  using thread_body = std::function<void(unsigned worker, worker_config, control&)>;
  forwarder_base(const forwarder_config& config, std::uint32_t capacity,
                 std::span<const std::string_view> drop_names);
  /// Opens the sockets and starts the workers; returns when every fill ring is full.
  void launch(const thread_body& body);

  /// The life of a worker's thread, seen from the template below.
  static void announce_ready(control& c) noexcept;
  static const std::atomic<bool>& stop_flag(const control& c) noexcept;
  static std::uint32_t idle_turns(const control& c) noexcept;
  static std::uint64_t drain_limit() noexcept;
  static void report(control& c, const frame_ledger& ledger) noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// The name of a library reason, or null beyond the last. Free function, for the XDP datapath's reports too.
const char* library_reason_name(std::uint32_t reason) noexcept;

template <network_function F, std::uint32_t Capacity = 64>
class forwarder final : public forwarder_base {
 public:
  /// `make(worker)` gives each worker its own function; it runs on that worker's thread, on its CPU.
  /// Opens everything; throws ringway::error or ringway::usage_error with nothing left behind.
  template <class Make>
  forwarder(const forwarder_config& config, Make make)
      : forwarder_base(config, Capacity, drop_names_of<F>()) {
    launch([make](unsigned index, worker_config resources, control& c) {
      const auto w = std::make_unique<worker<F, Capacity>>(std::move(resources), make(index));
      announce_ready(c);
      w->run(stop_flag(c), idle_turns(c));
      w->drain(drain_limit());
      report(c, w->ledger());
    });
  }
  ~forwarder() override { stop(); }
};

}  // namespace ringway
