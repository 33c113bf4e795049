// SPDX-License-Identifier: BSD-2-Clause
#include "engine_afxdp.hpp"

#include <gen_frame.h>
#include <gen_schedule.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>

namespace ringway::gen {
namespace {

constexpr std::uint32_t ring_size = 2048;
constexpr std::uint32_t frames = 2 * ring_size;        // TX ring and completion ring may both be full
constexpr std::uint64_t idle_turn_max = 1000;          // ns: what takes longer was interrupted
constexpr std::uint64_t flush_patience = 100'000'000;  // ns for what is in the ring at the end

std::uint64_t now_ns() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

umem_config memory_for(const interface& port, std::uint32_t size) {
  constexpr std::uint32_t largest = 4096;  // nothing is received, so there is no headroom
  if (size > largest)
    throw error(EMSGSIZE, "send frames of {} bytes from {}: engine afxdp sends at most {}", size, port.name(),
                largest);
  return {.frames = frames, .frame_size = size <= 2048 ? 2048u : largest, .headroom = 0};
}

void show_as(std::atomic<std::uint64_t>& to, std::uint64_t value) noexcept {
  to.store(value, std::memory_order_relaxed);
}

}  // namespace

afxdp_engine::afxdp_engine(const interface& port, const options& o, int cpu)
    : engine(port),
      traffic_(make_traffic(o.frames, port.mac())),
      schedule_(make_schedule(o.rate, o.duration, o.then)),
      count_(o.count),
      attempts_(o.burst),
      batch_(o.batch),
      cpu_(cpu),
      rate_(o.rate),
      memory_(memory_for(port, o.frames.largest())),
      head_(RW_GEN_WORDS),
      due_(ring_size) {
  std::memcpy(head_.data(), traffic_.frame.data(), traffic_.layout.head);
  choice_.random = o.seed;
  for (std::uint32_t i = 0; i < frames; ++i) {
    const std::uint64_t address = std::uint64_t{i} * memory_.config().frame_size;
    std::memcpy(memory_.at(address), traffic_.frame.data(), traffic_.frame.size());
    free_.push_back(address);
  }
  xsk_config c;
  c.ring_size = ring_size;
  c.tx_budget = std::max(32u, batch_);
  socket_ = std::make_unique<xsk>(memory_, port, 0, c);
  consumed_ = socket_->tx.consumed();
}

afxdp_engine::~afxdp_engine() { afxdp_engine::stop(); }

void afxdp_engine::start() {
  thread_ = std::thread([this] { run(); });
}

void afxdp_engine::run() noexcept {
  try {
    if (cpu_ >= 0) pin_this_thread(cpu_);
    turns();
  } catch (...) {
    failure_ = std::current_exception();
  }
  show();
  ended_ = true;
}

bool afxdp_engine::finished() const noexcept {
  if (over_) return true;
  if (count_ > 0 && state_.attempted - device_.refused >= count_) return true;
  return attempts_ > 0 && state_.attempted >= attempts_;
}

void afxdp_engine::turns() {
  std::uint64_t flush_since = 0;
  for (;;) {
    const std::uint64_t now = now_ns();
    reap();
    const bool ending = stop_.load(std::memory_order_relaxed) || finished();
    const std::uint32_t staged = ending ? 0 : stage(now);
    if (staged > 0) socket_->tx.publish();
    if (socket_->tx.pending() > 0) {
      kick();
      show();
    } else if (ending) {
      if (!finished() && !stop_) continue;  // the last ones were refused
      shown_.done = finished();
      return;
    } else if (staged == 0) {
      count_idle(now);
    }
    if (!ending) flush_since = 0;
    if (ending && flush_since == 0) flush_since = now;
    if (ending && now - flush_since > flush_patience) return;
  }
}

/// Completion ring -> free frames.
void afxdp_engine::reap() noexcept {
  const std::uint32_t n = socket_->completion.available(ring_size);
  for (std::uint32_t i = 0; i < n; ++i) free_.push_back(memory_.frame_of(socket_->completion.at(i)));
  if (n > 0) socket_->completion.release(n);
}

bool afxdp_engine::due(std::uint64_t now, std::uint64_t& intended) noexcept {
  intended = now;
  if (schedule_.interval_ns == 0) return true;
  __u64 when = now;
  const int what = rw_gen_due(&schedule_, &clock_, now, &when);
  intended = when;
  if (what == RW_GEN_OVER || (what == RW_GEN_SKIP && rw_gen_skip(&schedule_, &clock_, now) == RW_GEN_OVER))
    over_ = true;
  return what == RW_GEN_DUE;
}

std::uint32_t afxdp_engine::stage(std::uint64_t now) noexcept {
  std::uint32_t n = 0;
  std::uint64_t intended = 0;
  while (n < batch_ && !free_.empty() && !finished() && socket_->tx.room(1) && due(now, intended)) {
    write_next(intended);
    ++n;
  }
  return n;
}

void afxdp_engine::write_next(std::uint64_t intended) noexcept {
  const gen_traffic& t = traffic_.layout;
  const std::uint64_t address = free_.back();
  free_.pop_back();
  auto* const data = reinterpret_cast<std::uint8_t*>(memory_.at(address));
  rw_gen_head(data, &t, reinterpret_cast<const volatile __u64*>(head_.data()));
  const std::uint32_t size = t.sizes > 1 ? rw_gen_next_size(&t, &choice_) : t.size;
  const std::uint32_t flow =
      t.flows > 1
          ? rw_gen_next_flow(&t, &choice_, traffic_.quantiles.empty() ? nullptr : traffic_.quantiles.data())
          : 0;
  rw_gen_vary(data, &t, flow, size, static_cast<std::uint32_t>(state_.attempted), intended);
  due_[state_.attempted % ring_size] = intended;
  ++state_.attempted;
  socket_->tx.stage({.addr = address, .len = size, .options = 0});
}

/// Until the kernel has taken all, or makes no progress: it sends a budget of frames a call.
void afxdp_engine::kick() {
  if (!socket_->tx.needs_wakeup()) return account(socket_->tx.consumed() - consumed_, 0);
  // Older kernels show their index one call late: one call without progress is not yet a stop.
  for (std::uint32_t stuck = 0; stuck < 2;) {
    const kick_result said = socket_->kick_tx();
    if (said == kick_result::gone) {
      gone_ = true;
      throw error(ENODEV, "send from {}: it has been deleted", port().name());
    }
    const std::uint32_t taken = socket_->tx.consumed() - consumed_;
    account(taken, said == kick_result::lost ? 1 : 0);
    reap();
    if (said == kick_result::later || socket_->tx.pending() == 0) return;
    stuck = taken == 0 ? stuck + 1 : 0;
  }
}

/// Of the frames that the kernel has consumed the last one may be lost.
void afxdp_engine::account(std::uint32_t consumed, std::uint32_t lost) noexcept {
  device_.refused += lost;
  if (consumed <= lost) {
    device_.departed += consumed;
    consumed_ += consumed;
    return;
  }
  const std::uint64_t now = now_ns();
  const std::uint32_t sent = consumed - lost;
  for (std::uint32_t i = 0; schedule_.interval_ns != 0 && i < sent; ++i)
    rw_gen_count_late(&device_.lateness, now - due_[(device_.departed + i) % ring_size]);
  device_.departed += consumed;
  consumed_ += consumed;
  device_.accepted += sent;
  if (device_.first == 0) device_.first = now;
  if (device_.last != 0)
    device_.longest_gap = std::max<std::uint64_t>(device_.longest_gap, now - device_.last);
  device_.last = now;
}

void afxdp_engine::count_idle(std::uint64_t now) noexcept {
  const std::uint64_t passed = now - state_.idle_at;
  if (state_.idle_after == state_.attempted && device_.last <= state_.idle_at && passed < idle_turn_max) {
    state_.idle_ns += passed;
    ++state_.idle_measured;
  }
  state_.idle_at = now;
  state_.idle_after = state_.attempted;
  if ((++state_.idle & 0xfff) == 0) show();
}

void afxdp_engine::show() noexcept {
  show_as(shown_.attempted, state_.attempted);
  show_as(shown_.accepted, device_.accepted);
  show_as(shown_.refused, device_.refused);
  show_as(shown_.late, clock_.late);
  show_as(shown_.behind, clock_.behind);
  show_as(shown_.idle, state_.idle);
  show_as(shown_.idle_ns, state_.idle_ns);
  show_as(shown_.idle_measured, state_.idle_measured);
  show_as(shown_.first, device_.first);
  show_as(shown_.last, device_.last);
  show_as(shown_.longest_gap, device_.longest_gap);
}

void afxdp_engine::stop() noexcept {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void afxdp_engine::tend(std::uint64_t) {
  if (ended_ && failure_) std::rethrow_exception(failure_);
}

std::string afxdp_engine::why_refused() const { return "is its peer up?"; }

engine_counters afxdp_engine::counters() const {
  const auto seen = [](const std::atomic<std::uint64_t>& from) {
    return from.load(std::memory_order_relaxed);
  };
  engine_counters c;
  c.attempted = seen(shown_.attempted);
  c.offered = seen(shown_.accepted);
  c.refused = seen(shown_.refused);
  c.late = seen(shown_.late);
  c.unmapped = gone_ ? 1 : 0;
  c.done = shown_.done;
  if (rate_ > 0 && c.attempted > 0) c.longest_burst = burst_of(seen(shown_.behind), rate_);
  c.idle_turns = seen(shown_.idle);
  if (const std::uint64_t measured = seen(shown_.idle_measured); measured > 0)
    c.turn_ns = static_cast<double>(seen(shown_.idle_ns)) / static_cast<double>(measured);
  if (c.offered > 0) {
    c.first = seen(shown_.first);
    c.last = seen(shown_.last);
  }
  c.longest_gap = seen(shown_.longest_gap);
  c.restart_gap = 0;
  if (rate_ > 0 && ended_) c.late_departures = summary(device_.lateness);
  return c;
}

}  // namespace ringway::gen
