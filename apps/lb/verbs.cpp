// SPDX-License-Identifier: BSD-2-Clause
#include "verbs.hpp"

#include <ringway/error.hpp>

#include "verbs_request.hpp"

namespace ringway::lb_app {
namespace {

std::string line_of(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string all_verbs() {
  std::string words;
  for (const auto& [name, handler] : verb_handlers()) words += (words.empty() ? "" : ", ") + name;
  return words;
}

}  // namespace

verb_request::verb_request(const std::string& line) {
  all_ = json::parse(line, nullptr, false);
  if (all_.is_discarded()) throw usage_error("the request is no JSON");
  if (!all_.is_object()) throw usage_error("the request is no JSON object");
  const auto at = all_.find("verb");
  if (at == all_.end() || !at->is_string()) throw usage_error("the request names no verb");
  verb_ = at->get<std::string>();
}

const json* verb_request::find(const char* key) {
  asked_.insert(key);
  const auto at = all_.find(key);
  return at == all_.end() ? nullptr : &*at;
}

std::optional<std::string> verb_request::text_if(const char* key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) throw usage_error("{}: {} is no string", key, line_of(*value));
  return value->get<std::string>();
}

std::string verb_request::text(const char* key) {
  auto value = text_if(key);
  if (!value) throw usage_error("{} needs {}", verb_, key);
  return *value;
}

std::optional<std::uint32_t> verb_request::number_if(const char* key, std::uint32_t least,
                                                     std::uint32_t most) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const bool fits = value->is_number_unsigned() && value->get<std::uint64_t>() >= least &&
                    value->get<std::uint64_t>() <= most;
  if (!fits) throw usage_error("{}: {} is no number from {} to {}", key, line_of(*value), least, most);
  return value->get<std::uint32_t>();
}

std::uint32_t verb_request::number(const char* key, std::uint32_t least, std::uint32_t most) {
  const auto value = number_if(key, least, most);
  if (!value) throw usage_error("{} needs {}", verb_, key);
  return *value;
}

bool verb_request::flag(const char* key) {
  const json* value = find(key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) throw usage_error("{}: {} is neither true nor false", key, line_of(*value));
  return value->get<bool>();
}

void verb_request::done() const {
  for (const auto& [key, value] : all_.items())
    if (!asked_.contains(key)) throw usage_error("{} knows no {}", verb_, key);
}

const std::map<std::string, verb_handler, std::less<>>& verb_handlers() {
  static const std::map<std::string, verb_handler, std::less<>> all = {{"status", answer_status},
                                                                       {"vips", answer_vips},
                                                                       {"reals", answer_reals},
                                                                       {"add-real", answer_add_real},
                                                                       {"remove-real", answer_remove_real},
                                                                       {"set-weight", answer_set_weight},
                                                                       {"drain", answer_drain},
                                                                       {"reload", answer_reload},
                                                                       {"config", answer_config},
                                                                       {"conns", answer_conns},
                                                                       {"stats", answer_stats},
                                                                       {"drops", answer_drops},
                                                                       {"explain", answer_explain},
                                                                       {"explain-real", answer_explain_real}};
  return all;
}

std::string refusal(const std::string& why) { return line_of({{"ok", false}, {"error", why}}); }

std::string answer(verb_context& context, const std::string& line) {
  try {
    verb_request r(line);
    const auto at = verb_handlers().find(r.verb());
    if (at == verb_handlers().end()) throw usage_error("'{}' is no verb ({})", r.verb(), all_verbs());
    json out = {{"ok", true}};
    at->second(context, r, out);
    return line_of(out);
  } catch (const std::exception& e) {
    return refusal(e.what());
  }
}

const vip_view& vip_named(const control_plane& plane, std::string_view name) {
  const vip_view* v = plane.find(name);
  if (v == nullptr) throw usage_error("no VIP has the name '{}'", name);
  return *v;
}

double uptime_of(const verb_context& c) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - c.begin).count();
}

}  // namespace ringway::lb_app
