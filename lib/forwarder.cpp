// SPDX-License-Identifier: BSD-2-Clause
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ringway/error.hpp>
#include <ringway/forwarder.hpp>
#include <ringway/log.hpp>

#include "forwarder_state.hpp"

namespace ringway {
namespace {

constexpr std::uint32_t turns_before_sleep = 64;

const forwarder_config& checked(const forwarder_config& c) {
  if (c.ports.empty()) throw usage_error("no port given");
  if (c.ports.size() > RW_PORTS_MAX) throw usage_error("{} ports: {} at most", c.ports.size(), RW_PORTS_MAX);
  if (c.cpus.empty() && c.workers == 0) throw usage_error("0 workers: at least one");
  return c;
}

void pin(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (const int e = ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set); e != 0)
    throw error(e, "pin a worker to CPU {}", cpu);
}

void touch(std::byte* from, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += 4096) from[i] = std::byte{0};
}

}  // namespace

forwarder_base::forwarder_base(const forwarder_config& config, std::uint32_t capacity,
                               std::span<const std::string_view> drop_names)
    : state_(std::make_unique<state>()) {
  state& s = *state_;
  s.config = checked(config);
  if (!config.cpus.empty()) s.config.workers = static_cast<std::uint32_t>(config.cpus.size());
  s.capacity = capacity;
  s.drop_names = drop_names;
  for (const port_config& p : config.ports) s.ports.emplace_back(p, static_cast<port_id>(s.ports.size()));
  for (std::uint32_t w = 0; w < s.config.workers; ++w) {
    auto& mine = s.shares.emplace_back();
    for (const port& p : s.ports)
      mine.push_back(queues_of_worker(p.where(), p.served(), w, s.config.workers));
  }
  std::vector<interface> watched;
  for (const port& p : s.ports) watched.push_back(p.where());
  s.links.emplace(watched);
  s.size_memory();
}

forwarder_base::~forwarder_base() { stop(); }

/// How many frames, of what size: from the rings unless given. Workers differ by a queue at most, and all get
/// as much as the one with the most.
void forwarder_base::state::size_memory() {
  std::uint32_t queues = 0;
  for (const auto& of_worker : shares) {
    std::uint32_t n = 0;
    for (const auto& of_port : of_worker) n += static_cast<std::uint32_t>(of_port.size());
    queues = std::max(queues, n);
  }
  std::uint32_t mtu = 0;
  for (const port& p : ports) mtu = std::max(mtu, p.where().mtu());
  frame_size = config.frame_size != 0 ? config.frame_size : default_frame_size(mtu);
  for (const port& p : ports) {
    if (p.where().mtu() + 14 > largest_packet(frame_size)) {
      log(log_level::warning,
          "{}: MTU {} exceeds a frame of {} bytes: packets of more than {} bytes are lost as rx_dropped; "
          "lower the MTU (ip link set {} mtu {})",
          p.where().name(), p.where().mtu(), frame_size, largest_packet(frame_size), p.where().ifname(),
          largest_packet(frame_size) - 14);
    }
  }
  const std::uint32_t ring = config.socket.ring_size;
  const auto port_number = static_cast<std::uint32_t>(ports.size());
  frames =
      config.frames != 0 ? config.frames : frames_needed(queues, port_number, ring, capacity, frame_size);
  const std::uint32_t least = frames_minimum(queues, ring, capacity),
                      least_of_one = frames_minimum(1, ring, capacity);
  if (frames < least_of_one)
    throw usage_error("{} frames: one queue with rings of {} needs {} (two fill rings and a batch)", frames,
                      ring, least_of_one);
  if (frames < least)
    throw error(ENOMEM, "{} frames for a worker with {} queues and rings of {}: {} are needed", frames,
                queues, ring, least);
  if (frame_size < 4096) frames = (frames + 1) / 2 * 2;  // whole pages
  memory.emplace(umem_config{
      .frames = frames * config.workers, .frame_size = frame_size, .headroom = 0, .pages = config.pages});
  layout.emplace(config.workers, port_number, frames, frame_size);
  state_memory.emplace("ringway-state", layout->bytes(), huge_pages::never);
  layout->format(state_memory->data());
  log(log_level::info, "packet memory: {} worker{} x {} frames x {} bytes = {} MiB{}", config.workers,
      config.workers == 1 ? "" : "s", frames, frame_size, memory->bytes() >> 20,
      memory->file().huge() ? ", huge pages" : "");
}

