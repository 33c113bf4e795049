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
///   void tick(batch&) noexcept
///       Once a millisecond and port, with an empty batch: timers, packets of one's own.
///   static constexpr std::array<std::string_view, N> drop_names
///       Names of the reasons RW_REASON_NF + 0 ... N - 1.
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
/// them may have drop_names. Each one's tick() gets an empty batch, and decides itself about what it appends.
template <network_function... Fs>
class chain {
  static constexpr std::size_t naming = (std::size_t{0} + ... + !drop_names_of<Fs>().empty());
  static_assert(naming <= 1, "the drop reasons of two functions of a chain would have the same numbers");
  static constexpr std::span<const std::string_view> names() noexcept {
    std::span<const std::string_view> all;
    ((all = drop_names_of<Fs>().empty() ? all : drop_names_of<Fs>()), ...);
    return all;
  }

 public:
  static constexpr std::span<const std::string_view> drop_names = names();

  explicit chain(Fs... fs) : fs_(std::move(fs)...) {}

  void process(batch& b) noexcept {
    std::apply([&b](Fs&... f) { ((f.process(b), b.hide_decided()), ...); }, fs_);
    b.show_all();
  }

  void tick(batch& b) noexcept requires(has_tick<Fs> || ...) {
    std::apply([&b](Fs&... f) { ((tick_one(f, b), b.hide_all()), ...); }, fs_);
    b.show_all();
  }

 private:
  template <class F>
  static void tick_one(F& f, batch& b) noexcept {
    if constexpr (has_tick<F>) f.tick(b);
  }

  std::tuple<Fs...> fs_;
};

}  // namespace ringway
