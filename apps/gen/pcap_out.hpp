// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

struct ring_buffer;  // libbpf's

namespace ringway::gen {

/// Writes frames that analysing sinks copy to a pcap file with nanoseconds, on a thread of its own.
class pcap_out {
 public:
  /// Opens the file, writes its header. Throws error.
  explicit pcap_out(const std::string& file);
  ~pcap_out();
  pcap_out(const pcap_out&) = delete;
  pcap_out& operator=(const pcap_out&) = delete;

  /// Begins to empty these ring buffers.
  void start(const std::vector<int>& capture_fds);
  /// Writes what is still in them and closes the file. Throws error if anything could not be written.
  void finish();

  std::uint64_t written() const noexcept { return written_; }
  std::uint64_t missed() const noexcept { return missed_; }  ///< no room in the ring buffer

 private:
  static int on_frame(void* self, void* data, std::size_t size);
  void write(const void* data, std::size_t size) noexcept;
  void stop() noexcept;

  std::string name_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  std::unique_ptr<::ring_buffer, void (*)(::ring_buffer*)> rings_;
  std::int64_t to_wall_clock_;  // ns to add to CLOCK_MONOTONIC
  std::uint64_t written_ = 0, missed_ = 0;
  int failure_ = 0;  // errno of the first write that failed
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace ringway::gen
