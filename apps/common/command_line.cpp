// SPDX-License-Identifier: BSD-2-Clause
// The only file that includes CLI11, which is slow to compile.
#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

namespace ringway::app {
namespace {

std::string names_of(const option& o) {
  if (o.kind == value_kind::ports) return "PORT";
  return (o.letter != '\0' ? fmt::format("-{},", o.letter) : "") + "--" + o.name;
}

std::string help_of(const option& o) {
  const bool tell = o.kind != value_kind::flag && o.kind != value_kind::count && o.standard.size() == 1 &&
                    !o.standard[0].empty() && o.in_file;
  return tell ? fmt::format("{} [{}]", o.help, o.standard[0]) : o.help;
}

CLI::Option* describe(CLI::App& app, const option& o) {
  CLI::Option* added = nullptr;
  const std::string help = help_of(o);  // const: else CLI11 takes it for a variable to fill
  if (o.kind == value_kind::flag || o.kind == value_kind::count)
    added = app.add_flag(names_of(o), help);
  else
    added = app.add_option(names_of(o), CLI::callback_t(), help)->type_name(o.placeholder);
  if (!o.group.empty()) added->group(o.group);
  switch (o.kind) {
    case value_kind::ports:
      return added->expected(-1)->take_all();
    case value_kind::list:
      return added->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args(false)->take_all();
    case value_kind::count:
      return added;
    default:
      return added->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
}

/// CLI11's layout with usage first and types as we write them.
class layout : public CLI::Formatter {
 public:
  layout() { column_width(31); }
  std::string make_description(const CLI::App*) const override { return {}; }
  std::string make_usage(const CLI::App* app, std::string) const override {
    return fmt::format("usage: {} [OPTIONS] PORT [PORT ...]\n\n{}\n", app->get_name(),
                       app->get_description());
  }
  std::string make_option_opts(const CLI::Option* o) const override {
    return o->get_type_name().empty() ? "" : " " + o->get_type_name();
  }
};

/// CLI11's messages may have several lines.
std::string on_one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::vector<setting> given(const std::vector<std::pair<const option*, CLI::Option*>>& options) {
  std::vector<setting> settings;
  for (const auto& [o, found] : options) {
    if (found->count() == 0) continue;
    std::vector<std::string> values = found->results();
    if (o->kind == value_kind::count) values = {std::to_string(found->count())};
    if (o->kind != value_kind::list && o->kind != value_kind::ports) values = {values.back()};
    settings.push_back({o, std::move(values), o->kind == value_kind::ports ? "PORT" : "--" + o->name});
  }
  return settings;
}

}  // namespace

std::string version() { return RINGWAY_VERSION; }

std::optional<std::vector<setting>> parse_command_line(const identity& who, const option_table& table,
                                                       int argc, const char* const* argv) {
  CLI::App app(who.purpose, who.name);
  app.formatter(std::make_shared<layout>());
  app.set_help_flag("-h,--help", "this text, and nothing else");
  app.set_version_flag("--version", fmt::format("{} {}", who.name, version()),
                       "the version, and nothing else");
  std::vector<std::pair<const option*, CLI::Option*>> options;
  for (const option& o : table.all()) options.emplace_back(&o, describe(app, o));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return std::nullopt;
  } catch (const CLI::CallForVersion& e) {
    std::fprintf(stdout, "%s\n", e.what());
    return std::nullopt;
  } catch (const CLI::ParseError& e) {
    throw usage_error("{} (--help lists the options)", on_one_line(e.what()));
  }
  return given(options);
}

}  // namespace ringway::app
