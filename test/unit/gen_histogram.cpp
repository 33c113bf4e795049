// SPDX-License-Identifier: BSD-2-Clause
// The histogram of latencies: its buckets, its percentiles, and what it is exported as. (An independent
// reader of the export is in test/netns/test_sink.py.)
#include <analyse.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <histogram.hpp>
#include <random>
#include <ringway/error.hpp>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace {

using namespace ringway::gen;
using ringway::test::ContainsSubstring;

constexpr std::uint64_t longest = RW_HISTOGRAM_MAX;

std::vector<std::uint64_t> interesting_values() {
  std::vector<std::uint64_t> all;
  for (std::uint64_t v = 0; v < 10000; ++v) all.push_back(v);
  for (unsigned bit = 10; bit < RW_HISTOGRAM_BITS; ++bit)
    for (const int off : {-2, -1, 0, 1, 2})
      all.push_back((std::uint64_t{1} << bit) + static_cast<std::uint64_t>(off));
  std::mt19937_64 dice(1);
  for (int i = 0; i < 10000; ++i) all.push_back(dice() >> (64 - RW_HISTOGRAM_BITS) >> dice() % 20);
  return all;
}

TEST_CASE("a value is off by less than 0.1 % in its bucket", "[histogram]") {
  for (const std::uint64_t v : interesting_values()) {
    const std::size_t bucket = histogram::bucket_of(v);
    const std::uint64_t low = histogram::lowest_of(bucket), high = histogram::highest_of(bucket);
    CAPTURE(v, bucket, low, high);
    REQUIRE((low <= v && v <= high));
    REQUIRE(static_cast<double>(high - low) <= 0.001 * static_cast<double>(low));
  }
}

TEST_CASE("buckets follow each other without a gap", "[histogram]") {
  CHECK(histogram::lowest_of(0) == 0);
  for (std::size_t i = 1; i < RW_HISTOGRAM_LEN; ++i) {
    REQUIRE(histogram::lowest_of(i) == histogram::highest_of(i - 1) + 1);
    REQUIRE(histogram::bucket_of(histogram::lowest_of(i)) == i);
  }
  CHECK(histogram::highest_of(RW_HISTOGRAM_LEN - 1) == longest);
  CHECK(histogram::bucket_of(longest + 1) == RW_HISTOGRAM_LEN - 1);
  CHECK(histogram::bucket_of(~std::uint64_t{0}) == RW_HISTOGRAM_LEN - 1);
}

TEST_CASE("buckets are those of HdrHistogram", "[histogram]") {
  // countsArrayIndex() of its description: bucket index and sub-bucket index of the value
  for (const std::uint64_t v : interesting_values()) {
    const auto bucket = static_cast<std::size_t>(std::bit_width(v | 2047)) - 11;
    const std::size_t sub = v >> bucket;
    REQUIRE(histogram::bucket_of(v) == ((bucket + 1) << 10) + sub - 1024);
  }
}

