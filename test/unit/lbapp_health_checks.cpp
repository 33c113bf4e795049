// SPDX-License-Identifier: BSD-2-Clause
// Checks against servers on 127.0.0.1 that behave, refuse, talk nonsense or say nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <health_probe.hpp>
#include <ringway/error.hpp>
#include <thread>

#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;
using namespace std::chrono_literals;

namespace {

/// Answers each connection with some pieces of text; without any it says nothing, and keeps it open.
class server {
 public:
  explicit server(std::vector<std::string> pieces)
      : pieces_(std::move(pieces)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_.value(), reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
    REQUIRE(::listen(listener_.value(), 16) == 0);
    socklen_t size = sizeof a;
    ::getsockname(listener_.value(), reinterpret_cast<sockaddr*>(&a), &size);
    port = ntohs(a.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~server() {
    ::shutdown(listener_.value(), SHUT_RDWR);
    thread_.join();
  }
  std::uint16_t port = 0;
  std::atomic<int> connections{0};

 private:
  void serve() {
    std::vector<unique_fd> open;
    while (true) {
      unique_fd one(::accept(listener_.value(), nullptr, nullptr));
      if (!one) return;
      ++connections;
      for (const std::string& piece : pieces_) {
        std::ignore = ::send(one.value(), piece.data(), piece.size(), MSG_NOSIGNAL);
        std::this_thread::sleep_for(5ms);
      }
      if (pieces_.empty()) open.push_back(std::move(one));
    }
  }

  std::vector<std::string> pieces_;
  unique_fd listener_;
  std::thread thread_;
};

check_target target(std::uint16_t port, check_kind kind, const char* real = "a") {
  check_target t{
      .vip = "v", .real = real, .address = ip_address::parse("127.0.0.1"), .port = port, .to = {}, .how = {}};
  t.to.address = ip_address::parse("10.0.0.1");
  t.how.kind = kind;
  t.how.interval = 10ms;
  t.how.timeout = 100ms;
  return t;
}

struct heard {
  std::string real, why;
  bool up;
};

struct rig {
  event_loop loop;
  std::vector<heard> news;
  probe_way way{.mark = 0, .source = {}, .why = {}};
  health_checks checks{loop, [this](const check_target&) { return way; },
                       [this](const check_target& t, bool up, std::string why) {
                         news.push_back({t.real, std::move(why), up});
                       }};

  void run(std::chrono::milliseconds time, std::size_t until = 1000) {
    const auto end = event_loop::clock::now() + time;
    while (event_loop::clock::now() < end && news.size() < until) loop.run_once(10ms);
  }
};

}  // namespace

TEST_CASE("a status line is taken as the RFC has it, and no other") {
  CHECK(!http_status(""));
  CHECK(!http_status("HTTP/1.1 200 OK"));
  CHECK(http_status("HTTP/1.1 200 OK\r\n") == 200);
  CHECK(http_status("HTTP/1.0 503\r\nA: b") == 503);
  CHECK(http_status("HTTP/1.1 404 \n") == 404);
  CHECK(!http_status("HTTP/1.1 100 Continue\r\n\r\n"));
  CHECK(!http_status("HTTP/1.1 103 Early Hints\r\nLink: x\r\n"));
  CHECK(http_status("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n") == 200);
  CHECK(http_status("HTTP/1.1 101 Switching\r\n") == 101);
  for (const char* bad : {"\n", "HTTP/1.1 099 Early\r\n", "HTTP/2 200 OK\r\n", "HTTP/1.1  200\n",
                          "HTTP/1.1 20\r\n", "HTTP/1.1 2000\n", "ICY 200 OK\r\n", "HTTP/1.x 200\n"})
    CHECK_THROWS_AS(http_status(bad), error);
  CHECK_THROWS_AS(http_status(std::string(4096, 'x')), error);
}

TEST_CASE("who accepts passes, who is not there falls after so many failures") {
  rig r;
  std::uint16_t port = 0;
  {
    const server s({});
    port = s.port;
    r.checks.want({target(port, check_kind::tcp)});
    r.run(200ms);
    CHECK(r.news.empty());  // it is up from the start
    CHECK(s.connections >= 3);
  }
  r.run(2s, 1);
  REQUIRE(r.news.size() == 1);
  CHECK((!r.news[0].up && r.news[0].why == "connect: Connection refused"));
}

TEST_CASE("it comes back after so many successes") {
  const server s({"HTTP/1.1 ", "200 OK\r\n"});
  rig r;
  check_target t = target(s.port, check_kind::http);
  t.how.fall = 1;
  t.how.rise = 3;
  r.way = {.mark = {}, .source = {}, .why = "10.0.0.1 has no next hop"};
  r.checks.want({t});
  r.run(2s, 1);
  REQUIRE(r.news.size() == 1);
  CHECK(r.news[0].why == "no way to the real: 10.0.0.1 has no next hop");
  CHECK(s.connections == 0);
  r.way = {.mark = 0, .source = ip_address::parse("127.0.0.2"), .why = {}};
  r.run(2s, 2);
  REQUIRE(r.news.size() == 2);
  CHECK(r.news[1].up);
  CHECK(s.connections == 3);
}

TEST_CASE("what an HTTP server may do wrong") {
  const auto [answer, says] = GENERATE(table<std::vector<std::string>, std::string>({
      {{"HTTP/1.1 503 Busy\r\n\r\n"}, "HTTP 503, expected 200-399"},
      {{"HTTP/1.1 400 Bad\r\n\r\n"}, "HTTP 400, expected 200-399"},
      {{"nonsense\r\n"}, "HTTP: what came is no answer of it"},
      {{""}, "HTTP: "},  // it ends, by FIN or by RST
      {std::vector<std::string>(), "HTTP: no answer within 100 ms"},
  }));
  const server s(answer);
  rig r;
  check_target t = target(s.port, check_kind::http);
  t.how.fall = 2;
  r.checks.want({t});
  r.run(3s, 1);
  REQUIRE(r.news.size() == 1);
  INFO(r.news[0].why);
  CHECK(!r.news[0].up);
  CHECK(r.news[0].why.rfind(says, 0) == 0);
  CHECK(s.connections >= 2);
}

TEST_CASE("what stays the same keeps its state, what is new is up") {
  rig r;
  const check_target gone = target(1, check_kind::tcp, "gone");  // nobody listens there
  r.checks.want({gone});
  r.run(2s, 1);
  REQUIRE(r.news.size() == 1);
  r.checks.want({gone, target(1, check_kind::tcp, "new")});
  r.run(2s, 2);
  REQUIRE(r.news.size() == 2);
  CHECK(r.news[1].real == "new");
  r.checks.want({});
  r.run(100ms);
  CHECK(r.news.size() == 2);
}

TEST_CASE("more than can be under way wait for their turn") {
  const server s({});
  rig r;
  std::vector<check_target> many;
  for (int i = 0; i < 600; ++i) {
    many.push_back(target(s.port, check_kind::tcp, std::to_string(i).c_str()));
    many.back().how.timeout = 5s;
    many.back().how.interval = 50ms;
  }
  r.checks.want(many);
  r.run(1500ms);
  CHECK(r.news.empty());
  CHECK(s.connections >= 600);
}

TEST_CASE("it is told when those that wait for their turn are late") {
  const server s({});
  rig r;
  r.checks.want({target(s.port, check_kind::tcp, "one")});
  r.run(100ms);
  CHECK_FALSE(r.checks.late());
  std::vector<check_target> silent;
  for (int i = 0; i < 300; ++i) {
    silent.push_back(
        target(s.port, check_kind::http, std::to_string(i).c_str()));  // connects, and gets no answer
    silent.back().how.timeout = 5s;
    silent.back().how.interval = 50ms;
  }
  r.checks.want(silent);
  r.run(600ms);
  CHECK(r.checks.late());
}
