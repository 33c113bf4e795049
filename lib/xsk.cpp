// SPDX-License-Identifier: BSD-2-Clause
#include <sys/mman.h>
#include <sys/resource.h>

#include <bit>
#include <ringway/error.hpp>
#include <ringway/log.hpp>
#include <ringway/xsk.hpp>
#include <thread>

#include "xdp_compat.h"
#include "xsk_uapi.hpp"

namespace ringway {
namespace {

constexpr int sol_xdp = SOL_XDP;

/// What we know about the cause of a failed bind, with the remedy; or nothing.
std::string bind_hint(int err, const interface& where, std::uint32_t queue, const xsk_config& config) {
  switch (err) {
    case EINVAL: {
      const unsigned queues = where.rx_queues();
      if (queue >= queues)
        return fmt::format(" ({} has {} queue{}: 0-{})", where.name(), queues, queues == 1 ? "" : "s",
                           queues - 1);
      return {};
    }
    case EOPNOTSUPP:
      if (config.bind == bind_mode::zero_copy)
        return fmt::format(" (the {} driver has no zero-copy; use copy mode)", where.driver());
      return {};
    case EBUSY:
      return " (another AF_XDP socket has this queue)";
    case EPERM:
      return " (run as root, or with CAP_NET_RAW)";
    case ENETDOWN:
      return fmt::format(" (ip link set {} up)", where.ifname());
    default:
      return {};
  }
}

int reg(umem& memory, int fd) {
  const umem_config& c = memory.config();
  const int e = uapi::register_umem(fd, memory.base(), memory.bytes(), c.frame_size, c.headroom);
  if (e != ENOBUFS) return e;
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);  // ENOBUFS, not EPERM: the kernel's word for "may not pin that much"
  throw error(e,
              "register {} KiB of packet memory: RLIMIT_MEMLOCK allows {} KiB; raise it (ulimit -l) or add "
              "CAP_IPC_LOCK",
              memory.bytes() / 1024, limit.rlim_cur / 1024);
}

void set_busy_poll(int fd, const interface& where, std::uint32_t queue, const xsk_config& config) {
  if (config.busy_poll_us == 0) return;
  int e = uapi::set_option(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, 1);
  if (e == 0) e = uapi::set_option(fd, SOL_SOCKET, SO_BUSY_POLL, config.busy_poll_us);
  if (e == 0) e = uapi::set_option(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, config.busy_poll_budget);
  if (e != 0)
    throw error(e, "set busy polling of {} us, budget {}, on {} queue {} (CAP_NET_ADMIN)",
                config.busy_poll_us, config.busy_poll_budget, where.name(), queue);
}

}  // namespace

std::string_view to_string(bind_mode mode) noexcept {
  return mode == bind_mode::copy ? "copy" : mode == bind_mode::zero_copy ? "zero-copy" : "auto";
}

xsk::xsk(umem& memory, const interface& where, std::uint32_t queue, const xsk_config& config)
    : memory_(&memory), queue_(queue) {
  if (!std::has_single_bit(config.ring_size) || config.ring_size < 64)
    throw usage_error("ring size {}: it must be a power of two from 64 on", config.ring_size);
  const netns_scope inside(where.ns());
  socket_.reset(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!socket_) throw error(errno, "open an AF_XDP socket (run as root, or with CAP_NET_RAW)");
  const int fd = socket_.value();
  if (memory.registrar_ < 0) {
    if (const int e = reg(memory, fd); e != 0)
      throw error(e, "register {} bytes of packet memory", memory.bytes());
  }
  int e = uapi::set_ring(fd, XDP_UMEM_FILL_RING, 2 * config.ring_size);
  if (e == 0) e = uapi::set_ring(fd, XDP_UMEM_COMPLETION_RING, config.ring_size);
  if (e == 0) e = uapi::set_ring(fd, XDP_RX_RING, config.ring_size);
  if (e == 0) e = uapi::set_ring(fd, XDP_TX_RING, config.ring_size);
  if (e != 0) throw error(e, "make rings of {} slots for {} queue {}", config.ring_size, where.name(), queue);
  if (config.tx_budget > 32 && uapi::set_option(fd, sol_xdp, XDP_MAX_TX_SKB_BUDGET, config.tx_budget) == 0)
    tx_budget_ = config.tx_budget;
  set_busy_poll(fd, where, queue, config);
  try {
    map_rings(config.ring_size);
    bind_with_deadline(where, config);
  } catch (...) {
    unmap();  // the destructor of a half-made object does not run, and a mapping left over keeps the queue
              // busy
    throw;
  }
  if (memory.registrar_ < 0) memory.registrar_ = fd;
}