/// Sockets that share a UMEM share the first one's mode. With `automatic` the first may get zero-copy where
/// another port's driver has none: then all are opened again in copy mode.
void forwarder_base::state::open_sockets() {
  const auto open_all = [this](const xsk_config& c) {
    for (std::uint32_t w = 0; w < config.workers; ++w) {
      for (std::size_t p = 0; p < ports.size(); ++p) {
        for (const std::uint32_t q : shares[w][p])
          sockets.push_back({static_cast<port_id>(p), w, ports[p].open(*memory, q, c)});
      }
    }
  };
  sockets.reserve(64);
  try {
    open_all(config.socket);
  } catch (const error& e) {
    const bool mixed = config.socket.bind == bind_mode::automatic && !sockets.empty() &&
                       sockets.front().socket.bound_mode() == bind_mode::zero_copy;
    if (!mixed) throw;
    log(log_level::warning, "not every port has zero-copy ({}); all are opened in copy mode", e.what());
    while (!sockets.empty()) sockets.pop_back();
    xsk_config copy = config.socket;
    copy.bind = bind_mode::copy;
    open_all(copy);
  }
}

worker_config forwarder_base::state::resources(unsigned w) {
  const std::uint64_t second = ticks_per_second();
  worker_config c{.queues = {},
                  .state = layout->worker(state_memory->data(), w),
                  .base = memory->base(),
                  .tx = {.retries = config.tx_retries,
                         .hold = second / 20'000,   // 50 us
                         .pause = second / 1'000,   // 1 ms
                         .stall = second / 10},     // 100 ms
                  .tick_interval = second / 1'000,  // 1 ms
                  .busy_poll = config.socket.busy_poll_us != 0};
  for (socket& s : sockets)
    if (s.worker == w) c.queues.push_back({&s.socket, s.port});
  return c;
}

void forwarder_base::state::run_thread(control& c, const thread_body& body, std::latch& opened,
                                       const bool& open_failed) {
  bool touched_told = false;
  try {
    pin(c.cpu);
    const std::size_t share = std::size_t{frames} * frame_size;
    touch(memory->base() + c.index * share, share);
    c.touched->count_down();
    touched_told = true;
    opened.wait();
    if (!open_failed) body(c.index, resources(c.index), c);
  } catch (...) {
    c.failure = std::current_exception();
    if (!touched_told) c.touched->count_down();
  }
  if (!c.ready_told.exchange(true)) c.ready->count_down();
}

std::exception_ptr forwarder_base::state::failure_of_a_worker() const {
  for (const auto& c : controls)
    if (c->failure) return c->failure;
  return nullptr;
}

void forwarder_base::launch(const thread_body& body) {
  state& s = *state_;
  const std::uint32_t n = s.config.workers;
  // Shared with the threads: a failing launch() leaves them nothing that is gone.
  struct meeting {
    explicit meeting(std::uint32_t workers) : touched(workers), ready(workers), opened(1) {}
    std::latch touched, ready, opened;
    bool open_failed = false;
  };
  const auto m = std::make_shared<meeting>(n);
  for (unsigned w = 0; w < n; ++w) {
    auto c = std::make_unique<control>();
    c->index = w;
    c->cpu = s.config.cpus.empty() ? -1 : s.config.cpus[w];
    c->idle_turns = s.config.idle == idle_policy::spin ? 0 : turns_before_sleep;
    c->stop = &s.stopping;
    c->touched = &m->touched;
    c->ready = &m->ready;
    control& mine = *c;
    s.controls.push_back(std::move(c));
    try {
      s.threads.emplace_back([&s, &mine, m, body] { s.run_thread(mine, body, m->opened, m->open_failed); });
    } catch (const std::system_error& e) {  // those that run already wait for us
      m->open_failed = true;
      m->opened.count_down();
      stop();
      throw error(e.code().value(), "start the thread of worker {}", w);
    }
  }
  m->touched.wait();
  std::exception_ptr failure = s.failure_of_a_worker();  // a CPU that is not there
  try {
    if (!failure) s.open_sockets();
  } catch (...) {
    failure = std::current_exception();
  }
  m->open_failed = failure != nullptr;
  m->opened.count_down();
  m->ready.wait();
  if (!failure) failure = s.failure_of_a_worker();
  if (!failure) return;
  stop();
  std::rethrow_exception(failure);
}

