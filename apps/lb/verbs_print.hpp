// SPDX-License-Identifier: BSD-2-Clause
// Answers for people.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace ringway::lb_app {

using json = nlohmann::ordered_json;

/// `request` is what was asked; `before`: the last answer to the same, for rates; null: none.
std::string print_answer(const json& request, const json& answer, const json* before);

std::string print_stats(const json& answer, const json* before);
std::string print_drops(const json& answer, const json* before);
std::string print_conns(const json& answer);
std::string print_explain(const json& answer);
std::string print_explain_real(const json& answer);

/// How many of something a second there were since `before`, which has a row of that name too; "-": unknown.
std::string rate_text(double now, double before, double seconds);

}  // namespace ringway::lb_app
