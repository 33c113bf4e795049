// SPDX-License-Identifier: BSD-2-Clause
// The verbs as they are written on a command line.
#pragma once
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::lb_app {

/// What an argument has to look like, before anybody is asked.
enum class argument_kind { flag, text, address, endpoint, protocol, method, number };

struct verb_argument {
  const char* name;  // "--weight", or, of one that has a place, "VIP"
  const char* key;   // in the request; empty: it is for us alone
  argument_kind kind;
  const char* placeholder;  // of its value
  const char* help;
  bool needed = false;
  std::uint32_t least = 0, most = 0;  // of a number
  bool optional_value = false;        // --watch, --watch 5: with `least` when there is none
};

struct verb_form {
  const char* name;
  const char* purpose;
  std::vector<verb_argument> places;   // in order
  std::vector<verb_argument> options;  // --json, --socket and --help belong to all
};

const std::vector<verb_form>& verb_forms();
/// Null: no such verb.
const verb_form* find_verb(std::string_view name);

/// A command line that was understood.
struct verb_call {
  nlohmann::ordered_json request;
  std::string socket;
  bool json = false, help = false;
  std::uint32_t watch = 0;  // seconds between two; 0: once
};

/// `arguments` follow the verb. Throws usage_error.
verb_call parse_verb(const verb_form& form, const std::vector<std::string>& arguments);

std::string help_of(const verb_form& form);
/// All verbs, a line each.
std::string list_of_verbs();

}  // namespace ringway::lb_app
