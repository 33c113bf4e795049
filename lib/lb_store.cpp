// SPDX-License-Identifier: BSD-2-Clause
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ringway/error.hpp>
#include <ringway/lb_store.hpp>
#include <utility>

#include "ringway/core/lb_packet.h"
#include "ringway/core/maglev.h"

namespace ringway {
namespace {

constexpr std::uint32_t vips_most = 32'768, reals_most = 32'767;

/// Entries of a generation: every VIP, and an address for each.
std::uint32_t vip_buckets(const lb_capacity& c) { return std::max<std::uint32_t>(8, 2 * c.vips); }
std::uint32_t vip_elements(const lb_capacity& c) { return 2 * (1 + vip_buckets(c)); }
std::uint32_t conn_buckets(const lb_capacity& c) {
  return c.connections == 0 ? 0 : std::max<std::uint32_t>(2, (c.connections + 7) / RW_CONN_WAYS);
}

void check(const lb_capacity& c) {
  if (c.vips == 0 || c.vips > vips_most) throw usage_error("capacity: vips {} (1 to {})", c.vips, vips_most);
  if (c.reals == 0 || c.reals > reals_most)
    throw usage_error("capacity: reals {} (1 to {})", c.reals, reals_most);
  if (c.rings == 0 || c.rings > vips_most)
    throw usage_error("capacity: rings {} (1 to {})", c.rings, vips_most);
  if (c.ring_size < RW_RING_SIZES_MIN || c.ring_size > RW_RING_SIZES_MAX || !rw_is_prime(c.ring_size))
    throw usage_error("ring size {} (a prime from {} to {})", c.ring_size, RW_RING_SIZES_MIN,
                      RW_RING_SIZES_MAX);
}

struct shape {
  const char* name;
  std::uint32_t value_size, count;
  bool per_cpu;
};

/// All maps that ports and datapaths share. The BPF array's elements are whole words of 8 bytes.
std::vector<shape> shapes(const lb_capacity& c) {
  return {{"lb_control", sizeof(rw_lb_control), 1, false},
          {"lb_vips", sizeof(rw_vip_element), vip_elements(c), false},
          {"lb_rings", rw_ring_stride(c.ring_size) * 2, 2 * c.rings, false},
          {"lb_reals", sizeof(rw_lb_real), 2 * c.reals, false},
          {"lb_conns", sizeof(rw_conn_bucket), std::max<std::uint32_t>(1, conn_buckets(c)), false},
          {"lb_local", sizeof(rw_lb_local), 1, true},
          {"lb_record", sizeof(rw_lb_packet), 1, true},
          {"lb_traffic", sizeof(rw_lb_traffic), c.vips + 2 * c.reals, true}};
}

}  // namespace

/// One array: a map, mapped or per CPU, or memory of our own.
struct lb_store::table {
  shape form;
  unique_fd map;
  void* memory = nullptr;
  std::size_t bytes = 0;

  explicit table(const shape& s) : form(s) {}
  table(table&& o) noexcept
      : form(o.form), map(std::move(o.map)), memory(std::exchange(o.memory, nullptr)), bytes(o.bytes) {}
  table& operator=(table&&) = delete;
  table(const table&) = delete;
  table& operator=(const table&) = delete;
  ~table() {
    if (memory != nullptr) ::munmap(memory, bytes);
  }

  void make_map() {
    bpf_map_create_opts options{};
    options.sz = sizeof(options);
    options.map_flags = form.per_cpu ? 0 : BPF_F_MMAPABLE;
    const auto type = form.per_cpu ? BPF_MAP_TYPE_PERCPU_ARRAY : BPF_MAP_TYPE_ARRAY;
    const int fd =
        bpf_map_create(type, form.name, sizeof(std::uint32_t), form.value_size, form.count, &options);
    if (fd < 0)
      throw error(fd, "make the map {} of {} elements of {} bytes (run as root, or with CAP_BPF)", form.name,
                  form.count, form.value_size);
    map.reset(fd);
  }
  void map_memory() {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    bytes = (std::size_t{form.value_size} * form.count + page - 1) / page * page;
    const int flags = map ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
    void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, map.value(), 0);
    if (at == MAP_FAILED) throw error(errno, "map {} bytes of {}", bytes, form.name);
    memory = at;
  }
};

std::uint64_t lb_store::bytes_for(const lb_capacity& capacity) {
  check(capacity);
  std::uint64_t sum = 0;
  for (const shape& s : shapes(capacity))
    if (!s.per_cpu) sum += std::uint64_t{s.value_size} * s.count;
  return sum;
}

