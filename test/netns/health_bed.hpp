// SPDX-License-Identifier: BSD-2-Clause
// A balancer's namespace with two ports, each to a real's, which has the VIPs on lo, takes tunnels apart and
// serves HTTP: in this process, so that a test can turn each of them off.
#pragma once
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <ringway/core/decap.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <ringway/error.hpp>
#include <ringway/lb_store.hpp>
#include <ringway/lb_tables.hpp>
#include <string>
#include <thread>
#include <vector>

#include "../support/catch.hpp"
#include "../support/netns_guard.hpp"
#include "health.hpp"
#include "probe_path.hpp"
#ifndef _Bool
#define _Bool bool  // as the skeleton has it, and clang++ has not
#endif
// clang-format off
#include <decap.skel.h>  // after the core, whose structs it holds
// clang-format on

namespace ringway::test {

using namespace lb_app;
using namespace std::chrono_literals;

inline ip_address ip(std::string_view text) { return ip_address::parse(text); }
inline const ip_address vip4 = ip("10.9.0.1"), vip6 = ip("fd09::1");

/// Answers every request with a status of its own, on any address of the namespace.
class http_server {
 public:
  http_server(const netns_guard& where, int status) : status_(status) {
    const netns_scope inside(where.ns());
    socket_ = unique_fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(80);
    if (::bind(socket_.value(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
        ::listen(socket_.value(), 64) != 0)
      throw error(errno, "listen in {}", where.name());
    thread_ = std::thread([this] { serve(); });
  }
  ~http_server() {
    over_ = true;
    thread_.join();
  }
  int connections() const { return connections_; }

 private:
  void serve() {
    while (!over_) {
      pollfd p{socket_.value(), POLLIN, 0};
      if (::poll(&p, 1, 20) <= 0) continue;
      const unique_fd one(::accept4(socket_.value(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!one) continue;
      ++connections_;
      char request[1024];
      const timeval wait{0, 500'000};
      ::setsockopt(one.value(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
      if (::recv(one.value(), request, sizeof request, 0) <= 0) continue;
      const std::string answer = fmt::format("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", status_);
      ::send(one.value(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }
  int status_;
  unique_fd socket_;
  std::atomic<bool> over_{false};
  std::atomic<int> connections_{0};
  std::thread thread_;
};

/// bpf/decap.bpf.c at an interface.
class decapsulator {
 public:
  explicit decapsulator(const interface& where)
      : where_(where), program_(::decap::open_and_load(), ::decap::destroy) {
    const netns_scope inside(where_.ns());
    link_ = program_ ? bpf_program__attach_xdp(program_->progs.rw_decap, static_cast<int>(where_.index()))
                     : nullptr;
    if (link_ == nullptr) throw error(errno, "attach decap to {}", where.name());
  }
  ~decapsulator() { bpf_link__destroy(link_); }
  decapsulator(const decapsulator&) = delete;
  decapsulator& operator=(const decapsulator&) = delete;

 private:
  interface where_;
  std::unique_ptr<::decap, void (*)(::decap*)> program_;
  bpf_link* link_ = nullptr;
};

struct real_host {
  netns_guard ns;
  std::unique_ptr<http_server> server;
  std::unique_ptr<decapsulator> decap;
  explicit real_host(const std::string& name) : ns(name) {}
};

/// Reals 0 and 1 at 10.0.N.2 and fd0N::2 (N: 0, 1); the balancer is at .1 and ::1 of each.
struct health_bed {
  netns_guard lb{"lb"};
  real_host reals[2] = {real_host("r0"), real_host("r1")};
  lb_store store =
      lb_store::in_maps({.vips = 8, .rings = 8, .reals = 16, .connections = 0, .ring_size = 1021});
  lb_tables tables{store, {}, [this] { store.wait_for_programs(); }};

  explicit health_bed(bool offloads = false) {
    for (unsigned n : {0U, 1U}) {
      connect(n, offloads);
      reals[n].server = std::make_unique<http_server>(reals[n].ns, 200 + static_cast<int>(n));
      reals[n].decap = std::make_unique<decapsulator>(reals[n].ns.at("y0"));
      tables.set_port(n, lb.at(port(n)).mac(), 1500);
    }
  }
  static std::string port(unsigned n) { return fmt::format("x{}", n); }
  std::vector<interface> ports() const { return {lb.at("x0"), lb.at("x1")}; }

  /// Of real `n`: by its IPv4 or IPv6 address.
  lb_destination to(unsigned n, rw_lb_method method, int family) const {
    lb_destination d;
    d.address = ip(fmt::format(fmt::runtime(family == 4 ? "10.0.{}.2" : "fd0{}::2"), n));
    if (method != RW_METHOD_L2)
      d.source = ip(fmt::format(fmt::runtime(family == 4 ? "10.0.{}.1" : "fd0{}::1"), n));
    d.method = method;
    return d;
  }
  /// Makes both reals of both VIPs known, and where they are.
  void use(rw_lb_method method, int family) {
    std::vector<lb_vip> vips;
    for (const ip_address& address : {vip4, vip6}) {
      lb_vip v;
      v.address = address;
      v.port = 80;
      if (method == RW_METHOD_L2 && address.family != family) continue;
      for (unsigned n : {0U, 1U}) v.reals.push_back({to(n, method, family), 1});
      vips.push_back(v);
    }
    for (unsigned n : {0U, 1U})
      tables.set_next_hop(
          to(n, method, family),
          {.mac = reals[n].ns.at("y0").mac(), .port = static_cast<std::uint8_t>(n), .up = true});
    tables.apply(vips);
  }
  std::uint32_t element(unsigned n, rw_lb_method method, int family) const {
    return static_cast<std::uint32_t>(tables.real_of(to(n, method, family)));
  }

 private:
  void connect(unsigned n, bool offloads) {
    make_veth(lb, port(n), reals[n].ns, "y0", {.offloads = offloads});
    const std::string six =
        "echo 0 > /proc/sys/net/ipv6/conf/{0}/accept_dad; "
        "echo 0 > /proc/sys/net/ipv6/conf/{0}/disable_ipv6; ";
    lb.run(
        fmt::format(fmt::runtime(six + "ip addr add 10.0.{1}.1/24 dev {0}; ip addr add fd0{1}::1/64 dev {0}"),
                    port(n), n));
    reals[n].ns.run(
        fmt::format(fmt::runtime(six + "ip addr add 10.0.{1}.2/24 dev {0}; ip addr add fd0{1}::2/64 dev {0}; "
                                       "echo 0 > /proc/sys/net/ipv6/conf/lo/disable_ipv6; "
                                       "ip addr add {2}/32 dev lo; ip addr add {3}/128 dev lo"),
                    "y0", n, vip4.text(), vip6.text()));
  }
};

}  // namespace ringway::test
