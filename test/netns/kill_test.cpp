// SPDX-License-Identifier: BSD-2-Clause
// A forwarder that is killed under load, while another process holds its memory and its sockets: there every
// frame is found again, and nothing is left that would hinder the next one.
#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <ringway/error.hpp>
#include <ringway/memory_file.hpp>
#include <ringway/state.hpp>

#include "../support/catch.hpp"
#include "../support/child.hpp"
#include "../support/dut.hpp"
#include "../support/mapped_ring.hpp"

using namespace ringway;
using namespace ringway::test;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr std::uint32_t capacity = 64;

/// Forwards as `cross` does, and takes its time: most of it, a batch is in its hands.
struct slow_cross {
  int rounds;
  void process(batch& b) noexcept {
    volatile unsigned sum = 0;
    for (packet& p : b) {
      for (int i = 0; i < rounds; ++i) sum = sum + static_cast<unsigned>(p.data[i % 60]);
      p.out = b.ingress() ^ 1u;
    }
  }
};
constexpr std::size_t most_sockets = 8;

/// A forwarder's files as another process has them.
struct inheritance {
  forwarder_files shape;  // its descriptors are those of the other process
  unique_fd packet_memory, state;
  std::vector<unique_fd> sockets;
};

struct message {
  std::uint32_t workers, ports, frames, frame_size, ring_size, sockets;
  forwarder_files::socket socket[most_sockets];
};

// SCM_RIGHTS: the kernel copies the descriptors into the receiver.
void hand_over(int to, const forwarder_files& f) {
  message m{
      f.workers, f.ports, f.frames, f.frame_size, f.ring_size, static_cast<std::uint32_t>(f.sockets.size()),
      {}};
  std::vector<int> fds{f.packet_memory, f.state};
  for (std::size_t i = 0; i < f.sockets.size(); ++i) {
    m.socket[i] = f.sockets[i];
    fds.push_back(f.sockets[i].fd);
  }
  alignas(cmsghdr) char control[CMSG_SPACE((2 + most_sockets) * sizeof(int))]{};
  iovec part{&m, sizeof m};
  msghdr header{};
  header.msg_iov = &part, header.msg_iovlen = 1;
  header.msg_control = control, header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
  cmsghdr* c = CMSG_FIRSTHDR(&header);
  c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  std::memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
  if (::sendmsg(to, &header, 0) != sizeof m) throw error(errno, "hand descriptors over");
}

inheritance receive(int from) {
  message m{};
  alignas(cmsghdr) char control[CMSG_SPACE((2 + most_sockets) * sizeof(int))]{};
  iovec part{&m, sizeof m};
  msghdr header{};
  header.msg_iov = &part, header.msg_iovlen = 1;
  header.msg_control = control, header.msg_controllen = sizeof control;
  if (::recvmsg(from, &header, MSG_CMSG_CLOEXEC) != sizeof m) throw error(errno, "receive descriptors");
  std::vector<int> fds(2 + m.sockets);
  const cmsghdr* c = CMSG_FIRSTHDR(&header);
  if (c == nullptr || c->cmsg_len != CMSG_LEN(fds.size() * sizeof(int)))
    throw std::runtime_error("descriptors are missing");
  std::memcpy(fds.data(), CMSG_DATA(c), fds.size() * sizeof(int));
  inheritance got{{.workers = m.workers,
                   .ports = m.ports,
                   .frames = m.frames,
                   .frame_size = m.frame_size,
                   .ring_size = m.ring_size,
                   .sockets = {m.socket, m.socket + m.sockets}},
                  unique_fd(fds[0]),
                  unique_fd(fds[1]),
                  {}};
  for (std::size_t i = 2; i < fds.size(); ++i) got.sockets.emplace_back(fds[i]);
  return got;
}

/// What is known of each frame of all workers.
struct places {
  std::uint32_t stack = 0, fill = 0, rx = 0, tx = 0, completion = 0;
};

struct ledger {
  std::uint32_t total = 0;
  std::uint32_t missing = 0;  // in no place that its owner byte allows
  std::uint32_t twice = 0;    // in two of them
  std::uint32_t between = 0;  // in one of them, and still in a list that it was leaving
  std::uint32_t foreign = 0;  // addresses in a list that are no frame of the worker's
  bool layout_matches = false;
};

