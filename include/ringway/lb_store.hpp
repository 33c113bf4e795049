// SPDX-License-Identifier: BSD-2-Clause
// The memory of the load balancer's tables: mmapable BPF arrays, which programs and processes share, or
// plain memory for tests and for what only looks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ringway/lb_config.hpp>
#include <ringway/unique_fd.hpp>
#include <string_view>
#include <vector>

#include "core/lb_env.h"

namespace ringway {

class lb_store {
 public:
  /// As many bytes as `memory` takes, all tables together.
  static std::uint64_t bytes_for(const lb_capacity& capacity);

  /// BPF maps (CAP_BPF). Throws usage_error for a capacity that makes no sense, error where the kernel
  /// refuses.
  static lb_store in_maps(const lb_capacity& capacity);
  /// Memory of this process alone.
  static lb_store in_process(const lb_capacity& capacity);
  lb_store(lb_store&&) noexcept;
  lb_store& operator=(lb_store&&) noexcept;
  ~lb_store();

  const lb_capacity& capacity() const noexcept { return capacity_; }
  const rw_lb_memory& memory() const noexcept { return memory_; }
  /// For .rodata of the program of that port, and for lb's adapter; `key` keys the flow hash.
  rw_lb_sizes sizes(std::uint32_t port, const rw_hash_key& key) const noexcept;
  std::uint32_t traffic_elements() const noexcept;

  /// A map as the programs call it (bpf/lb_maps.h, bpf/lb.bpf.c), for bpf_map__reuse_fd(); -1: in_process.
  struct shared_map {
    const char* name;
    int fd;
  };
  std::vector<shared_map> maps() const;

  /// What the programs have counted, over all CPUs; in_process: nothing. Gates are without meaning.
  rw_lb_local counted() const;
  /// VIPs (by lb_tables::vip_id()), then, from capacity().vips on, the elements of `reals`.
  std::vector<rw_lb_traffic> traffic() const;
  /// Sets one element's traffic to 0, before another VIP or real has it.
  void clear_traffic(std::uint32_t element) const;

  /// Waits until no packet holds what was read before: for programs of the kernel a synchronize_rcu().
  /// Workers are the caller's to wait for.
  void wait_for_programs() const;

 private:
  struct table;
  explicit lb_store(const lb_capacity& capacity);
  void build(bool maps);
  const table* find(std::string_view name) const;
  lb_capacity capacity_;
  std::vector<table> tables_;
  rw_lb_memory memory_{};
};

}  // namespace ringway
