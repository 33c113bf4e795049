// SPDX-License-Identifier: BSD-2-Clause
// What HdrHistogram's tools read. Numbers are big-endian.
#include <analyse.h>
#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <ringway/error.hpp>
#include <string_view>

#include "histogram.hpp"

namespace ringway::gen {
namespace {

constexpr std::uint32_t cookie_v2 = 0x1c849303 | 0x10, cookie_v2_compressed = 0x1c849304 | 0x10;
constexpr std::uint32_t significant_digits = 3;
constexpr int ticks_per_half = 5;  // lines of the table each time that the distance to 100 % is halved

template <class T>
void put(std::string& out, T value) {
  for (int shift = 8 * (static_cast<int>(sizeof value) - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift & 0xff));
}

/// ZigZag LEB128, 7 bits a byte, the lowest first; a ninth byte has 8.
void put_zigzag(std::string& out, std::int64_t value) {
  auto bits = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  for (int i = 0; i < 8 && bits > 0x7f; ++i, bits >>= 7) out.push_back(static_cast<char>(bits | 0x80));
  out.push_back(static_cast<char>(bits));
}

/// The counts up to the last one that is not 0; runs of zeros as their length, negative.
std::string counts_of(const histogram& h) {
  std::string out;
  std::int64_t zeros = 0;
  for (const std::uint64_t count : h.buckets()) {
    if (count == 0) {
      ++zeros;
      continue;
    }
    if (zeros > 0) put_zigzag(out, -zeros);
    zeros = 0;
    put_zigzag(out, static_cast<std::int64_t>(count));
  }
  return out;
}

std::string encode(const histogram& h) {
  const std::string counts = counts_of(h);
  std::string out;
  put(out, cookie_v2);
  put(out, static_cast<std::uint32_t>(counts.size()));
  put(out, std::uint32_t{0});  // normalizing index offset
  put(out, significant_digits);
  put(out, std::uint64_t{1});  // lowest discernible value
  put(out, std::uint64_t{RW_HISTOGRAM_MAX});
  put(out, std::bit_cast<std::uint64_t>(1.0));  // integer to double conversion ratio
  return out + counts;
}

std::string compress_text(const std::string& plain) {
  uLongf size = compressBound(plain.size());
  std::string out(size, '\0');
  const int result =
      compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(plain.data()),
                plain.size(), Z_BEST_COMPRESSION);
  if (result != Z_OK) throw error(ENOMEM, "compress a histogram");
  out.resize(size);
  return out;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t there = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < there ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out.push_back(k <= there ? digits[group >> (18 - 6 * k) & 63] : '=');
  }
  return out;
}

/// How far the next line of the table is, in percent.
double step_after(double percent) {
  const double halvings = std::floor(std::log2(100 / (100 - percent))) + 1;
  return 100 / (ticks_per_half * std::exp2(halvings));
}

std::uint64_t count_up_to(const histogram& h, std::uint64_t value) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= histogram::bucket_of(value); ++i) sum += h.buckets()[i];
  return sum;
}

}  // namespace

std::string to_hdr_base64(const histogram& h) {
  const std::string body = compress_text(encode(h));
  std::string out;
  put(out, cookie_v2_compressed);
  put(out, static_cast<std::uint32_t>(body.size()));
  return base64(out + body);
}

std::string to_percentile_table(const histogram& h) {
  std::string text =
      fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
  const std::uint64_t all = h.count();
  std::uint64_t seen = 0;
  for (double percent = 0; seen < all; percent += step_after(percent)) {
    const std::uint64_t value = h.value_at(percent);
    seen = count_up_to(h, value);
    if (seen < all)
      text += fmt::format("{:12.3f} {:2.12f} {:10} {:14.2f}\n", static_cast<double>(value), percent / 100,
                          seen, 100 / (100 - percent));
  }
  const auto longest = static_cast<double>(h.value_at(100));
  if (all > 0) text += fmt::format("{:12.3f} {:2.12f} {:10}\n", longest, 1.0, all);
  text += fmt::format("#[Mean    = {:12.3f}, StdDeviation   = {:12.3f}]\n", h.mean(), h.deviation());
  text += fmt::format("#[Max     = {:12.3f}, Total count    = {:12}]\n", longest, all);
  text += fmt::format("#[Buckets = {:12}, SubBuckets     = {:12}]\n",
                      RW_HISTOGRAM_BITS - RW_HISTOGRAM_HALF_BITS, 2u << RW_HISTOGRAM_HALF_BITS);
  return text;
}

std::string to_hdr_log_line(const histogram& h, const std::string& tag, double seconds) {
  const std::string label = tag.empty() ? "" : "Tag=" + tag + ",";
  return fmt::format("{}{:.3f},{:.3f},{:.3f},{}\n", label, 0.0, seconds,
                     static_cast<double>(h.value_at(100)) / 1e6, to_hdr_base64(h));
}

std::string hdr_log_header(double seconds_since_1970) {
  return fmt::format(
      "#[Histogram log format version 1.3]\n#[StartTime: {:.3f} (seconds since epoch)]\n"
      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
      seconds_since_1970);
}

}  // namespace ringway::gen
