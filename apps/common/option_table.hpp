// SPDX-License-Identifier: BSD-2-Clause
// What can be set, once: the command line, the configuration file, --help and --print-config all work from
// this table, so a name means the same everywhere.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <ringway/error.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringway::app {

/// How a value is written. In the file: `flag` is a boolean; `count` and `number` are numbers; `text` is a
/// string; `ranges` a string, a number or a list of numbers; `list` a list of strings, and on the command
/// line an option that may be repeated. `ports` is a list too: the arguments that follow no option.
enum class value_kind { flag, count, number, text, ranges, list, ports };

struct option {
  using texts = std::vector<std::string>;

  std::string name = {};         ///< without dashes
  char letter = '\0';            ///< the short form, if any
  std::string placeholder = {};  ///< of its value, in --help
  std::string help = {};
  std::string group = {};
  value_kind kind = value_kind::text;
  bool in_file = true;                         ///< false: command line only
  std::function<void(const texts&)> set = {};  ///< throws usage_error without naming the option
  std::function<texts()> show = {};            ///< as set() takes it
  texts standard = {};                         ///< what it is when nobody sets it

  bool changed() const { return show() != standard; }
};

/// A value from somewhere, not yet applied.
struct setting {
  const option* what;
  option::texts values;
  std::string where;  ///< "--ring-size", "l2fwd.toml:3: ring-size"
};

class option_table {
 public:
  /// Options added from now on are listed under this heading.
  void heading(std::string text) { heading_ = std::move(text); }

  option& flag(std::string name, bool& target, std::string help);
  option& count(std::string name, std::uint32_t& target, std::string help);
  option& number(std::string name, std::string placeholder, std::uint32_t& target, std::uint32_t least,
                 std::uint32_t most, std::string help);
  option& seconds(std::string name, double& target, std::string help);
  option& text(std::string name, std::string placeholder, std::string& target, std::string help);
  option& list(std::string name, std::string placeholder, std::vector<std::string>& target, std::string help);
  /// One of a few words; the placeholder is made of them.
  template <class Value>
  option& choice(std::string name, Value& target, std::vector<std::pair<std::string, Value>> words,
                 std::string help);
  /// Whatever these do not fit. set and show are the caller's.
  option& add(option o);

  const std::deque<option>& all() const noexcept { return options_; }
  const option* find(std::string_view name) const noexcept;

 private:
  std::deque<option> options_;  // references to them stay valid
  std::string heading_;
};

/// Sets in this order: later ones win. Throws usage_error with the place of the first one that is refused.
void apply(const std::vector<setting>& settings);

/// "a, b or c", for messages.
std::string one_of(const std::vector<std::string>& words);

/// A whole number in decimal, nothing else. Throws usage_error.
std::uint32_t parse_number(const std::string& text, std::uint32_t least, std::uint32_t most);

template <class Value>
option& option_table::choice(std::string name, Value& target,
                             std::vector<std::pair<std::string, Value>> words, std::string help) {
  option o{.name = std::move(name), .help = std::move(help)};
  for (const auto& [word, value] : words) o.placeholder += (o.placeholder.empty() ? "" : "|") + word;
  o.set = [&target, words](const option::texts& given) {
    std::vector<std::string> names;
    for (const auto& [word, value] : words) {
      if (word == given.at(0)) {
        target = value;
        return;
      }
      names.push_back(word);
    }
    throw usage_error("'{}' is not {}", given.at(0), one_of(names));
  };
  o.show = [&target, words = std::move(words)]() -> option::texts {
    for (const auto& [word, value] : words)
      if (value == target) return {word};
    return {};
  };
  return add(std::move(o));
}

}  // namespace ringway::app
