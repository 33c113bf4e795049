// SPDX-License-Identifier: BSD-2-Clause
// Includes toml++, which is slow to compile.
#include "config_file.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

namespace ringway::app {
namespace {

using texts = option::texts;

std::optional<std::string> number_text(const toml::node& value) {
  if (const auto* i = value.as_integer()) return std::to_string(i->get());
  if (const auto* f = value.as_floating_point()) return fmt::format("{}", f->get());
  return std::nullopt;
}

std::optional<std::string> string_text(const toml::node& value) {
  if (const auto* s = value.as_string()) return s->get();
  return std::nullopt;
}

/// All elements, or none if one is of another kind.
template <class Convert>
std::optional<texts> elements(const toml::node& value, Convert convert) {
  const toml::array* array = value.as_array();
  if (array == nullptr) return std::nullopt;
  texts all;
  for (const toml::node& element : *array) {
    auto text = convert(element);
    if (!text) return std::nullopt;
    all.push_back(std::move(*text));
  }
  return all;
}

std::optional<texts> one(std::optional<std::string> text) {
  if (!text) return std::nullopt;
  return texts{std::move(*text)};
}

std::optional<texts> ranges(const toml::node& value) {
  if (auto text = string_text(value)) return texts{std::move(*text)};
  if (auto text = number_text(value)) return texts{std::move(*text)};
  const auto numbers = elements(value, number_text);
  if (!numbers || numbers->empty()) return std::nullopt;
  // A list of one is that one; a bare number may mean a count.
  if (numbers->size() == 1) return texts{(*numbers)[0] + "-" + (*numbers)[0]};
  std::string joined;
  for (const std::string& n : *numbers) joined += (joined.empty() ? "" : ",") + n;
  return texts{joined};
}

std::optional<texts> values_of(value_kind kind, const toml::node& value) {
  switch (kind) {
    case value_kind::flag:
      if (const auto* b = value.as_boolean()) return texts{b->get() ? "true" : "false"};
      return std::nullopt;
    case value_kind::count:
    case value_kind::number:
      return one(number_text(value));
    case value_kind::text:
      return one(string_text(value));
    case value_kind::ranges:
      return ranges(value);
    default:
      return elements(value, string_text);
  }
}

std::string_view expected(value_kind kind) {
  switch (kind) {
    case value_kind::flag:
      return "true or false";
    case value_kind::count:
    case value_kind::number:
      return "a number";
    case value_kind::text:
      return "a string in quotes";
    case value_kind::ranges:
      return "a string in quotes, a number, or a list of numbers";
    default:
      return "a list of strings in quotes";
  }
}

std::string written(const option& o) {
  const texts values = o.show();
  if (o.kind == value_kind::list || o.kind == value_kind::ports) {
    std::string list;
    for (const std::string& v : values) list += (list.empty() ? "" : ", ") + quoted(v);
    return "[" + list + "]";
  }
  const std::string& value = values.at(0);
  return o.kind == value_kind::text || o.kind == value_kind::ranges ? quoted(value) : value;
}

bool is_table(const toml::node& value) { return value.is_table() || value.is_array_of_tables(); }

}  // namespace

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + "\"";
}

std::string one_line(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

std::string read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (!file) throw usage_error("read the configuration {}: {}", path, std::strerror(errno));
  std::string text;
  char block[4096];
  while (const std::size_t n = std::fread(block, 1, sizeof block, file.get())) text.append(block, n);
  if (std::ferror(file.get()) != 0)
    throw usage_error("read the configuration {}: {}", path, std::strerror(errno));
  return text;
}

std::vector<setting> parse_config(const std::string& text, const std::string& name, const option_table& table,
                                  tables others) {
  toml::table parsed;
  try {
    parsed = toml::parse(text, name);
  } catch (const toml::parse_error& e) {
    throw usage_error("{}:{}: {}", name, e.source().begin.line, one_line(std::string(e.description())));
  }
  struct line {
    toml::source_index number;
    std::string key;
    const toml::node* value;
  };
  std::vector<line> lines;  // in the order of the file: the first fault is the one that is named
  for (const auto& [key, value] : parsed)
    if (others == tables::refused || !is_table(value))
      lines.push_back({key.source().begin.line, std::string(key.str()), &value});
  std::sort(lines.begin(), lines.end(), [](const line& a, const line& b) { return a.number < b.number; });
  std::vector<setting> settings;
  for (const line& l : lines) {
    const option* o = table.find(l.key);
    if (o == nullptr || !o->in_file)
      throw usage_error("{}:{}: unknown key '{}'", name, l.number, one_line(l.key));
    auto values = values_of(o->kind, *l.value);
    const std::string where = fmt::format("{}:{}: {}", name, l.number, l.key);
    if (!values) throw usage_error("{}: {} is expected", where, expected(o->kind));
    settings.push_back({o, std::move(*values), where});
  }
  return settings;
}

std::vector<setting> read_config(const std::string& path, const option_table& table, tables others) {
  return parse_config(read_file(path), path, table, others);
}

std::string print_config(const option_table& table) {
  std::string text, group;
  for (const option& o : table.all()) {
    if (!o.in_file) continue;
    if (o.group != group) text += fmt::format("{}# ---- {} ----\n", text.empty() ? "" : "\n", o.group);
    group = o.group;
    text += fmt::format("# {}{}\n{} = {}\n", o.placeholder.empty() ? "" : o.placeholder + ": ", o.help,
                        o.name, written(o));
  }
  return text;
}

}  // namespace ringway::app
