// SPDX-License-Identifier: BSD-2-Clause
// Numbered frames, sent and received by plain packet sockets: every byte is known, so what arrives can be
// held against what was sent, one by one.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <ringway/interface.hpp>
#include <ringway/unique_fd.hpp>
#include <span>
#include <vector>

namespace ringway::test {

/// Ethernet, IPv4, UDP, this, and a pattern that follows from it. An skb's TX queue follows from its flow.
struct frame_spec {
  std::uint32_t number = 0;
  std::uint32_t size = 60;  // 60 to 65535, without FCS
  std::uint32_t flow = 0;   // added to the source port
  bool operator==(const frame_spec&) const = default;
};
std::vector<std::uint8_t> make_frame(const frame_spec& spec);
/// What the frame says it is; nothing if it is not one of ours. Its bytes may still be wrong.
std::optional<frame_spec> read_frame(std::span<const std::uint8_t> frame);

/// Sends into an interface and receives what arrives at it, never what leaves it.
class traffic_socket {
 public:
  explicit traffic_socket(const interface& at);

  /// False: the kernel had no room for it.
  bool send(std::span<const std::uint8_t> frame);
  bool send(const frame_spec& spec) { return send(make_frame(spec)); }
  /// The next frame of ours; waits up to `ms` for it. Empty: none. Valid until the next call. Throws when the
  /// socket itself has lost any, for then nothing can be said.
  std::span<const std::uint8_t> receive(int ms);
  int fd() const noexcept { return fd_.value(); }

 private:
  void check_own_losses();

  unique_fd fd_;
  std::vector<std::uint8_t> buffer_;
};

/// What came of frames 0 ... count-1.
struct passage {
  unsigned sent = 0, received = 0, duplicates = 0, corrupt = 0, reordered = 0;  // reordered: within its flow
  bool exact() const noexcept { return received == sent && duplicates + corrupt + reordered == 0; }
};

/// Holds what arrives against what was sent.
class arrivals {
 public:
  using change = std::function<void(std::vector<std::uint8_t>&)>;
  /// `changed`: what a forwarder does to every frame.
  explicit arrivals(traffic_socket& at, change changed = {}) : at_(at), changed_(std::move(changed)) {}
  /// Waits up to `ms` for a frame and takes all that are there then. Returns the frames taken.
  unsigned take(int ms);
  /// Takes frames until none has come for `ms`.
  unsigned settle(int ms);
  passage found{};

 private:
  void look_at(std::span<const std::uint8_t> frame);

  traffic_socket& at_;
  change changed_;
  std::vector<bool> seen_;
  std::vector<std::int64_t> last_of_flow_;
};

struct passing {
  unsigned count = 1000;
  unsigned window = 64;  // frames on the way at most: fewer than any ring holds, so that nothing overflows
  std::function<frame_spec(std::uint32_t)> spec = [](std::uint32_t i) { return frame_spec{.number = i}; };
  arrivals::change changed{};
  int patience_ms = 1000;  // how long nothing may come before the rest is given up
};
/// Sends frames at one place and takes them at the other.
passage pass(traffic_socket& from, traffic_socket& to, const passing& how = {});

/// Exchanges the MAC addresses, as an arrivals::change.
void swap_macs(std::vector<std::uint8_t>& frame);

}  // namespace ringway::test
