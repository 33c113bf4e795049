// SPDX-License-Identifier: BSD-2-Clause
#include "option_table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace ringway::app {
namespace {

constexpr double longest_seconds = 1e9;  // 31 years: every clock we use can hold it

bool parse_flag(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  throw usage_error("'{}' is not true or false", text);
}

double parse_seconds(const std::string& text) {
  double value = 0;
  const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (err != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value < 0 ||
      value > longest_seconds)
    throw usage_error("'{}' is not a number of seconds", text);
  return value;
}

}  // namespace

std::uint32_t parse_number(const std::string& text, std::uint32_t least, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = err == std::errc{} && end == text.data() + text.size();
  if (!whole || value < least || value > most)
    throw usage_error("'{}' is not a number from {} to {}", text, least, most);
  return value;
}

std::string one_of(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

option& option_table::add(option o) {
  o.group = heading_;
  o.standard = o.show ? o.show() : option::texts{};
  return options_.emplace_back(std::move(o));
}

option& option_table::flag(std::string name, bool& target, std::string help) {
  option o{.name = std::move(name), .help = std::move(help), .kind = value_kind::flag};
  o.set = [&target](const option::texts& given) { target = parse_flag(given.at(0)); };
  o.show = [&target]() -> option::texts { return {target ? "true" : "false"}; };
  return add(std::move(o));
}

option& option_table::count(std::string name, std::uint32_t& target, std::string help) {
  option& o = number(std::move(name), "", target, 0, 9, std::move(help));
  o.kind = value_kind::count;
  return o;
}

option& option_table::number(std::string name, std::string placeholder, std::uint32_t& target,
                             std::uint32_t least, std::uint32_t most, std::string help) {
  option o{.name = std::move(name),
           .placeholder = std::move(placeholder),
           .help = std::move(help),
           .kind = value_kind::number};
  o.set = [&target, least, most](const option::texts& given) {
    target = parse_number(given.at(0), least, most);
  };
  o.show = [&target]() -> option::texts { return {std::to_string(target)}; };
  return add(std::move(o));
}

option& option_table::seconds(std::string name, double& target, std::string help) {
  option o{.name = std::move(name), .placeholder = "S", .help = std::move(help), .kind = value_kind::number};
  o.set = [&target](const option::texts& given) { target = parse_seconds(given.at(0)); };
  o.show = [&target]() -> option::texts { return {fmt::format("{}", target)}; };
  return add(std::move(o));
}

option& option_table::text(std::string name, std::string placeholder, std::string& target, std::string help) {
  option o{.name = std::move(name), .placeholder = std::move(placeholder), .help = std::move(help)};
  o.set = [&target](const option::texts& given) { target = given.at(0); };
  o.show = [&target]() -> option::texts { return {target}; };
  return add(std::move(o));
}

option& option_table::list(std::string name, std::string placeholder, std::vector<std::string>& target,
                           std::string help) {
  option o{.name = std::move(name),
           .placeholder = std::move(placeholder),
           .help = std::move(help),
           .kind = value_kind::list};
  o.set = [&target](const option::texts& given) { target = given; };
  o.show = [&target] { return target; };
  return add(std::move(o));
}

const option* option_table::find(std::string_view name) const noexcept {
  const auto found =
      std::find_if(options_.begin(), options_.end(), [&](const option& o) { return o.name == name; });
  return found == options_.end() ? nullptr : &*found;
}

void apply(const std::vector<setting>& settings) {
  for (const setting& s : settings) {
    try {
      s.what->set(s.values);
    } catch (const usage_error& e) {
      throw usage_error("{}: {}", s.where, e.what());
    }
  }
}

}  // namespace ringway::app
