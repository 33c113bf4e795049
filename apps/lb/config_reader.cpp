// SPDX-License-Identifier: BSD-2-Clause
#include "config_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "../common/config_file.hpp"
#include "config_file.hpp"

namespace ringway::lb_app {

const char* unusable(const ip_address& a) {
  std::array<std::uint8_t, 16> b{};
  std::memcpy(b.data(), a.words.data(), b.size());
  if (a.family == 4) {
    if (b[0] == 0) return "an unspecified address";
    if (b[0] == 127) return "a loopback address";
    if (b[0] >= 224 && b[0] < 240) return "a multicast address";
    return b[0] == 255 && b[1] == 255 && b[2] == 255 && b[3] == 255 ? "the broadcast address" : nullptr;
  }
  if (b[0] == 0xff) return "a multicast address";
  if (!std::all_of(b.begin(), b.begin() + 10, [](std::uint8_t x) { return x == 0; })) return nullptr;
  if (b[10] == 0xff && b[11] == 0xff) return "an IPv4 address written as IPv6";
  if (!std::all_of(b.begin() + 10, b.begin() + 15, [](std::uint8_t x) { return x == 0; })) return nullptr;
  if (b[15] == 0) return "the unspecified address";
  return b[15] == 1 ? "the loopback address" : nullptr;
}

const toml::node* config_reader::node(const char* key) {
  asked_.emplace(key);
  return table_->get(key);
}

void config_reader::fail(const char* key, const std::string& what) const {
  const toml::node* n = table_->get(key);
  throw usage_error("{}:{}: {}: {}", file_, n == nullptr ? line_ : n->source().begin.line, key,
                    app::one_line(what));
}

void config_reader::refuse(const std::string& what) const {
  throw usage_error("{}:{}: {}: {}", file_, line_, what_, app::one_line(what));
}

std::optional<std::string> config_reader::text(const char* key) {
  const toml::node* n = node(key);
  if (n == nullptr) return std::nullopt;
  if (const auto* s = n->as_string()) return s->get();
  fail(key, "a string in quotes is expected");
}

std::optional<bool> config_reader::boolean(const char* key) {
  const toml::node* n = node(key);
  if (n == nullptr) return std::nullopt;
  if (const auto* b = n->as_boolean()) return b->get();
  fail(key, "true or false is expected");
}

std::optional<std::uint32_t> config_reader::number(const char* key, std::uint32_t least, std::uint32_t most) {
  const toml::node* n = node(key);
  if (n == nullptr) return std::nullopt;
  const auto* i = n->as_integer();
  if (i == nullptr) fail(key, "a whole number is expected");
  if (i->get() < least || i->get() > most)
    fail(key, fmt::format("{} is not within {} to {}", i->get(), least, most));
  return static_cast<std::uint32_t>(i->get());
}

std::optional<std::uint32_t> config_reader::number_or(const char* key, std::string_view word,
                                                      std::uint32_t least, std::uint32_t most) {
  const toml::node* n = node(key);
  if (n != nullptr && n->is_string()) {
    if (n->as_string()->get() == word) return 0;
    fail(key, fmt::format("a number or \"{}\" is expected", word));
  }
  return number(key, least, most);
}

std::optional<double> config_reader::fraction(const char* key, double least, double most) {
  const toml::node* n = node(key);
  if (n == nullptr) return std::nullopt;
  const auto value = n->value<double>();
  if (!value || !n->is_number()) fail(key, "a number is expected");
  if (!(*value >= least && *value <= most))
    fail(key, fmt::format("{} is not within {} to {}", *value, least, most));
  return value;
}

std::optional<ip_address> config_reader::address(const char* key) {
  const auto given = text(key);
  if (!given) return std::nullopt;
  try {
    return ip_address::parse(*given);
  } catch (const usage_error& e) {
    fail(key, e.what());
  }
}

std::optional<ip_address> config_reader::host(const char* key, unsigned family) {
  const auto given = address(key);
  if (!given) return std::nullopt;
  if (family != 0 && given->family != family) fail(key, fmt::format("an IPv{} address is expected", family));
  if (const char* kind = unusable(*given)) fail(key, fmt::format("{} is {}", given->text(), kind));
  return given;
}

std::optional<std::string> config_reader::label(const char* key) {
  auto given = text(key);
  if (!given) return std::nullopt;
  if (given->empty()) fail(key, "it is empty");
  if (app::one_line(*given) != *given) fail(key, fmt::format("'{}' has control characters", *given));
  return given;
}

std::optional<std::chrono::milliseconds> config_reader::duration(const char* key) {
  const toml::node* n = node(key);
  if (n == nullptr) return std::nullopt;
  constexpr double most = 86'400'000;
  double ms = 0;
  if (n->is_number()) {
    ms = 1000 * *n->value<double>();
  } else if (const auto* s = n->as_string()) {
    const std::string& t = s->get();
    const auto [end, e] = std::from_chars(t.data(), t.data() + t.size(), ms);
    const std::string_view unit(end, static_cast<std::size_t>(t.data() + t.size() - end));
    if (e != std::errc() || (unit != "ms" && unit != "s"))
      fail(key, fmt::format("'{}' is no time (such as 2, \"2s\" or \"500ms\")", t));
    if (unit == "s") ms *= 1000;
  } else {
    fail(key, "seconds are expected, or a string such as \"500ms\"");
  }
  if (!(ms >= 1 && ms <= most)) fail(key, "a time from 1 ms to a day is expected");
  return std::chrono::milliseconds(std::llround(ms));
}

void config_reader::each(const char* key, const std::function<void(config_reader&)>& read) {
  const toml::node* n = node(key);
  if (n == nullptr) return;
  if (!n->is_array_of_tables()) fail(key, fmt::format("tables are expected: [[{}{}]]", path_, key));
  for (const toml::node& element : *n->as_array()) {
    config_reader inner(*element.as_table(), file_, fmt::format("[[{}{}]]", path_, key),
                        fmt::format("{}{}.", path_, key));
    read(inner);
    inner.end();
  }
}

std::optional<config_reader> config_reader::inner(const char* key) {
  const toml::node* n = node(key);
  if (n == nullptr) return std::nullopt;
  if (!n->is_table()) fail(key, fmt::format("a table is expected: [{}{}]", path_, key));
  return config_reader(*n->as_table(), file_, fmt::format("[{}{}]", path_, key),
                       fmt::format("{}{}.", path_, key));
}

void config_reader::end() const {
  const toml::key* first = nullptr;
  for (const auto& [key, value] : *table_) {
    if (!asked_.contains(key.str()) &&
        (first == nullptr || key.source().begin.line < first->source().begin.line))
      first = &key;
  }
  if (first != nullptr)
    throw usage_error("{}:{}: unknown key '{}' in {}", file_, first->source().begin.line,
                      app::one_line(std::string(first->str())), what_);
}

}  // namespace ringway::lb_app
