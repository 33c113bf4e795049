// SPDX-License-Identifier: BSD-2-Clause
// The baseline of the AF_XDP figures: a plain loop on libxdp, one thread, one UMEM, queue 0 of each
// interface. As good as such a loop gets: completions drained before anything else, fill before RX, kicks
// repeated while they make progress.
//
//   libxdp-loop macswap IF0 IF1 BATCH BUDGET RING     swaps MACs and sends to the other interface
//   libxdp-loop txonly  IF0     BATCH BUDGET RING     sends 60-byte frames as fast as it can: the ceiling of
//   transmit
//
// Prints "libxdp-loop: ready" when it forwards, and what it counted at SIGINT or SIGTERM.
#include <net/if.h>
#include <sys/mman.h>
#include <xdp/xsk.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr std::uint32_t frame_size = 2048;
constexpr int sol_xdp = 283, max_tx_skb_budget = 9;  // Debian 12's headers do not know the second

volatile std::sig_atomic_t stop = 0;

[[noreturn]] void die(const char* what, int err) {
  std::fprintf(stderr, "libxdp-loop: error: %s: %s\n", what, std::strerror(err < 0 ? -err : err));
  std::exit(1);
}

struct side {
  xsk_ring_cons rx{}, completion{};
  xsk_ring_prod tx{}, fill{};
  xsk_socket* socket = nullptr;
  int fd = -1;
  std::uint64_t received = 0, sent = 0, kicks = 0, full = 0;
};

struct settings {
  std::uint32_t batch, budget, ring;
};

std::uint8_t* memory = nullptr;
std::vector<std::uint64_t> free_frames;

void open_side(side& s, xsk_umem* umem, const char* name, const settings& c, bool receives) {
  xsk_socket_config k{};
  k.rx_size = k.tx_size = c.ring;
  k.bind_flags = XDP_USE_NEED_WAKEUP;
  if (!receives) k.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
  if (const int e =
          xsk_socket__create_shared(&s.socket, name, 0, umem, &s.rx, &s.tx, &s.fill, &s.completion, &k))
    die(name, e);
  s.fd = xsk_socket__fd(s.socket);
  if (c.budget > 32 && setsockopt(s.fd, sol_xdp, max_tx_skb_budget, &c.budget, sizeof c.budget) != 0)
    die("set the TX budget", errno);
}

void reap(side& s) {
  std::uint32_t at = 0;
  const std::uint32_t n = xsk_ring_cons__peek(&s.completion, XSK_RING_CONS__DEFAULT_NUM_DESCS, &at);
  for (std::uint32_t i = 0; i < n; ++i)
    free_frames.push_back(*xsk_ring_cons__comp_addr(&s.completion, at + i) & ~std::uint64_t{frame_size - 1});
  if (n != 0) xsk_ring_cons__release(&s.completion, n);
}

void refill(side& s) {
  const std::uint32_t want = xsk_prod_nb_free(
      &s.fill, static_cast<std::uint32_t>(free_frames.size() < 4096 ? free_frames.size() : 4096));
  const auto n = static_cast<std::uint32_t>(want < free_frames.size() ? want : free_frames.size());
  std::uint32_t at = 0;
  if (n == 0 || xsk_ring_prod__reserve(&s.fill, n, &at) != n) return;
  for (std::uint32_t i = 0; i < n; ++i) {
    *xsk_ring_prod__fill_addr(&s.fill, at + i) = free_frames.back();
    free_frames.pop_back();
  }
  xsk_ring_prod__submit(&s.fill, n);
}

void kick(side& s) {
  if (!xsk_ring_prod__needs_wakeup(&s.tx)) return;
  for (int i = 0; i < 256; ++i) {
    ++s.kicks;
    if (sendto(s.fd, nullptr, 0, MSG_DONTWAIT, nullptr, 0) >= 0) return;
    if (errno != EAGAIN && errno != EBUSY) return;
    reap(s);
  }
}

