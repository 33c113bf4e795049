// SPDX-License-Identifier: BSD-2-Clause
// `ringway-lb VERB ...`: from the command line to what is printed.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ringway/error.hpp>
#include <stdexcept>

#include "control_client.hpp"
#include "verbs.hpp"
#include "verbs_forms.hpp"
#include "verbs_print.hpp"

namespace ringway::lb_app {
namespace {

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw error(errno, "write the answer");
}

/// Throws what the balancer says against it.
json ask(control_client& balancer, const json& request) {
  const std::string line = balancer.ask(request.dump(-1, ' ', false, json::error_handler_t::replace));
  json answer = json::parse(line, nullptr, false);
  if (!answer.is_object() || !answer.contains("ok"))
    throw std::runtime_error("the balancer's answer is no answer");
  if (answer.at("ok") != true) throw std::runtime_error(answer.value("error", "refused"));
  return answer;
}

std::string text_of(const verb_call& call, const json& answer, const json* before) {
  if (!call.json) return print_answer(call.request, answer, before);
  return answer.dump(call.watch == 0 ? 2 : -1, ' ', false, json::error_handler_t::replace) + "\n";
}

void run(const verb_call& call) {
  control_client balancer(call.socket);
  json before;
  for (bool first = true;; first = false) {
    json answer = ask(balancer, call.request);
    std::string text = text_of(call, answer, first ? nullptr : &before);
    const bool redraw = call.watch != 0 && !call.json;
    if (redraw && ::isatty(STDOUT_FILENO) == 1) text.insert(0, "\033[H\033[J");
    if (redraw && ::isatty(STDOUT_FILENO) != 1) text += "\n";
    print(text);
    if (call.watch == 0) return;
    before = std::move(answer);
    const timespec pause{.tv_sec = call.watch, .tv_nsec = 0};
    ::nanosleep(&pause, nullptr);
  }
}

/// A start names a configuration, a port may stand before it: a word without is a verb that there is not.
void refuse_unknown(int argc, char** argv) {
  const auto is_option = [](const char* a) { return *a == '-'; };
  const auto starts = [](const std::string_view a) { return a.starts_with("--config"); };
  const auto verb =
      std::find_if(argv + 1, argv + argc, [](const char* a) { return find_verb(a) != nullptr; });
  if (verb != argv + argc && std::none_of(argv + 1, argv + argc, starts))
    throw usage_error("'{0}' is a verb, and comes first: ringway-lb {0} ...", *verb);
  if (is_option(argv[1]) || std::any_of(argv + 2, argv + argc, is_option)) return;
  throw usage_error("--config FILE is missing; and '{}' is no verb: `ringway-lb help' lists them", argv[1]);
}

/// `help', `help VERB'.
void help(int argc, char** argv) {
  if (argc < 3) return print(list_of_verbs());
  const verb_form* form = find_verb(argv[2]);
  if (form == nullptr) throw usage_error("'{}' is no verb: `ringway-lb help' lists them", argv[2]);
  print(help_of(*form));
}

}  // namespace

bool run_verb(int argc, char** argv, int& exit_code) {
  if (argc < 2) return false;
  const std::string verb = argv[1];
  const verb_form* form = find_verb(verb);
  if (form == nullptr && verb != "help") {
    refuse_unknown(argc, argv);
    return false;
  }
  exit_code = 0;
  if (form == nullptr) {
    help(argc, argv);
    return true;
  }
  const verb_call call = parse_verb(*form, {argv + 2, argv + argc});
  if (call.help)
    print(help_of(*form));
  else
    run(call);
  return true;
}

}  // namespace ringway::lb_app
