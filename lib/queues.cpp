// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <charconv>
#include <ringway/error.hpp>
#include <ringway/queues.hpp>
#include <string_view>

namespace ringway {
namespace {

constexpr std::uint32_t most_queues = 4096;

std::uint32_t number(std::string_view text, const std::string& whole) {
  std::uint32_t n = 0;
  const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (err != std::errc{} || end != text.data() + text.size() || n >= most_queues)
    throw usage_error("queues '{}': neither 'all', nor a number, nor a list like 0-3,6", whole);
  return n;
}

}  // namespace

queue_selection::queue_selection(const std::string& text) {
  if (text == "all") return;
  if (text.find_first_of(",-") == std::string::npos) {
    first_ = number(text, text);
    if (first_ == 0) throw usage_error("queues '0': serve at least one queue");
    return;
  }
  std::string_view rest = text;
  while (true) {
    const std::string_view item = rest.substr(0, rest.find(','));
    const std::size_t dash = item.find('-');
    const std::uint32_t from = number(item.substr(0, dash), text);
    const std::uint32_t to = dash == std::string_view::npos ? from : number(item.substr(dash + 1), text);
    if (to < from) throw usage_error("queues '{}': {} comes before {}", text, to, from);
    for (std::uint32_t q = from; q <= to; ++q) list_.push_back(q);
    if (item.size() == rest.size()) break;
    rest.remove_prefix(item.size() + 1);
  }
  std::sort(list_.begin(), list_.end());
  if (std::adjacent_find(list_.begin(), list_.end()) != list_.end())
    throw usage_error("queues '{}': a queue stands twice", text);
}

std::vector<std::uint32_t> queue_selection::on(const interface& port) const {
  const std::uint32_t there = port.rx_queues();
  std::vector<std::uint32_t> served = list_;
  if (list_.empty())
    for (std::uint32_t q = 0; q < (first_ == 0 ? there : first_); ++q) served.push_back(q);
  if (served.back() >= there)
    throw error(EINVAL, "serve queue {} of {}: it has {} RX queue{}, 0-{}", served.back(), port.name(), there,
                there == 1 ? "" : "s", there - 1);
  return served;
}

std::string queue_selection::text() const {
  if (first_ != 0) return std::to_string(first_);
  if (list_.empty()) return "all";
  std::string s;
  for (const std::uint32_t q : list_) s += fmt::format("{}{}", s.empty() ? "" : ",", q);
  return list_.size() == 1 ? fmt::format("{0}-{0}", list_[0]) : s;
}

std::vector<std::uint32_t> queues_of_worker(const interface& port, const std::vector<std::uint32_t>& served,
                                            std::uint32_t worker, std::uint32_t workers) {
  std::vector<std::uint32_t> mine;
  for (std::size_t i = worker; i < served.size(); i += workers) mine.push_back(served[i]);
  if (mine.empty())
    throw error(EINVAL, "share {} out: {} workers, but only {} served queue{}", port.name(), workers,
                served.size(), served.size() == 1 ? "" : "s");
  const std::uint32_t tx = port.tx_queues();
  if (mine.front() >= tx)
    throw error(EINVAL, "share {} out: worker {} would transmit on queue {}, but it has {} TX queue{}",
                port.name(), worker, mine.front(), tx, tx == 1 ? "" : "s");
  return mine;
}

}  // namespace ringway
