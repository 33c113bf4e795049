// SPDX-License-Identifier: BSD-2-Clause
#include "engine_xdp.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gen.h>
#include <gen.skel.h>
#include <linux/bpf.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ringway/error.hpp>
#include <ringway/log.hpp>

namespace ringway::gen {
namespace {

// What a live frame may hold with pages of 4 KiB: less 256 of headroom, 320 for the end of an skb, 112 of the
// test run's own (Linux 6.18). Only for a hint: the kernel decides.
constexpr std::size_t page_limit = 3408;

// Ends the system call; its handler does nothing.
constexpr int wake_signal = SIGUSR2;

void accept_wake_signal() {
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};  // no SA_RESTART: the system call shall end
  ::sigaction(wake_signal, &nothing, nullptr);
}

}  // namespace

xdp_engine::xdp_engine(const interface& port, const options& o, int cpu)
    : engine(port),
      traffic_(make_traffic(o.frames, port.mac())),
      skeleton_(nullptr, gen__destroy),
      rate_(o.rate),
      batch_(o.batch),
      turns_(o.turns),
      restart_after_(static_cast<std::uint64_t>(o.restart_after * 1e9)),
      cpu_(cpu) {
  load(o);
  attach();
}

xdp_engine::~xdp_engine() { xdp_engine::stop(); }

void xdp_engine::load(const options& o) {
  if (o.tracepoints && try_load(o, true)) return;
  if (!try_load(o, false)) throw error(errno, "load the generator's program (needs root)");
  if (o.tracepoints) {
    log(log_level::warning,
        "the kernel's XDP tracepoints cannot be used: what is sent is read from the counters of {}",
        port().name());
  }
}

bool xdp_engine::try_load(const options& o, bool traced) {
  skeleton_.reset(gen__open());
  if (!skeleton_) throw error(errno, "open the generator's program");
  bpf_program__set_autoload(skeleton_->progs.rw_gen_xmit, traced);
  bpf_program__set_autoload(skeleton_->progs.rw_gen_err, traced);
  configure(o, traced);
  if (gen__load(skeleton_.get()) != 0) return false;
  if (!traced) return true;
  skeleton_->links.rw_gen_xmit = bpf_program__attach(skeleton_->progs.rw_gen_xmit);
  skeleton_->links.rw_gen_err = bpf_program__attach(skeleton_->progs.rw_gen_err);
  traced_ = skeleton_->links.rw_gen_xmit != nullptr && skeleton_->links.rw_gen_err != nullptr;
  return traced_;
}

void xdp_engine::configure(const options& o, bool traced) {
  // The schedule ends by itself, with as many frames as rate and duration say. Without one, whoever started
  // us stops us.
  skeleton_->rodata->schedule = make_schedule(o.rate, o.duration, o.then);
  skeleton_->rodata->traffic = traffic_.layout;
  gen_config& c = skeleton_->rodata->config;
  c.count = o.burst > 0 ? o.burst : o.count;
  c.once = o.burst > 0;
  c.departures = traced && o.rate > 0;
  c.ifindex = port().index();
  c.netns = static_cast<std::uint32_t>(port().ns().inode());
  std::memcpy(skeleton_->rodata->head, traffic_.frame.data(), traffic_.layout.head);
  skeleton_->bss->choice.random = o.seed;
}

void xdp_engine::attach() {
  const netns_scope inside(port().ns());  // a device map resolves the index in the caller's namespace
  const std::uint32_t first = 0, index = port().index();
  const int map = bpf_map__fd(skeleton_->maps.port);
  const int failure = bpf_map_update_elem(map, &first, &index, 0);
  if (failure != 0) throw error(failure, "send to {}", port().name());
  bpf_map_info info{};
  std::uint32_t size = sizeof info;
  const int unknown = bpf_obj_get_info_by_fd(map, &info, &size);
  if (unknown != 0) throw error(unknown, "ask for the id of a map");
  skeleton_->bss->device.map_id = info.id;
  device_base_ = port().statistics().tx_packets;
  if (traffic_.quantiles.empty()) return;
  const int refused =
      bpf_map_update_elem(bpf_map__fd(skeleton_->maps.quantiles), &first, traffic_.quantiles.data(), 0);
  if (refused != 0) throw error(refused, "store the distribution of flows");
}