/// The owner byte decides. It is written before the index that makes a move visible, and the stack's height
/// once a bulk of frames has moved. So what was being moved may stand in two lists, or has come out of a ring
/// whose consumer index was to follow and is not on the stack yet; the byte says which of them is right.
std::uint32_t allowed_places(frame_owner owner, const places& p) {
  switch (owner) {
    case frame_owner::pool:
      return p.stack != 0 ? p.stack : p.completion + p.rx;
    case frame_owner::fill:
      return p.fill + p.rx;
    case frame_owner::tx:
      return p.tx + p.completion;
    default:
      return p.rx;
  }
}

void read_rings(const inheritance& from, std::uint32_t worker, const worker_state& s,
                std::vector<places>& where, ledger& sum) {
  const auto note = [&](const mapped_ring& ring, std::uint32_t places::*kind) {
    for (const std::uint64_t addr : ring.addresses()) {
      const std::uint64_t frame = addr / s.frame_size - s.first_frame;
      if (frame < where.size())
        ++(where[frame].*kind);
      else
        ++sum.foreign;
    }
  };
  const std::uint32_t n = from.shape.ring_size;
  for (std::size_t i = 0; i < from.sockets.size(); ++i) {
    if (from.shape.sockets[i].worker != worker) continue;
    const int fd = from.sockets[i].value();
    note(mapped_ring(fd, ring_kind::fill, 2 * n), &places::fill);
    note(mapped_ring(fd, ring_kind::rx, n), &places::rx);
    note(mapped_ring(fd, ring_kind::tx, n), &places::tx);
    note(mapped_ring(fd, ring_kind::completion, n), &places::completion);
  }
}

ledger recompute(const inheritance& from) {
  const state_layout layout(from.shape.workers, from.shape.ports, from.shape.frames, from.shape.frame_size);
  const memory_file state(unique_fd(::dup(from.state.value())), layout.bytes());
  ledger sum;
  sum.layout_matches = layout.matches(state.data());
  for (std::uint32_t w = 0; w < from.shape.workers; ++w) {
    const worker_state s = layout.worker(state.data(), w);
    std::vector<places> where(s.owner.size());
    for (std::uint32_t i = 0; i < *s.pool_size; ++i) {
      if (const std::uint32_t frame = s.stack[i] - s.first_frame; frame < where.size())
        ++where[frame].stack;
      else
        ++sum.foreign;
    }
    read_rings(from, w, s, where, sum);
    for (std::size_t i = 0; i < where.size(); ++i) {
      const std::uint32_t n = allowed_places(s.owner[i], where[i]);
      ++sum.total;
      sum.missing += n == 0;
      sum.twice += n > 1;
      sum.between += where[i].stack + where[i].fill + where[i].rx + where[i].tx + where[i].completion > n;
    }
  }
  return sum;
}

/// A forwarder in a process of its own, that hands its files over.
class victim {
 public:
  explicit victim(const forwarder_config& config, int rounds = 0) {
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_) != 0) throw error(errno, "socketpair");
    process_.emplace([&] {
      forwarder<slow_cross, capacity> f(config, [=](unsigned) { return slow_cross{rounds}; });
      f.start();
      hand_over(ends_[1], f.files());
      child::ready_and_wait();
    });
    process_->wait_until_ready();
    files = receive(ends_[0]);
    const forwarder_files& f = files.shape;
    layout_.emplace(f.workers, f.ports, f.frames, f.frame_size);
    state_.emplace(unique_fd(::dup(files.state.value())), layout_->bytes());
  }
  ~victim() {
    process_.reset();
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  victim(const victim&) = delete;
  victim& operator=(const victim&) = delete;
  void kill9() { process_->kill9(); }
  /// As it counts them itself, in the memory that we share.
  std::uint64_t received() const {
    std::uint64_t sum = 0;
    for (std::uint32_t w = 0; w < files.shape.workers; ++w)
      for (const port_counters& p : layout_->worker(state_->data(), w).ports) sum += p.rx_packets.read();
    return sum;
  }
  bool has_a_batch() const {
    for (std::uint32_t w = 0; w < files.shape.workers; ++w)
      for (const frame_owner owner : layout_->worker(state_->data(), w).owner)
        if (owner == frame_owner::hand) return true;
    return false;
  }
  inheritance files;

 private:
  int ends_[2]{};
  std::optional<child> process_;
  std::optional<state_layout> layout_;
  std::optional<memory_file> state_;
};

int repetitions() {
  const char* wanted = std::getenv("RINGWAY_LONG");
  return wanted != nullptr && *wanted != '\0' && *wanted != '0' ? 200 : 20;
}

bool promiscuous(const netns_guard& where, const std::string& ifname) {
  return where.run("ip -d link show " + ifname).find("promiscuity 0") == std::string::npos;
}

}  // namespace

