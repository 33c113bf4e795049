// SPDX-License-Identifier: BSD-2-Clause
// The control socket over its loop: clients of every kind, and what may be at its path.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <control_client.hpp>
#include <control_path.hpp>
#include <control_socket.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ringway/error.hpp>
#include <stdexcept>
#include <thread>

#include "support/catch.hpp"

using namespace ringway;
using namespace ringway::lb_app;
using std::chrono::milliseconds;

namespace {

struct folder {
  std::string path = "/tmp/ringway-control-XXXXXX";
  folder() {
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
  }
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string socket() const { return path + "/lb.sock"; }
};

unique_fd connect_to(const std::string& path, int* why = nullptr) {
  const sockaddr_un a = control_address(path);
  unique_fd s(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int r = ::connect(s.value(), reinterpret_cast<const sockaddr*>(&a), sizeof(a));
  if (why != nullptr) *why = r == 0 ? 0 : errno;
  if (r != 0) s.reset();
  return s;
}

void put(const unique_fd& s, const std::string& text) {
  REQUIRE(::send(s.value(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

/// What has come, up to `most`; ended: the other side has closed.
std::string get(const unique_fd& s, bool* ended = nullptr, std::size_t most = 1 << 20) {
  std::string all;
  std::vector<char> some(64 * 1024);
  while (all.size() < most) {
    const ssize_t n = ::recv(s.value(), some.data(), std::min(some.size(), most - all.size()), 0);
    if (n == 0 && ended != nullptr) *ended = true;
    if (n < 0 && errno == ECONNRESET && ended != nullptr) *ended = true;
    if (n <= 0) break;
    all.append(some.data(), static_cast<std::size_t>(n));
  }
  return all;
}

struct rig {
  folder where;
  event_loop loop;
  std::vector<std::string> heard;
  std::string big = std::string(8 << 20, 'x');
  control_socket server;

  explicit rig(control_limits limits = {})
      : server(
            loop, where.socket(), 0600,
            [this](const std::string& line) {
              heard.push_back(line);
              if (line == "throw") throw std::runtime_error("thrown \"so\"");
              return line == "big" ? big : "<" + line + ">";
            },
            limits) {}

  void turns(int n) {
    for (int i = 0; i < n; ++i) loop.run_once(milliseconds(2));
  }
};

mode_t mode_of(const std::string& path) {
  struct stat is {};
  return ::lstat(path.c_str(), &is) == 0 ? is.st_mode & 07777 : 0;
}

}  // namespace

TEST_CASE("a line is answered by a line", "[lb]") {
  rig r;
  const unique_fd c = connect_to(r.where.socket());
  REQUIRE(c);
  put(c, "one\n");
  r.turns(3);
  CHECK(get(c) == "<one>\n");
  put(c, "tw");
  r.turns(3);
  CHECK(get(c).empty());
  put(c, "o\nthree\n\nfour\n");
  r.turns(8);
  CHECK(get(c) == "<two>\n<three>\n<four>\n");
}

TEST_CASE("what an answer throws is answered", "[lb]") {
  rig r;
  const unique_fd c = connect_to(r.where.socket());
  put(c, "throw\nnext\n");
  r.turns(5);
  CHECK(get(c) == "{\"ok\":false,\"error\":\"thrown \\\"so\\\"\"}\n<next>\n");
}

TEST_CASE("one request a turn and client: many do not hold the loop", "[lb]") {
  rig r;
  const unique_fd many = connect_to(r.where.socket()), other = connect_to(r.where.socket());
  r.turns(1);
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "m\n";
  put(many, lines);
  put(other, "other\n");
  r.turns(3);
  CHECK(get(other) == "<other>\n");
  CHECK(r.heard.size() < 10);
  r.turns(120);
  CHECK(get(many).size() == 400);
}

TEST_CASE("half a line, and then the end", "[lb]") {
  rig r;
  unique_fd c = connect_to(r.where.socket());
  put(c, "half");
  r.turns(2);
  c.reset();
  r.turns(2);
  CHECK(r.heard.empty());
  unique_fd writer_ends = connect_to(r.where.socket());
  put(writer_ends, "first\nlast\nhalf");
  ::shutdown(writer_ends.value(), SHUT_WR);
  r.turns(6);
  bool ended = false;
  CHECK(get(writer_ends, &ended) == "<first>\n<last>\n");
  CHECK(ended);
  CHECK(r.heard == std::vector<std::string>{"first", "last"});
}

TEST_CASE("a request that is too long ends its connection", "[lb]") {
  rig r;
  const unique_fd c = connect_to(r.where.socket()), other = connect_to(r.where.socket());
  put(c, "before\n" + std::string(65536, 'a') + "\n");
  r.turns(4);
  CHECK(get(c) == "<before>\n<" + std::string(65536, 'a') + ">\n");
  put(c, std::string(65537, 'a') + "\nafter\n");
  put(other, "other\n");
  r.turns(6);
  bool ended = false;
  CHECK(get(c, &ended) == "{\"ok\":false,\"error\":\"a request longer than 65536 bytes\"}\n");
  CHECK(ended);
  CHECK(get(other) == "<other>\n");
  const unique_fd endless = connect_to(r.where.socket());
  put(endless, std::string(70'000, 'a'));
  r.turns(4);
  ended = false;
  CHECK_FALSE(get(endless, &ended).empty());
  CHECK(ended);
  CHECK(r.heard.size() == 3);
}

TEST_CASE("a client that reads slowly delays nobody, and gets all of its answer", "[lb]") {
  rig r;
  const unique_fd slow = connect_to(r.where.socket()), other = connect_to(r.where.socket());
  put(slow, "big\nafter\n");
  put(other, "other\n");
  const auto begin = std::chrono::steady_clock::now();
  r.turns(4);
  CHECK(get(other) == "<other>\n");
  CHECK(std::chrono::steady_clock::now() - begin < milliseconds(500));
  CHECK(r.heard.size() == 2);  // "after" waits for "big" to be taken
  std::string all = get(slow, nullptr, 300'000);
  r.turns(4);
  CHECK(r.heard.size() == 2);
  for (int i = 0; i < 20'000 && all.size() < r.big.size() + 1 + 8; ++i) {
    all += get(slow);
    r.loop.run_once(milliseconds(1));
  }
  CHECK(all == r.big + "\n<after>\n");
}

TEST_CASE("a client that takes nothing loses its connection", "[lb]") {
  rig r(control_limits{.patience = milliseconds(50)});
  const unique_fd dead = connect_to(r.where.socket());
  put(dead, "big\n");
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < milliseconds(200)) r.loop.run_once(milliseconds(10));
  bool ended = false;
  CHECK(get(dead, &ended, 16 << 20).size() < r.big.size());
  CHECK(ended);
}

TEST_CASE("a client that takes its time is given it", "[lb]") {
  rig r(control_limits{.patience = milliseconds(60)});
  const unique_fd slow = connect_to(r.where.socket());
  put(slow, "big\n");
  std::string all;
  const auto begin = std::chrono::steady_clock::now();
  while (all.size() < r.big.size() + 1 && std::chrono::steady_clock::now() - begin < milliseconds(5000)) {
    all += get(slow, nullptr, 300'000);
    r.loop.run_once(milliseconds(10));
    std::this_thread::sleep_for(milliseconds(5));
  }
  CHECK(all.size() == r.big.size() + 1);
  CHECK(std::chrono::steady_clock::now() - begin > milliseconds(120));
}

TEST_CASE("only so many ask at a time", "[lb]") {
  rig r(control_limits{.clients = 2});
  unique_fd a = connect_to(r.where.socket());
  const unique_fd b = connect_to(r.where.socket()), c = connect_to(r.where.socket());
  r.turns(2);
  bool ended = false;
  CHECK(get(c, &ended) == "{\"ok\":false,\"error\":\"too many ask at the same time\"}\n");
  CHECK(ended);
  a.reset();
  r.turns(2);
  const unique_fd d = connect_to(r.where.socket());
  put(d, "now\n");
  r.turns(3);
  CHECK(get(d) == "<now>\n");
}

TEST_CASE("the path's mode is the one asked for, whatever the umask", "[lb]") {
  folder where;
  event_loop loop;
  for (const mode_t mask : {0u, 077u, 0777u}) {
    const mode_t old = ::umask(mask);
    const control_socket server(loop, where.socket(), 0660, [](const std::string& s) { return s; });
    ::umask(old);
    CHECK(mode_of(where.socket()) == 0660);
  }
  CHECK(::access(where.socket().c_str(), F_OK) != 0);
}

TEST_CASE("a path at which somebody listens is refused", "[lb]") {
  rig r;
  CHECK_THROWS_WITH(control_path(r.where.socket(), 0600), test::ContainsSubstring("somebody listens there"));
  const unique_fd c = connect_to(r.where.socket());
  put(c, "still\n");
  r.turns(6);
  CHECK(get(c) == "<still>\n");
}

TEST_CASE("a path that a killed balancer left is taken over", "[lb]") {
  const folder where;
  {
    const sockaddr_un a = control_address(where.socket());
    const unique_fd s(::socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(::bind(s.value(), reinterpret_cast<const sockaddr*>(&a), sizeof(a)) == 0);
  }
  int why = 0;
  connect_to(where.socket(), &why);
  REQUIRE(why == ECONNREFUSED);
  const control_path path(where.socket(), 0600);
  connect_to(where.socket(), &why);
  CHECK(why == 0);
}

TEST_CASE("what is no socket is left alone", "[lb]") {
  const folder where;
  std::ofstream(where.socket()) << "precious";
  CHECK_THROWS_WITH(control_path(where.socket(), 0600), test::ContainsSubstring("no socket"));
  std::string kept;
  std::ifstream(where.socket()) >> kept;
  CHECK(kept == "precious");
  REQUIRE(::symlink(where.socket().c_str(), (where.path + "/link").c_str()) == 0);
  CHECK_THROWS_AS(control_path(where.path + "/link", 0600), error);
  CHECK_THROWS_AS(control_path(where.path + "/no/such", 0600), error);
  const std::string datagrams = where.path + "/datagrams";  // somebody's, of another kind
  const sockaddr_un a = control_address(datagrams);
  const unique_fd other(::socket(AF_UNIX, SOCK_DGRAM, 0));
  REQUIRE(::bind(other.value(), reinterpret_cast<const sockaddr*>(&a), sizeof(a)) == 0);
  CHECK_THROWS_WITH(control_path(datagrams, 0600),
                    test::ContainsSubstring("find out whether somebody listens"));
  CHECK(::access(datagrams.c_str(), F_OK) == 0);
  CHECK_THROWS_AS(control_path(where.path + "/" + std::string(120, 'l'), 0600), usage_error);
  CHECK_THROWS_AS(control_path("", 0600), usage_error);
}

TEST_CASE("another's path is not removed at the end", "[lb]") {
  const folder where;
  {
    const control_path path(where.socket(), 0600);
    REQUIRE(::rename(where.socket().c_str(), (where.path + "/moved").c_str()) == 0);
    std::ofstream(where.socket()) << "another's";
  }
  CHECK(::access(where.socket().c_str(), F_OK) == 0);
  ::unlink(where.socket().c_str());
  { const control_path path(where.socket(), 0600); }
  CHECK(::access(where.socket().c_str(), F_OK) != 0);
}

TEST_CASE("the client's end", "[lb]") {
  CHECK_THROWS_WITH(control_client("/nonexistent/ringway.sock"),
                    test::ContainsSubstring("/nonexistent/ringway.sock"));
  rig r;
  std::string first, second, gone;
  std::atomic<bool> done{false};
  std::thread asking([&] {
    control_client c(r.where.socket());
    first = c.ask("one");
    second = c.ask("big");
    try {
      c.ask(std::string(80'000, 'l'));
      c.ask("more");
    } catch (const error& e) {
      gone = e.what();
    }
    done = true;
  });
  for (int i = 0; i < 5000 && !done; ++i) r.loop.run_once(milliseconds(2));
  asking.join();
  CHECK(first == "<one>");
  CHECK(second == r.big);
  CHECK_THAT(gone, test::ContainsSubstring(r.where.socket()));
}