void forward(side& from, side& to, const settings& c) {
  std::uint32_t rx = 0, tx = 0;
  const std::uint32_t n = xsk_ring_cons__peek(&from.rx, c.batch, &rx);
  if (n == 0) return;
  from.received += n;
  const std::uint32_t room = xsk_prod_nb_free(&to.tx, n) < n ? xsk_prod_nb_free(&to.tx, n) : n;
  if (room != 0 && xsk_ring_prod__reserve(&to.tx, room, &tx) != room) die("reserve TX", EINVAL);
  for (std::uint32_t i = 0; i < n; ++i) {
    const xdp_desc* d = xsk_ring_cons__rx_desc(&from.rx, rx + i);
    if (i >= room) {
      ++to.full;
      free_frames.push_back(d->addr & ~std::uint64_t{frame_size - 1});
      continue;
    }
    std::uint8_t *p = memory + d->addr, mac[6];
    std::memcpy(mac, p, 6);
    std::memcpy(p, p + 6, 6);
    std::memcpy(p + 6, mac, 6);
    xdp_desc* t = xsk_ring_prod__tx_desc(&to.tx, tx + i);
    t->addr = d->addr, t->len = d->len, t->options = 0;
  }
  xsk_ring_cons__release(&from.rx, n);
  xsk_ring_prod__submit(&to.tx, room);
  to.sent += room;
  kick(to);
}

void transmit_only(side& s, const settings& c) {
  std::uint32_t tx = 0;
  const auto n = static_cast<std::uint32_t>(free_frames.size() < c.batch ? free_frames.size() : c.batch);
  if (n != 0 && xsk_ring_prod__reserve(&s.tx, n, &tx) == n) {
    for (std::uint32_t i = 0; i < n; ++i) {
      xdp_desc* t = xsk_ring_prod__tx_desc(&s.tx, tx + i);
      t->addr = free_frames.back(), t->len = 60, t->options = 0;
      free_frames.pop_back();
    }
    xsk_ring_prod__submit(&s.tx, n);
    s.sent += n;
  }
  kick(s);
  reap(s);
}

void prepare_frames(std::uint32_t frames) {
  for (std::uint32_t i = 0; i < frames; ++i) {
    std::uint8_t* p = memory + std::size_t{i} * frame_size;
    std::memset(p, 0, 60);
    p[0] = p[6] = 2, p[5] = 1, p[12] = 0x88, p[13] = 0xb5;
    free_frames.push_back(std::uint64_t{i} * frame_size);
  }
}

std::uint32_t number(const char* text) { return static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10)); }

}  // namespace

int main(int argc, char** argv) {
  const bool tx_only = argc > 1 && std::strcmp(argv[1], "txonly") == 0;
  const int sides = tx_only ? 1 : 2;
  if (argc != 5 + sides) {
    std::fputs("usage: libxdp-loop macswap IF0 IF1 BATCH BUDGET RING | txonly IF0 BATCH BUDGET RING\n",
               stderr);
    return 2;
  }
  const settings c{number(argv[2 + sides]), number(argv[3 + sides]), number(argv[4 + sides])};
  for (const int s : {SIGINT, SIGTERM}) std::signal(s, [](int) { stop = 1; });
  const std::uint32_t frames = static_cast<std::uint32_t>(sides) * 5 * c.ring + 2 * c.batch;
  const std::size_t bytes = std::size_t{frames} * frame_size;
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (p == MAP_FAILED) die("map packet memory", errno);
  memory = static_cast<std::uint8_t*>(p);
  free_frames.reserve(frames);
  prepare_frames(frames);

  xsk_umem_config u{};
  u.fill_size = 2 * c.ring, u.comp_size = c.ring, u.frame_size = frame_size;
  side port[2];
  xsk_umem* umem = nullptr;
  if (const int e = xsk_umem__create(&umem, memory, bytes, &port[0].fill, &port[0].completion, &u))
    die("register UMEM", e);
  for (int i = 0; i < sides; ++i) open_side(port[i], umem, argv[2 + i], c, !tx_only);
  if (!tx_only) refill(port[0]), refill(port[1]);
  std::puts("libxdp-loop: ready");
  std::fflush(stdout);
  while (stop == 0) {
    if (tx_only) {
      transmit_only(port[0], c);
      continue;
    }
    for (int i = 0; i < 2; ++i) {
      reap(port[i]);
      refill(port[i]);
      forward(port[i], port[1 - i], c);
    }
  }
  for (int i = 0; i < sides; ++i)
    std::printf("libxdp-loop: %s received %llu sent %llu full %llu kicks %llu\n", argv[2 + i],
                static_cast<unsigned long long>(port[i].received),
                static_cast<unsigned long long>(port[i].sent), static_cast<unsigned long long>(port[i].full),
                static_cast<unsigned long long>(port[i].kicks));
  for (int i = 0; i < sides; ++i) xsk_socket__delete(port[i].socket);
  xsk_umem__delete(umem);
  return 0;
}