void xdp_engine::start() {
  accept_wake_signal();
  thread_ = std::thread([this] { run(); });
}

void xdp_engine::run() noexcept {
  try {
    if (cpu_ >= 0) pin_this_thread(cpu_);
    const netns_scope inside(port().ns());
    while (!stop_) {
      const int result = run_once();
      if (result != 0 && result != -EINTR) fail(result);
      if (stop_ || read_once(skeleton_->bss->state.done) != 0) break;
      // The time for it has come, or all turns are used up, or a signal that was not for us came: the
      // sequence goes on, in a gap that is told.
      ++restarts_;
      skeleton_->bss->clock.resume = 1;
      skeleton_->bss->device.resume = 1;
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
  ended_ = true;
}

void xdp_engine::fail(int result) const {
  const std::size_t size = traffic_.frame.size();
  if (result == -EINVAL && size > page_limit) {
    throw error(result,
                "send frames of {} bytes from {} (a page holds {} bytes beside the kernel's own data)", size,
                port().name(), page_limit);
  }
  throw error(result, "send frames of {} bytes from {}", size, port().name());
}

int xdp_engine::run_once() {
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = traffic_.frame.data();
  run.data_size_in = static_cast<std::uint32_t>(traffic_.frame.size());
  run.repeat = static_cast<int>(turns_);  // the kernel takes it as 32 bits without sign
  run.batch_size = batch_;
  run.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  return bpf_prog_test_run_opts(bpf_program__fd(skeleton_->progs.rw_gen), &run);
}

void xdp_engine::stop() noexcept {
  stop_ = true;
  if (!thread_.joinable()) return;
  // Again and again: a signal that comes right before the system call is lost.
  while (!ended_) {
    pthread_kill(thread_.native_handle(), wake_signal);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  thread_.join();
}

void xdp_engine::tend(std::uint64_t now) {
  if (ended_ && failure_) std::rethrow_exception(failure_);
  if (run_began_ == 0) run_began_ = now;
  if (now - run_began_ < restart_after_ || ended_) return;
  run_began_ = now;
  pthread_kill(thread_.native_handle(), wake_signal);
}

std::string xdp_engine::why_refused() const {
  return "at a veth the peer needs an XDP program or GRO (ethtool -K PEER gro on, while it is up)";
}

engine_counters xdp_engine::counters() const {
  const gen_state& state = skeleton_->bss->state;
  const gen_clock& clock = skeleton_->bss->clock;
  engine_counters c;
  c.attempted = read_once(state.attempted);
  c.late = read_once(clock.late);
  c.unmapped = read_once(state.unmapped);
  if (rate_ > 0 && c.attempted > 0) c.longest_burst = burst_of(read_once(clock.behind), rate_);
  c.done = read_once(state.done) != 0;
  c.restarts = restarts_;
  c.idle_turns = read_once(state.idle);
  const std::uint64_t measured = read_once(state.idle_measured);
  if (measured > 0) c.turn_ns = static_cast<double>(read_once(state.idle_ns)) / static_cast<double>(measured);
  if (traced_) {
    read_device(c);
  } else {
    c.offered = port().statistics().tx_packets - device_base_;
    c.refused = c.attempted - std::min(c.offered, c.attempted);
  }
  return c;
}

void xdp_engine::read_device(engine_counters& c) const {
  const gen_device& device = skeleton_->bss->device;
  c.offered = read_once(device.accepted);
  c.refused = read_once(device.refused);
  if (c.offered > 0) {
    c.first = read_once(device.first);
    c.last = read_once(device.last);
  }
  c.longest_gap = read_once(device.longest_gap);
  c.restart_gap = read_once(device.restart_gap_sum);
  const std::uint64_t restarts = std::min<std::uint64_t>(read_once(device.restarts), RW_GEN_RESTARTS);
  for (std::uint64_t i = 0; i < restarts; ++i)
    c.interruptions.push_back({read_once(device.restart_at[i]), read_once(device.restart_gap[i])});
  if (rate_ > 0 && ended_) c.late_departures = summary(device.lateness);
}

}  // namespace ringway::gen
