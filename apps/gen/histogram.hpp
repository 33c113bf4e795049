// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ringway::gen {

/// Times in nanoseconds, counted in the buckets of bpf/analyse.h: log-linear, a value is off by less than
/// 0.1 %.
class histogram {
 public:
  histogram();
  /// As the program has counted them. Throws error for another number of buckets.
  explicit histogram(std::vector<std::uint64_t> buckets);

  void record(std::uint64_t ns) noexcept;
  void add(const histogram& other) noexcept;

  std::uint64_t count() const noexcept;
  /// The longest time that shares a bucket with the one that `percent` of all do not exceed: of 100 times the
  /// 99 % is the 99th. 0 when there is none.
  std::uint64_t value_at(double percent) const noexcept;
  double mean() const noexcept;  ///< by the middles of the buckets
  double deviation() const noexcept;

  const std::vector<std::uint64_t>& buckets() const noexcept { return buckets_; }
  static std::size_t bucket_of(std::uint64_t ns) noexcept;
  static std::uint64_t lowest_of(std::size_t bucket) noexcept;
  static std::uint64_t highest_of(std::size_t bucket) noexcept;

 private:
  std::vector<std::uint64_t> buckets_;
};

/// HdrHistogram's compressed V2 encoding in base64, which its tools and libraries read.
std::string to_hdr_base64(const histogram& h);

/// The table of its outputPercentileDistribution(), in nanoseconds, as its plotters read it.
std::string to_percentile_table(const histogram& h);

/// A line of its interval log (version 1.3). `tag` tells several apart; empty: none.
std::string to_hdr_log_line(const histogram& h, const std::string& tag, double seconds);
std::string hdr_log_header(double seconds_since_1970);

}  // namespace ringway::gen
