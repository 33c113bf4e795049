// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <algorithm>
#include <cstdlib>
#include <new>
#include <ringway/poison.hpp>

namespace ringway::test {

/// Zeroed, page-aligned memory.
class plain_memory {
 public:
  explicit plain_memory(std::size_t bytes) : bytes_((bytes + 4095) & ~std::size_t{4095}) {
    if ((data_ = static_cast<std::byte*>(std::aligned_alloc(4096, bytes_))) == nullptr)
      throw std::bad_alloc();
    std::fill_n(data_, bytes_, std::byte{0});
  }
  ~plain_memory() {
    unpoison_frame(data_, bytes_);
    std::free(data_);
  }
  plain_memory(const plain_memory&) = delete;
  plain_memory& operator=(const plain_memory&) = delete;
  std::byte* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::size_t bytes_;
  std::byte* data_;
};

}  // namespace ringway::test
