// SPDX-License-Identifier: BSD-2-Clause
#include "pcap_out.hpp"

#include <analyse.h>
#include <bpf/libbpf.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ringway/error.hpp>

namespace ringway::gen {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr auto pause = std::chrono::milliseconds(20);  // between two looks: the program does not wake us

struct file_header {                 // draft-ietf-opsawg-pcap, in the writer's byte order
  std::uint32_t magic = 0xa1b23c4d;  // nanoseconds
  std::uint16_t major = 2, minor = 4;
  std::uint32_t zone = 0, accuracy = 0;
  std::uint32_t longest = RW_CAPTURE_BYTES + sizeof(rw_vlan);
  std::uint32_t link = 1;  // Ethernet
};

struct packet_header {
  std::uint32_t seconds, nanoseconds, captured, length;
};

std::int64_t clock_ns(clockid_t clock) noexcept {
  timespec t{};
  ::clock_gettime(clock, &t);
  return t.tv_sec * second + t.tv_nsec;
}

/// The frame as it was on the wire: with the tag that the kernel takes off before anyone sees it.
std::size_t restore(const rw_capture& c, std::byte* out) noexcept {
  constexpr std::size_t addresses = 12;
  if (c.vlan_proto == 0 || c.captured < addresses) {
    std::memcpy(out, c.data, c.captured);
    return c.captured;
  }
  const std::uint16_t tag[2] = {RW_BE16(c.vlan_proto), RW_BE16(c.vlan_tci)};
  std::memcpy(out, c.data, addresses);
  std::memcpy(out + addresses, tag, sizeof tag);
  std::memcpy(out + addresses + sizeof tag, c.data + addresses, c.captured - addresses);
  return c.captured + sizeof tag;
}

}  // namespace

pcap_out::pcap_out(const std::string& file)
    : name_(file),
      file_(std::fopen(file.c_str(), "wb"), std::fclose),
      rings_(nullptr, ring_buffer__free),
      to_wall_clock_(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC)) {
  if (!file_) throw error(errno, "write frames to {}", name_);
  const file_header header;
  std::fwrite(&header, sizeof header, 1, file_.get());
  if (std::fflush(file_.get()) != 0) throw error(errno, "write frames to {}", name_);
}

pcap_out::~pcap_out() { stop(); }

void pcap_out::start(const std::vector<int>& capture_fds) {
  for (const int fd : capture_fds) {
    if (!rings_) {
      rings_.reset(ring_buffer__new(fd, &pcap_out::on_frame, this, nullptr));
      if (!rings_) throw error(errno, "read the frames that arrive");
    } else if (const int failure = ring_buffer__add(rings_.get(), fd, &pcap_out::on_frame, this);
               failure != 0) {
      throw error(failure, "read the frames that arrive");
    }
  }
  thread_ = std::thread([this] {
    while (!stop_) {
      ring_buffer__consume(rings_.get());
      std::this_thread::sleep_for(pause);
    }
  });
}

int pcap_out::on_frame(void* self, void* data, std::size_t size) {
  static_cast<pcap_out*>(self)->write(data, size);
  return 0;
}

void pcap_out::write(const void* data, std::size_t size) noexcept {
  if (size < sizeof(rw_capture) || failure_ != 0) return;
  const auto& c = *static_cast<const rw_capture*>(data);
  std::array<std::byte, RW_CAPTURE_BYTES + sizeof(rw_vlan)> frame;
  const std::size_t length = restore(c, frame.data());
  const std::int64_t at = static_cast<std::int64_t>(c.at_ns) + to_wall_clock_;
  const packet_header header = {.seconds = static_cast<std::uint32_t>(at / second),
                                .nanoseconds = static_cast<std::uint32_t>(at % second),
                                .captured = static_cast<std::uint32_t>(length),
                                .length = static_cast<std::uint32_t>(c.len + (length - c.captured))};
  missed_ = c.missed;
  if (std::fwrite(&header, sizeof header, 1, file_.get()) != 1 ||
      std::fwrite(frame.data(), length, 1, file_.get()) != 1)
    failure_ = errno;
  else
    ++written_;
}

void pcap_out::stop() noexcept {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void pcap_out::finish() {
  stop();
  if (rings_) ring_buffer__consume(rings_.get());
  if (failure_ == 0 && std::fflush(file_.get()) != 0) failure_ = errno;
  file_.reset();
  if (failure_ != 0) throw error(failure_, "write frames to {}", name_);
}

}  // namespace ringway::gen