void forwarder_base::state::attach() {
  for (port& p : ports) p.attach();
  const auto deadline = std::chrono::steady_clock::now() + config.wait_carrier;
  for (const port& p : ports) {
    while (config.wait_carrier.count() != 0 && !p.where().carrier()) {
      if (std::chrono::steady_clock::now() >= deadline)
        throw error(ENETDOWN, "wait {} s for carrier on {}", config.wait_carrier.count(), p.where().name());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
}

void forwarder_base::start() {
  state& s = *state_;
  try {
    s.attach();
  } catch (...) {
    for (port& p : s.ports) p.detach();
    throw;
  }
  s.started = std::chrono::steady_clock::now();
}

void forwarder_base::watch(std::chrono::milliseconds timeout) {
  for (const link_event& e : state_->links->wait(timeout)) {
    const std::string& name = state_->ports[e.port].where().name();
    if (e.what == link_change::deleted || e.what == link_change::moved)
      throw error(ENODEV, "forward on {}: the interface was {}", name, to_string(e.what));
    if (e.what == link_change::mtu_changed && e.mtu + 14 > largest_packet(state_->frame_size)) {
      log(log_level::warning, "{}: MTU is now {}, more than a frame of {} bytes holds", name, e.mtu,
          state_->frame_size);
    } else {
      log(log_level::info, "{}: {}", name, to_string(e.what));
    }
  }
}

void forwarder_base::stop() noexcept {
  state& s = *state_;
  if (s.stopped) return;
  s.stopped = true;
  for (port& p : s.ports) p.detach();
  // A program that is running still puts its packet into an RX ring, maybe after the worker has looked there
  // for the last time. This waits for those (an RCU grace period, 4 to 20 ms; EINVAL with nohz_full, then we
  // do not wait).
  (void)::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
  s.stopping.store(true);
  for (std::thread& t : s.threads) t.join();
  s.ended = std::chrono::steady_clock::now();
}

void forwarder_base::announce_ready(control& c) noexcept {
  c.ready_told.store(true);
  c.ready->count_down();
}
const std::atomic<bool>& forwarder_base::stop_flag(const control& c) noexcept { return *c.stop; }
std::uint32_t forwarder_base::idle_turns(const control& c) noexcept { return c.idle_turns; }
std::uint64_t forwarder_base::drain_limit() noexcept { return ticks_per_second() / 5; }
void forwarder_base::report(control& c, const frame_ledger& ledger) noexcept { c.ledger = ledger; }

forwarder_files forwarder_base::files() const {
  const state& s = *state_;
  forwarder_files out{.packet_memory = s.memory->file().fd(),
                      .state = s.state_memory->fd(),
                      .workers = s.config.workers,
                      .ports = static_cast<std::uint32_t>(s.ports.size()),
                      .frames = s.frames,
                      .frame_size = s.frame_size,
                      .ring_size = s.config.socket.ring_size,
                      .sockets = {}};
  for (const state::socket& k : s.sockets)
    out.sockets.push_back({k.port, k.worker, k.socket.queue(), k.socket.fd()});
  return out;
}

std::size_t forwarder_base::port_count() const noexcept { return state_->ports.size(); }
const interface& forwarder_base::port_interface(port_id id) const noexcept {
  return state_->ports[id].where();
}

}  // namespace ringway