void xsk::bind_with_deadline(const interface& where, const xsk_config& config) {
  const auto flags = static_cast<std::uint16_t>(
      XDP_USE_NEED_WAKEUP | static_cast<std::uint16_t>(config.bind) | (config.multi_buffer ? XDP_USE_SG : 0));
  const auto deadline = std::chrono::steady_clock::now() + config.busy_deadline;
  int e = 0;
  // A socket that was just closed is deleted asynchronously: its queue stays busy for some 10 ms.
  while ((e = uapi::bind(socket_.value(), where.index(), queue_, flags, memory_->registrar_)) == EBUSY &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  if (e != 0)
    throw error(e, "bind an AF_XDP socket to {} queue {} ({}){}", where.name(), queue_,
                to_string(config.bind), bind_hint(e, where, queue_, config));
  std::uint32_t options = 0;
  if ((e = uapi::options(socket_.value(), options)) != 0)
    throw error(e, "read back the mode of {} queue {}", where.name(), queue_);
  bound_ = (options & XDP_OPTIONS_ZEROCOPY) != 0 ? bind_mode::zero_copy : bind_mode::copy;
  log(log_level::debug, "{} queue {}: bound in {} mode, TX budget {}", where.name(), queue_,
      to_string(bound_), tx_budget_);
}

void xsk::map_rings(std::uint32_t n) {
  xdp_mmap_offsets at{};
  if (const int e = uapi::mmap_offsets(socket_.value(), at); e != 0)
    throw error(e, "read the offsets of AF_XDP rings");
  const int fd = socket_.value();
  ring_memory r[4];
  const auto one = [&](int i, std::uint64_t offset, const xdp_ring_offset& o, std::uint32_t slots,
                       std::size_t slot) {
    maps_[i].address = uapi::map_ring(fd, offset, o, slots, slot, maps_[i].bytes, r[i]);
    if (maps_[i].address == nullptr) throw error(errno, "map an AF_XDP ring of {} slots", slots);
  };
  one(0, XDP_UMEM_PGOFF_FILL_RING, at.fr, 2 * n, sizeof(std::uint64_t));
  one(1, XDP_UMEM_PGOFF_COMPLETION_RING, at.cr, n, sizeof(std::uint64_t));
  one(2, XDP_PGOFF_RX_RING, at.rx, n, sizeof(xdp_desc));
  one(3, XDP_PGOFF_TX_RING, at.tx, n, sizeof(xdp_desc));
  fill = producer_ring<std::uint64_t>(r[0]);
  completion = consumer_ring<std::uint64_t>(r[1]);
  rx = consumer_ring<xdp_desc>(r[2]);
  tx = producer_ring<xdp_desc>(r[3]);
}

xsk::xsk(const ring_memory& f, const ring_memory& c, const ring_memory& r, const ring_memory& t) noexcept
    : rx(r), tx(t), fill(f), completion(c) {}

xsk::xsk(xsk&& other) noexcept
    : rx(other.rx),
      tx(other.tx),
      fill(other.fill),
      completion(other.completion),
      memory_(std::exchange(other.memory_, nullptr)),
      socket_(std::move(other.socket_)),
      queue_(other.queue_),
      tx_budget_(other.tx_budget_),
      bound_(other.bound_) {
  for (int i = 0; i < 4; ++i) maps_[i] = std::exchange(other.maps_[i], {});
}

void xsk::unmap() noexcept {
  for (mapping& m : maps_)
    if (m.address != nullptr) ::munmap(m.address, m.bytes);
}

xsk::~xsk() {
  unmap();  // before close: a mapping holds the file, and with it the queue
  if (memory_ != nullptr && memory_->registrar_ == socket_.value()) memory_->registrar_ = -1;
}

xdp_statistics xsk::statistics() const {
  xdp_statistics s{};
  if (const int e = uapi::statistics(socket_.value(), s); e != 0)
    throw error(e, "read XDP_STATISTICS of queue {}", queue_);
  return s;
}

}  // namespace ringway
