// SPDX-License-Identifier: BSD-2-Clause
#include "histogram.hpp"

#include <analyse.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <numeric>
#include <ringway/error.hpp>

namespace ringway::gen {

static_assert(RW_HISTOGRAM_HALF_BITS == 10, "the export says: 3 significant digits");

histogram::histogram() : buckets_(RW_HISTOGRAM_LEN) {}

histogram::histogram(std::vector<std::uint64_t> buckets) : buckets_(std::move(buckets)) {
  if (buckets_.size() != RW_HISTOGRAM_LEN)
    throw error(EINVAL, "read a histogram of {} buckets instead of {}", buckets_.size(), RW_HISTOGRAM_LEN);
}

std::size_t histogram::bucket_of(std::uint64_t ns) noexcept { return rw_histogram_index(ns); }

std::uint64_t histogram::lowest_of(std::size_t bucket) noexcept {
  constexpr std::size_t half = 1u << RW_HISTOGRAM_HALF_BITS;
  const std::size_t doublings = bucket < 2 * half ? 0 : bucket / half - 1;
  return static_cast<std::uint64_t>(bucket - doublings * half) << doublings;
}

std::uint64_t histogram::highest_of(std::size_t bucket) noexcept { return lowest_of(bucket + 1) - 1; }

void histogram::record(std::uint64_t ns) noexcept { ++buckets_[bucket_of(ns)]; }

void histogram::add(const histogram& other) noexcept {
  std::transform(buckets_.begin(), buckets_.end(), other.buckets_.begin(), buckets_.begin(), std::plus<>{});
}

std::uint64_t histogram::count() const noexcept {
  return std::accumulate(buckets_.begin(), buckets_.end(), std::uint64_t{0});
}

std::uint64_t histogram::value_at(double percent) const noexcept {
  const std::uint64_t all = count();
  if (all == 0) return 0;
  const double wanted = std::ceil(std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(all));
  const auto rank = std::clamp(static_cast<std::uint64_t>(wanted), std::uint64_t{1}, all);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return highest_of(i);
  }
  return 0;  // not reached: rank <= all
}

namespace {

double middle_of(std::size_t bucket) noexcept {
  return (static_cast<double>(histogram::lowest_of(bucket)) +
          static_cast<double>(histogram::highest_of(bucket))) /
         2;
}

}  // namespace

double histogram::mean() const noexcept {
  const std::uint64_t all = count();
  double sum = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) sum += static_cast<double>(buckets_[i]) * middle_of(i);
  return all > 0 ? sum / static_cast<double>(all) : 0;
}

double histogram::deviation() const noexcept {
  const std::uint64_t all = count();
  const double center = mean();
  double sum = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    const double off = middle_of(i) - center;
    sum += static_cast<double>(buckets_[i]) * off * off;
  }
  return all > 0 ? std::sqrt(sum / static_cast<double>(all)) : 0;
}

}  // namespace ringway::gen
