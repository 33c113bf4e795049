// SPDX-License-Identifier: BSD-2-Clause
// A TOML table whose keys are asked for one by one; those that nobody has asked for are refused in the end.
#pragma once
#include <toml++/toml.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <ringway/error.hpp>
#include <ringway/lb_config.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringway::lb_app {

class config_reader {
 public:
  /// `what` names the table in messages: "[limits]"; `path` is what the names of those in it begin with:
  /// "vip.", or nothing.
  config_reader(const toml::table& table, std::string file, std::string what, std::string path = {})
      : table_(&table),
        file_(std::move(file)),
        what_(std::move(what)),
        path_(std::move(path)),
        line_(table.source().begin.line) {}

  /// Each: the value of a key, or nullopt if it is not there. Throws usage_error with its line.
  std::optional<std::string> text(const char* key);
  std::optional<bool> boolean(const char* key);
  std::optional<std::uint32_t> number(const char* key, std::uint32_t least, std::uint32_t most);
  std::optional<double> fraction(const char* key, double least, double most);
  std::optional<ip_address> address(const char* key);
  /// One that a host can have; `family`: 4, 6, or 0 for either.
  std::optional<ip_address> host(const char* key, unsigned family = 0);
  /// Text for people and messages: not empty, no control characters.
  std::optional<std::string> label(const char* key);
  std::optional<std::chrono::milliseconds> duration(const char* key);
  /// A number, or a string of `words`, which stands for 0.
  std::optional<std::uint32_t> number_or(const char* key, std::string_view word, std::uint32_t least,
                                         std::uint32_t most);
  template <class Value>
  std::optional<Value> word(const char* key, const std::vector<std::pair<std::string, Value>>& words);
  /// Calls `read` with each table of an array of tables, and its position.
  void each(const char* key, const std::function<void(config_reader&)>& read);
  std::optional<config_reader> inner(const char* key);
  const toml::node* node(const char* key);

  /// Refuses the first key that was not asked for.
  void end() const;
  /// "FILE:LINE: KEY: what is wrong", or, without the key, of the table.
  [[noreturn]] void fail(const char* key, const std::string& what) const;
  [[noreturn]] void refuse(const std::string& what) const;
  toml::source_index line() const noexcept { return line_; }
  const std::string& file() const noexcept { return file_; }

 private:
  const toml::table* table_;
  std::string file_, what_, path_;
  toml::source_index line_;
  std::set<std::string, std::less<>> asked_;
};

template <class Value>
std::optional<Value> config_reader::word(const char* key,
                                         const std::vector<std::pair<std::string, Value>>& words) {
  const auto given = text(key);
  if (!given) return std::nullopt;
  std::string all;
  for (const auto& [name, value] : words) {
    if (name == *given) return value;
    all += (all.empty() ? "" : &words.back().first == &name ? " or " : ", ") + name;
  }
  fail(key, fmt::format("'{}' is not {}", *given, all));
}

}  // namespace ringway::lb_app
