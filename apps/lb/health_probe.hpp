// SPDX-License-Identifier: BSD-2-Clause
// One check under way: a connection, and with http a request and the first line of its answer.
#pragma once
#include <functional>
#include <optional>
#include <ringway/unique_fd.hpp>
#include <string>
#include <string_view>

#include "health.hpp"

namespace ringway::lb_app {

/// The status of an HTTP/1 answer, once its first line is whole; interim ones (RFC 9110 15.2) are passed
/// over. No value: more is to come. Throws ringway::error for what is no answer, or too long to be looked for
/// in.
std::optional<int> http_status(std::string_view received);

class health_probe {
 public:
  /// `done`: called once, not from within the constructor; empty: it passed, else what failed.
  health_probe(event_loop& loop, const check_target& target, const probe_way& way,
               std::function<void(std::string why)> done);
  ~health_probe();
  health_probe(const health_probe&) = delete;
  health_probe& operator=(const health_probe&) = delete;

 private:
  void open(const probe_way& way);
  void ready(std::uint32_t events);
  void send_request();
  void read_answer();
  void end(std::string why);

  event_loop& loop_;
  check_target target_;
  std::function<void(std::string)> done_;
  unique_fd socket_;
  event_loop::timer timer_ = 0;
  bool connected_ = false, over_ = false;
  std::string to_send_, received_;
};

}  // namespace ringway::lb_app
