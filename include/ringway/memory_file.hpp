// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstddef>
#include <ringway/unique_fd.hpp>
#include <string>

namespace ringway {

enum class huge_pages { automatic, never };

/// Zeroed memory in a memfd, mapped shared: its descriptor can be handed to another process, which maps the
/// same pages. With huge_pages::automatic it takes 2 MiB pages if the kernel has them to give, else asks for
/// transparent ones. System calls: memfd_create, ftruncate, mmap, madvise. No privilege.
class memory_file {
 public:
  /// `name` shows in /proc/PID/maps. Throws ringway::error.
  memory_file(const std::string& name, std::size_t bytes, huge_pages pages);
  /// Maps a file that another process made; takes the descriptor.
  memory_file(unique_fd file, std::size_t bytes);
  ~memory_file();
  memory_file(memory_file&& other) noexcept;
  memory_file(const memory_file&) = delete;
  memory_file& operator=(const memory_file&) = delete;
  memory_file& operator=(memory_file&&) = delete;

  std::byte* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }  ///< as mapped: rounded up to whole pages
  int fd() const noexcept { return file_.value(); }
  bool huge() const noexcept { return huge_; }  ///< 2 MiB pages from the kernel's reserve

 private:
  bool try_huge(const std::string& name, std::size_t bytes);
  void map();

  unique_fd file_;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
  bool huge_ = false;
};

}  // namespace ringway
