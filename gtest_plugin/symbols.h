/// \file
/// Which function and which line a code address of this process belongs to.
#pragma once

#include <memory>
#include <string>

namespace chantrace {

/// Reads the debug information of the program and its libraries; without elfutils (libdw) at build
/// time, only what the dynamic linker knows.
///
/// Threads: one thread at a time.
class Symbols {
 public:
  Symbols();
  ~Symbols();
  Symbols(const Symbols&) = delete;
  Symbols& operator=(const Symbols&) = delete;

  /// "worker_loop(int) at pool.cpp:88", as far as that is known; else "libm.so.6+0x1234".
  /// `is_return`: the address is the one that a call returns to, and the call is meant.
  std::string describe(const void* address, bool is_return) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace chantrace
