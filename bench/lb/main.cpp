// SPDX-License-Identifier: BSD-2-Clause
// lb-figures [--rounds N] [--packets N] [--flows N] [programs|core|table|rings]...: what the load balancer
// costs, without a wire, and what its tables can hold; JSON on stdout, progress on stderr. Root. --flows: the
// most live flows, a power of two.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <ringway/error.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "figures.hpp"
#include "setup.hpp"

using namespace ringway;

namespace {

using part = nlohmann::json (*)(const lb_bench::effort&);
const std::map<std::string, part, std::less<>> parts = {{"programs", lb_bench::programs},
                                                        {"core", lb_bench::core},
                                                        {"table", lb_bench::table},
                                                        {"rings", lb_bench::rings}};

std::uint32_t number(std::string_view option, std::string_view text, std::uint32_t most) {
  std::uint32_t n = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (failure != std::errc{} || end != text.data() + text.size() || n == 0 || n > most)
    throw usage_error("{} {}: a number from 1 to {} is wanted", option, text, most);
  return n;
}

/// The parts that are asked for.
std::vector<std::string> parse(int argc, char** argv, lb_bench::effort& e) {
  std::vector<std::string> asked;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string_view next = i + 1 < argc ? argv[i + 1] : "";
    if (word == "--rounds")
      e.rounds = number(word, next, 1000), ++i;
    else if (word == "--packets")
      e.packets = number(word, next, 1u << 28), ++i;
    else if (word == "--flows")
      e.most_flows = number(word, next, 1u << 22), ++i;
    else if (parts.contains(word))
      asked.emplace_back(word);
    else
      throw usage_error("'{}': there are --rounds, --packets, --flows, programs, core, table, rings", word);
  }
  if ((e.most_flows & (e.most_flows - 1)) != 0)
    throw usage_error("--flows {}: no power of two", e.most_flows);
  if (asked.empty())
    for (const auto& [name, call] : parts) asked.push_back(name);
  return asked;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    lb_bench::effort e;
    const std::vector<std::string> asked = parse(argc, argv, e);
    lb_bench::stay_on_one_cpu();
    nlohmann::json all = {{"rounds", e.rounds}, {"packets", e.packets}};
    for (const std::string& name : asked) all[name] = parts.at(name)(e);
    fmt::print("{}\n", all.dump(1));
    return 0;
  } catch (const usage_error& e) {
    fmt::print(stderr, "lb-figures: error: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "lb-figures: error: {}\n", e.what());
    return 1;
  }
}
