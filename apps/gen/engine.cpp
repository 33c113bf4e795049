// SPDX-License-Identifier: BSD-2-Clause
#include "engine.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gen.h>
#include <gen.skel.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ringway/error.hpp>
#include <ringway/log.hpp>

#include "frame.hpp"

namespace ringway::gen {
namespace {

// What may be caught up after a stall: half of the 256 slots that a veth peer has, and no more than 100 us,
// so that no burst of ours looks like a loss of the device under test. A single overdue frame is no burst.
constexpr double catch_up_frames = 128, catch_up_ns = 100e3;

// What a live frame may hold with pages of 4 KiB: less 256 of headroom, 320 for the end of an skb, 112 of the
// test run's own (Linux 6.18). Only for a hint: the kernel decides.
constexpr std::size_t page_limit = 3408;

// Ends the system call; its handler does nothing.
constexpr int wake_signal = SIGUSR2;

void set_schedule(gen_config& c, double rate) {
  const double interval = 1e9 / rate;
  const double whole = std::floor(interval);
  c.interval_ns = static_cast<std::uint64_t>(whole);
  c.interval_frac = static_cast<std::uint64_t>((interval - whole) * 4294967296.0);
  c.limit_ns =
      static_cast<std::uint64_t>(std::min(catch_up_frames * interval, std::max(catch_up_ns, interval)));
}

void pin_this_thread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  const int failure = pthread_setaffinity_np(pthread_self(), sizeof set, &set);
  if (failure != 0) throw error(failure, "run the generator on CPU {}", cpu);
}

void accept_wake_signal() {
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};  // no SA_RESTART: the system call shall end
  ::sigaction(wake_signal, &nothing, nullptr);
}

template <class T>
T read_once(const T& from) noexcept {  // written by BPF programs, on another CPU
  return __atomic_load_n(&from, __ATOMIC_RELAXED);
}

}  // namespace

engine::engine(const interface& port, const options& o)
    : port_(port),
      frame_(make_frame(o.size, o.dst_mac, o.src_mac.value_or(port.mac()))),
      skeleton_(nullptr, gen__destroy),
      rate_(o.rate),
      batch_(o.batch),
      turns_(o.turns),
      cpu_(o.cpu) {
  load(o);
  attach();
}

engine::~engine() { stop(); }

void engine::load(const options& o) {
  if (o.tracepoints && try_load(o, true)) return;
  if (!try_load(o, false)) throw error(errno, "load the generator's program (needs root)");
  if (o.tracepoints) {
    log(log_level::warning,
        "the kernel's XDP tracepoints cannot be used: what is sent is read from the counters of {}",
        port_.name());
  }
}

bool engine::try_load(const options& o, bool traced) {
  skeleton_.reset(gen__open());
  if (!skeleton_) throw error(errno, "open the generator's program");
  bpf_program__set_autoload(skeleton_->progs.rw_gen_xmit, traced);
  bpf_program__set_autoload(skeleton_->progs.rw_gen_err, traced);
  configure(o);
  if (gen__load(skeleton_.get()) != 0) return false;
  if (!traced) return true;
  skeleton_->links.rw_gen_xmit = bpf_program__attach(skeleton_->progs.rw_gen_xmit);
  skeleton_->links.rw_gen_err = bpf_program__attach(skeleton_->progs.rw_gen_err);
  traced_ = skeleton_->links.rw_gen_xmit != nullptr && skeleton_->links.rw_gen_err != nullptr;
  return traced_;
}

void engine::configure(const options& o) {
  gen_config& c = skeleton_->rodata->config;
  if (o.rate > 0) set_schedule(c, o.rate);
  // The schedule ends by itself, with as many frames as rate and duration say. Without one, whoever started
  // us stops us.
  if (o.rate > 0 && o.duration > 0) c.duration_ns = static_cast<std::uint64_t>(o.duration * 1e9);
  c.count = o.count;
  c.flows = o.flows;
  c.src_address = first_source;
  c.ip_sum = ip_sum_without_source(frame_);
  c.ifindex = port_.index();
  c.netns = static_cast<std::uint32_t>(port_.ns().inode());
  std::memcpy(skeleton_->rodata->frame, frame_.data(), RW_GEN_MIN);
}

void engine::attach() {
  const netns_scope inside(port_.ns());  // a device map resolves the index in the caller's namespace
  const std::uint32_t first = 0, index = port_.index();
  const int map = bpf_map__fd(skeleton_->maps.port);
  const int failure = bpf_map_update_elem(map, &first, &index, 0);
  if (failure != 0) throw error(failure, "send to {}", port_.name());
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  const int unknown = bpf_obj_get_info_by_fd(map, &info, &size);
  if (unknown != 0) throw error(unknown, "ask for the id of a map");
  skeleton_->bss->device.map_id = info.id;
  device_base_ = port_.statistics().tx_packets;
}

void engine::start() {
  accept_wake_signal();
  thread_ = std::thread([this] { run(); });
}

void engine::run() noexcept {
  try {
    if (cpu_ >= 0) pin_this_thread(cpu_);
    const netns_scope inside(port_.ns());
    while (!stop_) {
      const int result = run_once();
      if (result != 0 && result != -EINTR) fail(result);
      if (stop_ || read_once(skeleton_->bss->state.done) != 0) break;
      // All turns are used up, or a signal that was not for us came: the sequence goes on, in a gap that is
      // told.
      ++restarts_;
      skeleton_->bss->state.resume = 1;
      skeleton_->bss->device.resume = 1;
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
  ended_ = true;
}

void engine::fail(int result) const {
  if (result == -EINVAL && frame_.size() > page_limit) {
    throw error(result,
                "send frames of {} bytes from {} (a page holds {} bytes beside the kernel's own data)",
                frame_.size(), port_.name(), page_limit);
  }
  throw error(result, "send frames of {} bytes from {}", frame_.size(), port_.name());
}

int engine::run_once() {
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = frame_.data();
  run.data_size_in = static_cast<std::uint32_t>(frame_.size());
  run.repeat = static_cast<int>(turns_);  // the kernel takes it as 32 bits without sign
  run.batch_size = batch_;
  run.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  return bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.rw_gen), &run);
}

void engine::stop() noexcept {
  stop_ = true;
  if (!thread_.joinable()) return;
  // Again and again: a signal that comes right before the system call is lost.
  while (!ended_) {
    pthread_kill(thread_.native_handle(), wake_signal);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  thread_.join();
}

void engine::check() const {
  if (ended_ && failure_) std::rethrow_exception(failure_);
}

engine_counters engine::counters() const {
  const gen_state& state = skeleton_->bss->state;
  const gen_device& device = skeleton_->bss->device;
  engine_counters c;
  c.attempted = read_once(state.attempted);
  c.late = read_once(state.late);
  c.unmapped = read_once(state.unmapped);
  if (rate_ > 0 && c.attempted > 0)
    c.longest_burst =
        1 + static_cast<std::uint64_t>(static_cast<double>(read_once(state.behind)) * rate_ / 1e9);
  c.done = read_once(state.done) != 0;
  c.restarts = restarts_;
  if (!traced_) {
    c.offered = port_.statistics().tx_packets - device_base_;
    c.refused = c.attempted - std::min(c.offered, c.attempted);
    return c;
  }
  c.offered = read_once(device.accepted);
  c.refused = read_once(device.refused);
  if (c.offered > 0) {
    c.first = read_once(device.first);
    c.last = read_once(device.last);
  }
  c.longest_gap = read_once(device.longest_gap);
  c.restart_gap = read_once(device.restart_gap);
  return c;
}

}  // namespace ringway::gen
