#include "own_files.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "process.h"

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
  // The program's table, which a main thread that has ended no longer has.
  for (const pid_t thread : other_threads()) {
    const std::string path = "/proc/self/task/" + std::to_string(thread) + "/fd/2";
    const int copy = open(path.c_str(), O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
    if (copy >= 0) return copy;
  }
  return -1;
}

std::string last_error() { return std::generic_category().message(errno); }

/// False for a device, a pipe, and a link such as /dev/stdout, which others need as it is.
bool is_replaceable(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
}

/// Returns: the system's reason where that failed; empty otherwise.
std::string write_to(const std::string& path, int flags, std::string_view text) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666);
  if (descriptor < 0) return last_error();
  const std::string reason = write_all(descriptor, text) ? "" : last_error();
  close(descriptor);
  return reason;
}

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
  if (!is_replaceable(path)) return write_to(path, O_TRUNC | O_NONBLOCK | O_NOCTTY, text);
  // Other processes may have been given the same path.
  const std::string other = path + ".new." + std::to_string(getpid());
  unlink(other.c_str());
  std::string reason = write_to(other, O_CREAT | O_EXCL, text);
  if (reason.empty() && std::rename(other.c_str(), path.c_str()) != 0) reason = last_error();
  if (!reason.empty()) unlink(other.c_str());
  return reason;
}

}  // namespace chantrace::notouch
