// SPDX-License-Identifier: BSD-2-Clause
// BPF programs run by BPF_PROG_TEST_RUN, as if real frames had come in on real interfaces.
#pragma once
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ringway::test {

/// The machine will not let us: the test is skipped, not failed.
struct no_privilege : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Moves this process into a network namespace of its own, with two veth pairs of four queues; ports 1 and 2
/// are an end of each. It is gone when the process is.
class private_network {
 public:
  static constexpr std::uint32_t queues = 4;
  private_network();
  /// Port 1 or 2.
  std::uint32_t ifindex(std::uint32_t port) const { return ifindex_[port]; }

 private:
  std::uint32_t ifindex_[3] = {};
};

/// A BPF object from its file, so that the tests can be given another one than was built beside them.
class bpf_program_file {
 public:
  /// Opens; nothing is loaded yet.
  bpf_program_file(const std::string& path, const char* program);
  /// The initial value of .rodata, as its skeleton's struct.
  template <class Constants>
  void set_constants(const Constants& constants) {
    set_section(".rodata", &constants, sizeof(constants));
  }
  void set_flags(std::uint32_t flags) {
    bpf_program__set_flags(program_, bpf_program__flags(program_) | flags);
  }
  bool has_map(const char* name) const {
    return bpf_object__find_map_by_name(object_.get(), name) != nullptr;
  }
  void share_map(const char* name, int fd);
  void set_max_entries(const char* name, std::uint32_t n);
  void load();

  int fd() const { return bpf_program__fd(program_); }
  int map_fd(const char* name) const;
  /// The memory of a global-data section, mapped until the process ends; after load().
  void* section(std::string_view suffix) const;
  /// Attaches natively until this object is gone. A veth queue takes a TEST_RUN's context only while it has a
  /// program.
  void attach(std::uint32_t ifindex);

 private:
  void set_section(std::string_view suffix, const void* value, std::size_t size);
  bpf_map* find(std::string_view suffix) const;

  struct closer {
    void operator()(bpf_object* o) const { bpf_object__close(o); }
    void operator()(bpf_link* l) const { bpf_link__destroy(l); }
  };
  std::unique_ptr<bpf_object, closer> object_;
  std::vector<std::unique_ptr<bpf_link, closer>> links_;
  bpf_program* program_ = nullptr;
};

struct arrival {
  std::uint32_t ifindex, queue;
};

/// One packet through a loaded program: its XDP action; what became of the packet is in `out`, which is
/// resized.
std::uint32_t test_run(int program, std::span<const std::uint8_t> in, arrival from,
                       std::vector<std::uint8_t>& out);

}  // namespace ringway::test
