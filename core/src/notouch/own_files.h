/// \file
/// How the probe writes without ever touching a descriptor of the program's.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace chantrace::notouch {

/// Which file the standard error was when this object was made. If the program closes it and opens
/// something else under its number, nothing is written there.
class StandardError {
 public:
  StandardError();
  void write(std::string_view text) const;

 private:
  bool is_same(int descriptor) const;

  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool is_open_ = false;
};

/// Gives the calling thread a table of descriptors of its own, an empty one: what it opens has no
/// number in the program's, and what the program closes is closed. Where the system does not allow
/// that, and under sanitizers, which report to the standard error from any thread, the table stays
/// shared.
void leave_descriptors();

/// Puts `text` into a file, whole or not at all. What is at `path` and is no ordinary file, such as
/// a device, stays and is written to.
///
/// Returns: the system's reason where that failed; empty otherwise.
std::string replace_file(const std::string& path, std::string_view text);

}  // namespace chantrace::notouch
