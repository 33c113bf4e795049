// SPDX-License-Identifier: BSD-2-Clause
// A verb's command line, made a request. What is wrong in itself is found here, before anybody is asked.
#include <algorithm>
#include <optional>
#include <ringway/error.hpp>

#include "option_table.hpp"
#include "verbs_forms.hpp"
#include "verbs_words.hpp"

namespace ringway::lb_app {
namespace {

nlohmann::ordered_json value_of(const verb_argument& a, const std::string& text) {
  switch (a.kind) {
    case argument_kind::flag:
      return true;
    case argument_kind::number:
      return app::parse_number(text, a.least, a.most);
    case argument_kind::address:
      return ip_address::parse(text).text();
    case argument_kind::endpoint:
      (void)parse_endpoint(text);
      break;
    case argument_kind::protocol:
      (void)protocol_of(text);
      break;
    case argument_kind::method:
      (void)method_of(text);
      break;
    case argument_kind::text:
      break;
  }
  return text;
}

bool are_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// A value, or a word with a place, though it begins like an option.
bool is_negative(std::string_view text) { return text.starts_with('-') && are_digits(text.substr(1)); }

class parser {
 public:
  parser(const verb_form& form, const std::vector<std::string>& arguments)
      : form_(form), left_(arguments.begin(), arguments.end()) {
    std::reverse(left_.begin(), left_.end());
    call_.request = {{"verb", form.name}};
    call_.socket = configuration().socket;
  }

  verb_call run() {
    while (!left_.empty()) {
      std::string word = take();
      if (word.size() > 1 && word[0] == '-' && !is_negative(word))
        option(std::move(word));
      else
        place(word);
    }
    if (!call_.help) check();
    return std::move(call_);
  }

 private:
  std::string take() {
    std::string word = std::move(left_.back());
    left_.pop_back();
    return word;
  }

  [[noreturn]] void refuse(const std::string& why) const { throw usage_error("{}: {}", form_.name, why); }

  void place(const std::string& word) {
    if (placed_ == form_.places.size()) refuse(fmt::format("'{}' is one argument too many", word));
    set(form_.places[placed_++], word);
  }

  void option(std::string word) {
    std::optional<std::string> value;
    if (const std::size_t equals = word.find('='); word.starts_with("--") && equals != std::string::npos) {
      value = word.substr(equals + 1);
      word.erase(equals);
    }
    const bool is_ours = word == "--json" || word == "--help" || word == "-h";
    const auto at = std::find_if(form_.options.begin(), form_.options.end(),
                                 [&](const verb_argument& a) { return word == a.name; });
    const bool takes_value =
        word == "--socket" || (at != form_.options.end() && at->kind != argument_kind::flag);
    if (!is_ours && word != "--socket" && at == form_.options.end())
      refuse(fmt::format("there is no {}", word));
    if (value && !takes_value) refuse(fmt::format("{} takes no value", word));
    if (word == "--json") {
      call_.json = true;
    } else if (is_ours) {
      call_.help = true;
    } else if (word == "--socket") {
      call_.socket = value ? *value : next_value(word);
    } else if (at->optional_value && !value && !value_follows()) {
      call_.watch = at->least;
    } else {
      set(*at, value || !takes_value ? value.value_or("") : next_value(word));
    }
  }

  bool value_follows() const {
    return !left_.empty() && (left_.back()[0] != '-' || is_negative(left_.back()));
  }

  std::string next_value(const std::string& word) {
    if (left_.empty()) refuse(fmt::format("{} needs a value", word));
    return take();
  }

  void set(const verb_argument& a, const std::string& text) {
    if (*a.key != '\0' && call_.request.contains(a.key)) refuse(fmt::format("{} is given twice", a.name));
    try {
      const auto value = value_of(a, text);
      if (*a.key == '\0')
        call_.watch = value.get<std::uint32_t>();
      else
        call_.request[a.key] = value;
    } catch (const usage_error& e) {
      refuse(fmt::format("{}: {}", a.name, e.what()));
    }
  }

  void check() {
    for (std::size_t i = placed_; i < form_.places.size(); ++i)
      if (form_.places[i].needed) refuse(fmt::format("{} is missing", form_.places[i].name));
    if (std::string_view(form_.name) == "explain") check_explain();
  }

  /// One word for two questions.
  void check_explain() {
    auto& r = call_.request;
    const char* const of_packet[] = {"src", "dst", "proto", "syn", "payload", "port"};
    if (!r.contains("real")) {
      if (r.contains("vip")) refuse("--vip goes with --real");
      for (const char* key : {"src", "dst"})
        if (!r.contains(key)) refuse(fmt::format("--{} is missing", key));
      if (!r.contains("proto")) r["proto"] = "tcp";
      if (r.contains("syn") && r["proto"] != "tcp") refuse("--syn: only TCP has it");
      const auto family = [&r](const char* key) {
        return parse_endpoint(r[key].get<std::string>()).address.family;
      };
      if (family("src") != family("dst")) refuse("--src and --dst are not of one family");
      return;
    }
    for (const char* key : of_packet)
      if (r.contains(key)) refuse(fmt::format("--{} does not go with --real", key));
    r["verb"] = "explain-real";
  }

  const verb_form& form_;
  std::vector<std::string> left_;  // the next one last
  std::size_t placed_ = 0;
  verb_call call_;
};

}  // namespace

verb_call parse_verb(const verb_form& form, const std::vector<std::string>& arguments) {
  return parser(form, arguments).run();
}

}  // namespace ringway::lb_app