TEST_CASE("percentiles are those of the sorted values", "[histogram]") {
  std::mt19937_64 dice(2);
  std::lognormal_distribution<> spread(9, 2);
  std::vector<std::uint64_t> values(12345);
  histogram h;
  for (std::uint64_t& v : values) h.record(v = static_cast<std::uint64_t>(spread(dice)));
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (const std::uint64_t v : values) sum += static_cast<double>(v);
  for (const double percent : {0.0, 0.1, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto rank = std::max(1.0, std::ceil(percent / 100 * static_cast<double>(values.size())));
    const std::uint64_t exact = values[static_cast<std::size_t>(rank) - 1], told = h.value_at(percent);
    CAPTURE(percent, exact, told);
    CHECK((told >= exact && static_cast<double>(told - exact) <= 0.001 * static_cast<double>(exact)));
  }
  CHECK(h.count() == values.size());
  CHECK(std::abs(h.mean() / (sum / 12345) - 1) < 0.001);
}

TEST_CASE("histograms merge by addition", "[histogram]") {
  histogram a, b;
  for (std::uint64_t v = 1; v <= 100; ++v) (v % 3 == 0 ? a : b).record(v);
  a.add(b);
  CHECK(a.count() == 100);
  CHECK(a.value_at(50) == 50);
  CHECK(a.value_at(99) == 99);
  CHECK(a.mean() == 50.5);
  CHECK(std::abs(a.deviation() - 28.866) < 0.001);
}

TEST_CASE("an empty histogram says 0", "[histogram]") {
  const histogram h;
  CHECK((h.count() == 0 && h.value_at(99) == 0 && h.mean() == 0 && h.deviation() == 0));
  CHECK_THAT(to_percentile_table(h), ContainsSubstring("Total count    =            0"));
  CHECK_THROWS_AS(histogram({1, 2, 3}), ringway::error);
}

/// The counts in an encoded histogram, as its runs have them.
std::vector<std::int64_t> decode(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string packed;
  std::uint32_t group = 0, there = 0;
  for (const char c : text) {
    if (c == '=') break;
    group = group << 6 | static_cast<std::uint32_t>(digits.find(c));
    if ((there += 6) >= 8) packed.push_back(static_cast<char>(group >> (there -= 8)));
  }
  std::string plain(1 << 20, '\0');
  uLongf size = plain.size();
  REQUIRE(uncompress(reinterpret_cast<Bytef*>(plain.data()), &size,
                     reinterpret_cast<const Bytef*>(packed.data()) + 8, packed.size() - 8) == Z_OK);
  std::vector<std::int64_t> runs;
  for (std::size_t at = 40; at < size;) {
    std::uint64_t value = 0;
    for (unsigned i = 0;; ++i) {
      const auto byte = static_cast<unsigned char>(plain[at++]);
      value |= static_cast<std::uint64_t>(i < 8 ? byte & 0x7f : byte) << (7 * i);
      if (byte < 0x80 || i == 8) break;
    }
    runs.push_back(static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1));
  }
  return runs;
}

TEST_CASE("counts of any size survive the encoding", "[histogram]") {
  std::vector<std::uint64_t> buckets(RW_HISTOGRAM_LEN);
  buckets[0] = 1;
  buckets[1] = 63;
  buckets[2] = 64;  // two bytes from here on
  buckets[100] = 1'000'000'007;
  buckets[101] = (std::uint64_t{1} << 55) - 1;
  buckets[20000] = (std::uint64_t{1} << 62) + 5;  // nine bytes
  const std::string text = to_hdr_base64(histogram(buckets));
  CHECK(text.starts_with("HISTF"));
  CHECK(text.size() % 4 == 0);
  CHECK(decode(text) == std::vector<std::int64_t>{1, 63, 64, -97, 1'000'000'007, (std::int64_t{1} << 55) - 1,
                                                  -19898, (std::int64_t{1} << 62) + 5});
}

TEST_CASE("the table ends with all of them", "[histogram]") {
  histogram h;
  for (std::uint64_t v = 1; v <= 1000; ++v) h.record(v);
  const std::string table = to_percentile_table(h);
  CHECK_THAT(table, ContainsSubstring("     500.000 0.500000000000        500           2.00\n"));
  CHECK_THAT(table, ContainsSubstring("    1000.000 1.000000000000       1000\n#[Mean"));
  CHECK_THAT(table, ContainsSubstring("#[Buckets =           26, SubBuckets     =         2048]"));
}

TEST_CASE("the log names its parts", "[histogram]") {
  histogram h;
  h.record(2'000'000);
  const std::string line = to_hdr_log_line(h, "sink/s0", 1.5);
  CHECK(line.starts_with("Tag=sink/s0,0.000,1.500,2.0"));
  CHECK_THAT(line, ContainsSubstring(to_hdr_base64(h)));
  CHECK(to_hdr_log_line(h, "", 1).starts_with("0.000,"));
}

}  // namespace
