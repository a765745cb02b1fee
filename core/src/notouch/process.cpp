#include "process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>
#include <system_error>

namespace chantrace::notouch {
namespace {

using Buffer = std::array<char, 4096>;

/// The beginning of /proc/self/task/`thread`/`file`; empty where it cannot be read.
std::string_view read_file(pid_t thread, const char* file, Buffer& buffer) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/%s", thread, file);
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {};
  const ssize_t size = read(descriptor, buffer.data(), buffer.size());
  close(descriptor);
  return size > 0 ? std::string_view(buffer.data(), static_cast<std::size_t>(size))
                  : std::string_view();
}

/// The number that `text` begins with, cut off; 0: there is none.
std::uint64_t take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return error == std::errc{} ? number : 0;
}

/// The number that follows `label`; 0: none does.
std::uint64_t number_after(std::string_view text, std::string_view label) {
  const std::size_t found = text.find(label);
  if (found == std::string_view::npos) return 0;
  text.remove_prefix(found + label.size());
  return take_number(text);
}

}  // namespace

std::size_t count_other_threads() {
  struct stat status {};
  // The folder has a link for each thread, and two as any folder.
  if (stat("/proc/self/task", &status) != 0 || status.st_nlink <= 3) return 0;
  return static_cast<std::size_t>(status.st_nlink) - 3;
}

std::vector<pid_t> other_threads() {
  std::vector<pid_t> threads;
  const int descriptor = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return threads;
  const pid_t self = gettid();
  alignas(dirent64) std::array<char, 8192> buffer;
  for (;;) {
    const ssize_t size = getdents64(descriptor, buffer.data(), buffer.size());
    if (size <= 0) break;
    for (ssize_t offset = 0; offset < size;) {
      const auto* const entry = reinterpret_cast<const dirent64*>(buffer.data() + offset);
      offset += entry->d_reclen;
      pid_t thread = 0;
      const std::string_view name(entry->d_name);
      std::from_chars(name.data(), name.data() + name.size(), thread);
      if (thread > 0 && thread != self) threads.push_back(thread);
    }
  }
  close(descriptor);
  std::sort(threads.begin(), threads.end());
  return threads;
}

std::optional<Progress> progress_of(pid_t thread) {
  Buffer buffer;
  std::string_view text = read_file(thread, "schedstat", buffer);
  Progress progress;
  progress.cpu_ns = take_number(text);
  take_number(text);  // How long it has waited for a processor.
  progress.turns = take_number(text);
  if (progress.turns > 0) return progress;
  // A kernel without these statistics still counts how often a thread gave its processor back.
  text = read_file(thread, "status", buffer);
  if (text.empty()) return std::nullopt;
  progress.turns = number_after(text, "\nvoluntary_ctxt_switches:\t") +
                   number_after(text, "\nnonvoluntary_ctxt_switches:\t");
  return progress;
}

std::optional<SystemCall> system_call_of(pid_t thread) {
  Buffer buffer;
  return parse_system_call(read_file(thread, "syscall", buffer));
}

std::string name_of(pid_t thread) {
  Buffer buffer;
  std::string_view text = read_file(thread, "comm", buffer);
  while (text.ends_with('\n')) text.remove_suffix(1);
  return std::string(text);
}

std::string descriptor_target(int descriptor) {
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  Buffer buffer;
  const ssize_t size = readlink(path.c_str(), buffer.data(), buffer.size());
  return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
}

std::size_t read_memory(std::uint64_t address, void* target, std::size_t size) {
  constexpr std::size_t kPageBytes = 4096;
  constexpr std::size_t kPiecesMax = 64;
  std::array<iovec, kPiecesMax> pieces;
  std::size_t count = 0;
  std::size_t wanted = 0;
  // A piece for each page: what is read ends with the last whole one.
  while (wanted < size && count < kPiecesMax) {
    const std::size_t length =
        std::min(size - wanted, kPageBytes - (address + wanted) % kPageBytes);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of this process.
    pieces[count++] = {reinterpret_cast<void*>(address + wanted), length};
    wanted += length;
  }
  const iovec local{target, wanted};
  // The process's number is that of its main thread, which may have ended.
  const ssize_t got = process_vm_readv(gettid(), &local, 1, pieces.data(), count, 0);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

}  // namespace chantrace::notouch