TEST_CASE("the ledger of a process that was killed under load, from its files alone", "[kill]") {
  const dut_testbed bed({.queues = 2});
  forwarder_config config = bed.config();
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  std::uint32_t busy = 0;
  for (int i = 0; i < repetitions(); ++i) {
    INFO("run " << i);
    config.workers = i % 2 + 1u;
    const bool slow = i % 4 >= 2;
    victim v(config, slow ? 2000 : 0);  // mostly with a batch in its hands, or as fast as it can
    std::uint32_t n = 0;
    const auto send_while = [&](auto condition) {
      for (; condition() && n < 1'000'000; ++n)
        (n % 2 == 0 ? left : right).send({.number = n, .flow = n % 64});
    };
    // As fast as one thread can, both ways, and the kill comes right out of it: when there is a batch in its
    // hands, or a random time after it has taken one, so that every step of a turn has its chance.
    const std::uint64_t enough = 500 + static_cast<unsigned>(i) * 7919 % 2000;
    send_while([&] { return v.received() < enough; });
    const auto later = clock_type::now() + std::chrono::microseconds(i * 6151 % 200);
    send_while([&] { return slow ? !v.has_a_batch() : clock_type::now() < later; });
    v.kill9();
    CHECK(v.received() >= enough);
    ::usleep(20000);  // softirqs that were under way
    const ledger l = recompute(v.files);
    CHECK(l.layout_matches);
    CHECK(l.total == v.files.shape.workers * v.files.shape.frames);
    CHECK(l.twice == 0);
    CHECK(l.foreign == 0);
    // One batch a worker; and of each socket whose RX ring ran full the kernel keeps one frame for the next
    // packet.
    CHECK(l.missing <= std::size_t{v.files.shape.workers} * capacity + v.files.sockets.size());
    busy += l.missing != 0;
  }
  CHECK(busy > 0);  // else none of these kills came at an awkward moment
  WARN(busy << " of " << repetitions() << " kills hit a batch on its way");
}

TEST_CASE("without load no frame is missing at all", "[kill]") {
  const dut_testbed bed;
  victim v(bed.config());
  traffic_socket left(bed.gen.at("g0")), right(bed.gen.at("g1"));
  CHECK(pass(left, right, {.count = 1000}).exact());
  CHECK(pass(right, left, {.count = 1000}).exact());
  ::usleep(20000);
  v.kill9();
  ::usleep(20000);
  const ledger l = recompute(v.files);
  CHECK(l.layout_matches);
  CHECK(l.missing == 0);
  CHECK(l.twice == 0);
  CHECK(l.foreign == 0);
  CHECK(l.between == 0);
  // The counters are there too.
  const forwarder_files& f = v.files.shape;
  const state_layout layout(f.workers, f.ports, f.frames, f.frame_size);
  const memory_file state(std::move(v.files.state), layout.bytes());
  CHECK(layout.worker(state.data(), 0).ports[0].rx_packets.read() == 1000);
  CHECK(layout.worker(state.data(), 0).ports[0].tx_packets.read() == 1000);
  CHECK_FALSE(state_layout(f.workers, f.ports, f.frames, 4096).matches(state.data()));
}

TEST_CASE("kill -9 under load leaves nothing, and the next one serves within a second", "[kill]") {
  const dut_testbed bed;
  traffic_socket left(bed.gen.at("g0"));
  for (int i = 0; i < 3; ++i) {
    std::optional<victim> v(std::in_place, bed.config());
    v->files = {};  // nobody holds its files this time
    CHECK(program_on(bed.dut.at("d0")));
    CHECK(promiscuous(bed.dut, "d0"));
    for (std::uint32_t n = 0; n < 3000; ++n) left.send({.number = n});
    v->kill9();
    const auto killed = clock_type::now();
    for (const char* name : {"d0", "d1"}) {
      CHECK_FALSE(program_on(bed.dut.at(name)));
      CHECK_FALSE(promiscuous(bed.dut, name));
    }
    forwarder<cross, capacity> next(bed.config(), make_cross);
    next.start();
    for (std::uint32_t n = 0; next.stats().ports[1].stats.tx_packets == 0 && n < 100'000; ++n)
      left.send({.number = n});
    CHECK(clock_type::now() - killed < std::chrono::seconds(1));
    CHECK(next.stats().ports[1].stats.tx_packets > 0);
    next.stop();
    CHECK(imbalance(next.stats()) == nothing);
  }
}
