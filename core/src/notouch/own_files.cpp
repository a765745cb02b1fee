#include "own_files.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace chantrace::notouch {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#elif defined(__has_feature)
constexpr bool kIsSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kIsSanitized = false;
#endif

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// A copy of the program's standard error in the caller's table; -1: there is none.
int copy_standard_error() {
  const int process = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  if (process >= 0) {
    const int copy = static_cast<int>(syscall(SYS_pidfd_getfd, process, STDERR_FILENO, 0));
    close(process);
    if (copy >= 0) return copy;
  }
  // The process's table, not the thread's.
  return open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
}

std::string last_error() { return std::generic_category().message(errno); }

}  // namespace

StandardError::StandardError() {
  struct stat status {};
  is_open_ = fstat(STDERR_FILENO, &status) == 0;
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

bool StandardError::is_same(int descriptor) const {
  struct stat status {};
  return fstat(descriptor, &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
}

void StandardError::write(std::string_view text) const {
  if (!is_open_) return;
  const int copy = copy_standard_error();
  if (copy < 0) return;
  if (is_same(copy)) write_all(copy, text);
  close(copy);
}

void leave_descriptors() {
  if (kIsSanitized || unshare(CLONE_FILES) != 0) return;
  close_range(0, ~0u, 0);
}

std::string replace_file(const std::string& path, std::string_view text) {
  const std::string other = path + ".new";
  const int descriptor = open(other.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return last_error();
  const bool is_whole = write_all(descriptor, text);
  const std::string reason = is_whole ? "" : last_error();
  close(descriptor);
  if (!is_whole) {
    unlink(other.c_str());
    return reason;
  }
  return std::rename(other.c_str(), path.c_str()) == 0 ? "" : last_error();
}

}  // namespace chantrace::notouch
