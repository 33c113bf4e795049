// SPDX-License-Identifier: BSD-2-Clause
#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <ringway/error.hpp>
#include <ringway/memory_file.hpp>
#include <utility>

namespace ringway {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;

constexpr std::size_t round_up(std::size_t n, std::size_t to) noexcept { return (n + to - 1) / to * to; }

}  // namespace

memory_file::memory_file(const std::string& name, std::size_t bytes, huge_pages pages) {
  if (pages == huge_pages::automatic && try_huge(name, bytes)) return;
  bytes_ = round_up(bytes, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  file_.reset(::memfd_create(name.c_str(), MFD_CLOEXEC));
  if (!file_) throw error(errno, "create a memfd for {}", name);
  if (::ftruncate(file_.value(), static_cast<off_t>(bytes_)) != 0)
    throw error(errno, "set the size of {} to {} bytes", name, bytes_);
  map();
  // Best effort: shmem takes part in transparent huge pages only where shmem_enabled says so.
  if (pages == huge_pages::automatic) (void)::madvise(data_, bytes_, MADV_HUGEPAGE);
}

memory_file::memory_file(unique_fd file, std::size_t bytes) : file_(std::move(file)), bytes_(bytes) { map(); }

bool memory_file::try_huge(const std::string& name, std::size_t bytes) {
  unique_fd file(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB));
  const std::size_t whole = round_up(bytes, huge_page);
  if (!file || ::ftruncate(file.value(), static_cast<off_t>(whole)) != 0) return false;
  // MAP_POPULATE: a page that is missing shows now, as ENOMEM, and not as SIGBUS in the worker.
  void* p = ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file.value(), 0);
  if (p == MAP_FAILED) return false;
  file_ = std::move(file), data_ = static_cast<std::byte*>(p), bytes_ = whole, huge_ = true;
  return true;
}

void memory_file::map() {
  void* p = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.value(), 0);
  if (p == MAP_FAILED) throw error(errno, "map {} bytes of a memfd", bytes_);
  data_ = static_cast<std::byte*>(p);
}

memory_file::memory_file(memory_file&& other) noexcept
    : file_(std::move(other.file_)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(other.bytes_),
      huge_(other.huge_) {}

memory_file::~memory_file() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

}  // namespace ringway
