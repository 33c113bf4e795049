// SPDX-License-Identifier: BSD-2-Clause
// What follows from what an analysing sink saw. No system calls.
#include <stamp.h>

#include <algorithm>

#include "analyse.hpp"

namespace ringway::gen {
namespace {

constexpr std::uint64_t turn = std::uint64_t{1} << 32;  // numbers in a stamp
constexpr std::uint64_t chosen_per_turn = turn >> RW_STAMP_SAMPLE_BITS;
constexpr std::uint64_t factor = 0x9E3779B1u;  // of rw_stamp_sampled(); odd, so it permutes the numbers

/// Sum of floor((a i + b) / m) for i = 0 ... n - 1, by Euclid's algorithm: the points below a line on a grid,
/// the line turned over each time that it has become steep. a n + b must not exceed 64 bits, what the sum
/// loses by that does not matter to a difference of two.
std::uint64_t floor_sum(std::uint64_t n, std::uint64_t m, std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t sum = 0;
  while (n > 0) {
    sum += (n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n) * (a / m) + n * (b / m);
    a %= m;
    b %= m;
    const std::uint64_t top = a * n + b;
    n = top / m;
    b = top % m;
    std::swap(a, m);
  }
  return sum;
}

}  // namespace

std::uint64_t sampled_among(std::uint64_t first, std::uint64_t count) noexcept {
  const std::uint64_t turns = count / turn, rest = count % turn;
  // A product p (its low 32 bits) is chosen when it is below chosen_per_turn: then, and only then, does
  // taking that away borrow. Shifted up by one turn, so that nothing becomes negative.
  const std::uint64_t start = factor * (first % turn) % turn + turn;
  return turns * chosen_per_turn + floor_sum(rest, turn, factor, start) -
         floor_sum(rest, turn, factor, start - chosen_per_turn);
}

missing_frames missing(const analysis& a, const std::optional<sent_frames>& sent) noexcept {
  missing_frames m;
  m.by_span = !sent;
  const std::int64_t first = sent ? 0 : a.first;
  const auto numbers = sent ? sent->attempted : static_cast<std::uint64_t>(a.last - a.first + 1);
  const std::uint64_t refused = sent ? sent->attempted - std::min(sent->accepted, sent->attempted) : 0;
  if (a.sampled) {
    m.of = sampled_among(static_cast<std::uint64_t>(first), numbers);
    if (refused > 0) return m;
  } else {
    m.of = numbers - refused;
  }
  m.lost = static_cast<std::int64_t>(m.of) - static_cast<std::int64_t>(a.unique);
  return m;
}

double latencies::mean() const noexcept {
  return count > 0 ? static_cast<double>(sum) / static_cast<double>(count) : 0;
}

std::uint64_t latencies::percentile(double percent) const noexcept {
  return std::clamp(spread.value_at(percent), min, std::max(min, max));
}

}  // namespace ringway::gen
