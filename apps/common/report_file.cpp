// SPDX-License-Identifier: BSD-2-Clause
#include "report_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ringway/error.hpp>
#include <ringway/unique_fd.hpp>

namespace ringway::app {
namespace {

int write_all(int fd, const std::string& text) noexcept {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : EIO;
    done += static_cast<std::size_t>(n);
  }
  return 0;
}

std::string links_followed(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return path;  // it is not there yet
  std::string followed(real);
  std::free(real);
  return followed;
}

}  // namespace

report_file::report_file(std::string path) : path_(std::move(path)), target_(links_followed(path_)) {
  if (path_ == "-") return;
  struct stat there {};
  const bool exists = ::stat(target_.c_str(), &there) == 0;
  if (!exists && errno != ENOENT) throw error(errno, "write the report to {}", path_);
  if (exists && S_ISDIR(there.st_mode)) throw error(EISDIR, "write the report to {}", path_);
  regular_ = !exists || S_ISREG(there.st_mode);
  if (!regular_) {
    if (::access(target_.c_str(), W_OK) != 0) throw error(errno, "write the report to {}", path_);
    return;
  }
  const std::string name = beside();
  const unique_fd probe(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!probe) throw error(errno, "write the report to {}", path_);
  ::unlink(name.c_str());  // not kept: kill -9 shall leave nothing
}

std::string report_file::beside() const { return fmt::format("{}.{}.tmp", target_, ::getpid()); }

void report_file::write(const std::string& text) const {
  if (path_ == "-") {
    std::fflush(stdout);
    if (const int e = write_all(STDOUT_FILENO, text); e != 0) throw error(e, "write the report to stdout");
    return;
  }
  const std::string name = regular_ ? beside() : target_;
  unique_fd file(::open(name.c_str(), O_WRONLY | O_CLOEXEC | (regular_ ? O_CREAT | O_EXCL : 0), 0666));
  if (!file) throw error(errno, "write the report to {}", path_);
  int e = write_all(file.value(), text);
  if (e == 0 && regular_ && ::rename(name.c_str(), target_.c_str()) != 0) e = errno;
  if (e == 0) return;
  if (regular_) ::unlink(name.c_str());
  throw error(e, "write the report to {}", path_);
}

}  // namespace ringway::app
