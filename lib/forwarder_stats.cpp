// SPDX-License-Identifier: BSD-2-Clause
#include <ringway/forwarder.hpp>

#include "forwarder_state.hpp"

namespace ringway {
namespace {

constexpr const char* reason_names[] = {
#define RW_X(suffix, name, text) name,
    RW_REASONS(RW_X)
#undef RW_X
};

void add(port_stats& to, const port_counters& c) {
  to.rx_packets += c.rx_packets.read();
  to.rx_bytes += c.rx_bytes.read();
  to.tx_packets += c.tx_packets.read();
  to.tx_bytes += c.tx_bytes.read();
  to.punted += c.punted.read();
  to.made += c.made.read();
  to.taken += c.taken.read();
  for (std::size_t i = 0; i < to.drops.size(); ++i) to.drops[i] += c.drops[i].read();
}

void add(port_stats& to, const xdp_statistics& k) {
  to.kernel.rx_dropped += k.rx_dropped;
  to.kernel.rx_ring_full += k.rx_ring_full;
  to.diagnostics.rx_fill_ring_empty_descs += k.rx_fill_ring_empty_descs;
  to.diagnostics.rx_invalid_descs += k.rx_invalid_descs;
  to.diagnostics.tx_invalid_descs += k.tx_invalid_descs;
  to.diagnostics.tx_ring_empty_descs += k.tx_ring_empty_descs;
}

worker_report report_of(const worker_counters& c, int cpu) {
  const std::uint64_t per_us = ticks_per_second() / 1'000'000;
  return {.cpu = cpu,
          .turns = c.turns.read(),
          .kicks = c.kicks.read(),
          .rx_kicks = c.rx_kicks.read(),
          .kick_errors = c.kick_errors.read(),
          .longest_gap_us = c.longest_gap.read() / per_us,
          .stalls = c.stalls.read(),
          .pool_empty = c.pool_empty.read(),
          .bad_completions = c.bad_completions.read(),
          .busy_us = c.busy_ticks.read() / per_us};
}

}  // namespace

const char* library_reason_name(std::uint32_t reason) noexcept {
  return reason < RW_REASON_COUNT ? reason_names[reason] : nullptr;
}

std::string_view forwarder_base::reason_name(std::uint32_t slot) const noexcept {
  if (const char* name = library_reason_name(slot)) return name;
  const std::uint32_t own = slot - RW_REASON_LIB_SLOTS;
  return slot >= RW_REASON_LIB_SLOTS && own < state_->drop_names.size() ? state_->drop_names[own]
                                                                        : std::string_view{};
}

void forwarder_base::wait_for_turns() const {
  const state& s = *state_;
  const auto turns = [&s](std::uint32_t w) {
    return s.layout->worker(s.state_memory->data(), w).counters->turns.read();
  };
  std::vector<std::uint64_t> seen;
  for (std::uint32_t w = 0; w < s.config.workers; ++w) seen.push_back(turns(w));
  // Two: the counter that was read may be one turn behind what the worker is doing.
  for (std::uint32_t w = 0; w < s.config.workers && !s.stopped; ++w)
    while (turns(w) < seen[w] + 2) std::this_thread::sleep_for(std::chrono::microseconds(200));
}

forwarder_stats forwarder_base::stats() const {
  const state& s = *state_;
  forwarder_stats out;
  const auto now = s.stopped ? s.ended : std::chrono::steady_clock::now();
  if (s.started.time_since_epoch().count() != 0) out.elapsed = now - s.started;
  for (port_id p = 0; p < s.ports.size(); ++p) {
    const port& from = s.ports[p];
    port_report r{.name = from.where().name(),
                  .queues = from.served(),
                  .zero_copy = false,
                  .attach = from.attached(),
                  .stats = {}};
    for (std::uint32_t w = 0; w < s.config.workers; ++w)
      add(r.stats, s.layout->worker(s.state_memory->data(), w).ports[p]);
    const port::steering steered = from.steered();
    r.stats.passed = steered.passed;
    r.stats.unserved_queue = steered.unserved_queue;
    out.ports.push_back(std::move(r));
  }
  for (const state::socket& k : s.sockets) {
    port_report& r = out.ports[k.port];
    add(r.stats, k.socket.statistics());
    r.zero_copy = k.socket.bound_mode() == bind_mode::zero_copy;
    // What is still in a TX ring is not transmitted yet; after stop() it is counted as tx_unsent instead.
    if (!s.stopped)
      r.stats.tx_packets -=
          std::min<std::uint64_t>(r.stats.tx_packets, k.socket.tx.pending_seen_from_outside());
  }
  for (const auto& c : s.controls) {
    out.workers.push_back(report_of(*s.layout->worker(s.state_memory->data(), c->index).counters, c->cpu));
    out.frames += s.frames;
    const std::int64_t leaked = c->ledger.leaked();
    out.leaked += static_cast<std::uint64_t>(leaked < 0 ? -leaked : leaked);
  }
  return out;
}

}  // namespace ringway
