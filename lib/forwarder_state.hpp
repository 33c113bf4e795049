// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <ringway/forwarder.hpp>
#include <ringway/link_watch.hpp>
#include <thread>
#include <vector>

namespace ringway {

/// One worker's thread and what it is told and tells. Memory is touched on the worker's CPU before the kernel
/// pins it.
struct forwarder_base::control {
  unsigned index = 0;
  int cpu = -1;
  std::uint32_t idle_turns = 0;
  const std::atomic<bool>* stop = nullptr;
  std::latch* touched = nullptr;
  std::latch* ready = nullptr;
  std::atomic<bool> ready_told{false};
  std::exception_ptr failure;  // read after `ready`
  frame_ledger ledger;         // read after join
};

struct forwarder_base::state {
  struct socket {
    port_id port;
    std::uint32_t worker;
    xsk socket;
  };

  forwarder_config config;
  std::uint32_t capacity = 0;
  std::span<const std::string_view> drop_names;
  std::vector<port> ports;
  std::vector<std::vector<std::vector<std::uint32_t>>> shares;  // [worker][port] -> queues
  std::uint32_t frames = 0, frame_size = 0;                     // frames: per worker
  std::optional<umem> memory;
  std::optional<memory_file> state_memory;
  std::optional<state_layout> layout;
  std::vector<socket> sockets;  // after memory: closed before it goes
  std::optional<link_watch> links;
  std::vector<std::unique_ptr<control>> controls;
  std::vector<std::thread> threads;
  std::atomic<bool> stopping{false};
  bool stopped = false;
  std::chrono::steady_clock::time_point started{}, ended{};

  void open_sockets();
  void attach();
  std::exception_ptr failure_of_a_worker() const;
  void size_memory();
  void run_thread(control& c, const thread_body& body, std::latch& opened, const bool& open_failed);
  worker_config resources(unsigned worker);
};

}  // namespace ringway
