// SPDX-License-Identifier: BSD-2-Clause
// A request as its verb reads it, and the table of verbs. Within the verbs' own sources only.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "verbs.hpp"

namespace ringway::lb_app {

using json = nlohmann::ordered_json;  // as a reader expects them, not by the alphabet

/// Keys are asked for one by one; done() refuses those that nobody has asked for. All throw usage_error.
class verb_request {
 public:
  explicit verb_request(const std::string& line);

  const std::string& verb() const noexcept { return verb_; }
  std::string text(const char* key);
  std::optional<std::string> text_if(const char* key);
  std::uint32_t number(const char* key, std::uint32_t least, std::uint32_t most);
  std::optional<std::uint32_t> number_if(const char* key, std::uint32_t least, std::uint32_t most);
  bool flag(const char* key);  // absent: false
  /// To be called before anything is done.
  void done() const;

 private:
  const json* find(const char* key);
  json all_;
  std::string verb_;
  std::set<std::string, std::less<>> asked_{"verb"};
};

/// What verbs are made of: each reads its request, and puts its answer beside "ok".
using verb_handler = void (*)(verb_context& c, verb_request& r, json& out);
const std::map<std::string, verb_handler, std::less<>>& verb_handlers();

void answer_status(verb_context& c, verb_request& r, json& out);
void answer_vips(verb_context& c, verb_request& r, json& out);
void answer_reals(verb_context& c, verb_request& r, json& out);
void answer_add_real(verb_context& c, verb_request& r, json& out);
void answer_remove_real(verb_context& c, verb_request& r, json& out);
void answer_set_weight(verb_context& c, verb_request& r, json& out);
void answer_drain(verb_context& c, verb_request& r, json& out);
void answer_reload(verb_context& c, verb_request& r, json& out);
void answer_config(verb_context& c, verb_request& r, json& out);
void answer_conns(verb_context& c, verb_request& r, json& out);
void answer_stats(verb_context& c, verb_request& r, json& out);
void answer_drops(verb_context& c, verb_request& r, json& out);
void answer_explain(verb_context& c, verb_request& r, json& out);
void answer_explain_real(verb_context& c, verb_request& r, json& out);

/// Throws usage_error for a name that no VIP has.
const vip_view& vip_named(const control_plane& plane, std::string_view name);
/// "up", or what keeps new flows away: "down, drained", "held" and so on.
std::string state_word(const real_view& real);
json destination_json(const lb_destination& to);
double uptime_of(const verb_context& c);

}  // namespace ringway::lb_app
