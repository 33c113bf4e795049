// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <concepts>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "packet.hpp"

namespace ringway {

/// Anything that decides, for every packet of a batch, where it goes:
///
///     struct reflect {
///       void process(ringway::batch& b) noexcept {
///         for (ringway::packet& p : b) { ringway::swap_macs(p); p.out = b.ingress(); }
///       }
///     };
///
/// process() is called by one worker thread and must be noexcept; it makes no system call and takes no lock.
/// Optional members:
///   void tick(batch&) noexcept        once a millisecond and port, with an empty batch: timers, packets of
///   one's own static constexpr std::array<std::string_view, N> drop_names    names of the reasons
///   RW_REASON_NF + 0 ... N - 1
template <class F>
concept network_function = std::movable<F> && requires(F& f, batch& b) {
  { f.process(b) }
  noexcept->std::same_as<void>;
};

template <class F>
concept has_tick = requires(F& f, batch& b) {
  { f.tick(b) }
  noexcept->std::same_as<void>;
};

/// The names of a function's own drop reasons, or none.
template <class F>
constexpr std::span<const std::string_view> drop_names_of() noexcept {
  if constexpr (requires { F::drop_names; })
    return F::drop_names;
  else
    return {};
}

/// Runs functions in order over a batch; resolved at compile time. A later function sees only the packets
/// that the earlier ones left undecided (out == drop()), in their order, with their marks. At most one of
/// them may have drop_names.
template <network_function... Fs>
class chain {
 public:
  explicit chain(Fs... fs) : fs_(std::move(fs)...) {}

  void process(batch& b) noexcept {
    std::apply([&b](Fs&... f) { ((f.process(b), b.hide_decided()), ...); }, fs_);
    b.show_all();
  }

 private:
  std::tuple<Fs...> fs_;
};

}  // namespace ringway