lb_store::lb_store(const lb_capacity& capacity) : capacity_(capacity) { check(capacity); }
lb_store::lb_store(lb_store&&) noexcept = default;
lb_store& lb_store::operator=(lb_store&& other) noexcept {
  capacity_ = other.capacity_;
  tables_.swap(other.tables_);
  memory_ = other.memory_;
  return *this;
}
lb_store::~lb_store() = default;

void lb_store::build(bool maps) {
  for (const shape& s : shapes(capacity_)) {
    if (s.per_cpu && !maps) continue;
    table& t = tables_.emplace_back(s);
    if (maps) t.make_map();
    if (!s.per_cpu) t.map_memory();
  }
  memory_.control = static_cast<rw_lb_control*>(tables_[0].memory);
  memory_.vips = static_cast<rw_vip_element*>(tables_[1].memory);
  memory_.rings = static_cast<std::uint16_t*>(tables_[2].memory);
  memory_.reals = static_cast<rw_lb_real*>(tables_[3].memory);
  memory_.conns = static_cast<rw_conn_bucket*>(tables_[4].memory);
  memory_.vip_count = tables_[1].form.count;
  memory_.ring_count = tables_[2].form.count;
  memory_.ring_stride = rw_ring_stride(capacity_.ring_size);
  memory_.real_count = tables_[3].form.count;
  memory_.conn_count = conn_buckets(capacity_);
}

lb_store lb_store::in_maps(const lb_capacity& capacity) {
  lb_store s(capacity);
  s.build(true);
  return s;
}

lb_store lb_store::in_process(const lb_capacity& capacity) {
  lb_store s(capacity);
  s.build(false);
  return s;
}

rw_lb_sizes lb_store::sizes(std::uint32_t port, const rw_hash_key& key) const noexcept {
  rw_lb_sizes s{};
  s.flow_key = key;
  s.port = port;
  s.ring_size = capacity_.ring_size;
  s.vip_buckets = vip_buckets(capacity_);
  s.conn_buckets = memory_.conn_count;
  s.traffic_vips = capacity_.vips;
  return s;
}

std::uint32_t lb_store::traffic_elements() const noexcept { return capacity_.vips + 2 * capacity_.reals; }

std::vector<lb_store::shared_map> lb_store::maps() const {
  std::vector<shared_map> all;
  for (const table& t : tables_) all.push_back({t.form.name, t.map.value()});
  return all;
}

namespace {

/// The words of a per-CPU element, summed over the CPUs.
template <class Value>
Value summed(int map, std::uint32_t element) {
  std::vector<Value> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  if (bpf_map_lookup_elem(map, &element, per_cpu.data()) != 0) throw error(errno, "read a map of counters");
  std::array<std::uint64_t, sizeof(Value) / 8> words{}, one{};
  for (const Value& v : per_cpu) {
    std::memcpy(one.data(), &v, sizeof(v));
    for (std::size_t i = 0; i < words.size(); ++i) words[i] += one[i];
  }
  Value sum;
  std::memcpy(&sum, words.data(), sizeof(sum));
  return sum;
}

}  // namespace

const lb_store::table* lb_store::find(std::string_view name) const {
  for (const table& t : tables_)
    if (t.form.name == name) return &t;
  return nullptr;
}

rw_lb_local lb_store::counted() const {
  const table* t = find("lb_local");
  return t == nullptr ? rw_lb_local{} : summed<rw_lb_local>(t->map.value(), 0);
}

std::vector<rw_lb_traffic> lb_store::traffic() const {
  std::vector<rw_lb_traffic> all(traffic_elements());
  if (const table* t = find("lb_traffic"); t != nullptr)
    for (std::uint32_t i = 0; i < all.size(); ++i) all[i] = summed<rw_lb_traffic>(t->map.value(), i);
  return all;
}

void lb_store::clear_traffic(std::uint32_t element) const {
  const std::vector<rw_lb_traffic> none(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  const table* t = find("lb_traffic");
  if (t != nullptr && bpf_map_update_elem(t->map.value(), &element, none.data(), 0) != 0)
    throw error(errno, "clear the counters of element {}", element);
}

void lb_store::wait_for_programs() const {
  if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return;
  // With nohz_full there is none. An update of a map-in-map waits for the readers of the old one too.
  const int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "lb_wait_in", 4, 8, 1, nullptr);
  bpf_map_create_opts options{};
  options.sz = sizeof(options);
  options.inner_map_fd = static_cast<std::uint32_t>(inner);
  const unique_fd in(inner), out(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "lb_wait", 4, 4, 1, &options));
  const std::uint32_t first = 0;
  if (!in || !out || bpf_map_update_elem(out.value(), &first, &inner, 0) != 0)
    throw error(errno, "wait for running programs (membarrier and map-in-map)");
}

}  // namespace ringway
