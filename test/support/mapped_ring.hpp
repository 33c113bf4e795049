// SPDX-License-Identifier: BSD-2-Clause
// A ring of an AF_XDP socket, mapped a second time from the socket's descriptor: as another process sees it
// (Linux 6.4 and later: mmap() after bind()).
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

namespace ringway::test {

enum class ring_kind { fill, completion, rx, tx };

class mapped_ring {
 public:
  /// Throws ringway::error; EBUSY: a kernel that maps no ring of a bound socket.
  mapped_ring(int socket, ring_kind kind, std::uint32_t slots);
  ~mapped_ring();
  mapped_ring(mapped_ring&& other) noexcept;
  mapped_ring(const mapped_ring&) = delete;
  mapped_ring& operator=(const mapped_ring&) = delete;
  mapped_ring& operator=(mapped_ring&&) = delete;

  /// All that has ever been put in and taken out, modulo 2^32.
  std::uint32_t produced() const { return std::atomic_ref(*producer_).load(std::memory_order_acquire); }
  std::uint32_t consumed() const { return std::atomic_ref(*consumer_).load(std::memory_order_acquire); }
  /// The addresses in between, oldest first.
  std::vector<std::uint64_t> addresses() const;

 private:
  ring_kind kind_;
  std::uint32_t slots_;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
  std::uint32_t *producer_ = nullptr, *consumer_ = nullptr;
  const std::byte* entries_ = nullptr;
};

}  // namespace ringway::test
