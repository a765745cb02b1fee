/// \file
/// The inner part of a waiting thread's stack, copied while it waits, so that it can be looked at
/// in peace.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "system_call.h"

namespace chantrace::notouch {

inline constexpr std::size_t kStackBytesMax = 64 * 1024;

class StackCopy {
 public:
  StackCopy(std::uint64_t start, std::vector<unsigned char> bytes)
      : start_(start), bytes_(std::move(bytes)) {}

  /// From where `call` has its stack pointer on.
  static StackCopy of(const SystemCall& call);

  std::uint64_t start() const { return start_; }
  std::uint64_t end() const { return start_ + bytes_.size(); }
  bool contains(std::uint64_t address) const { return start_ <= address && address < end(); }
  /// Eight bytes; nothing where they are not all in the copy.
  std::optional<std::uint64_t> word(std::uint64_t address) const;

 private:
  std::uint64_t start_ = 0;
  std::vector<unsigned char> bytes_;
};

}  // namespace chantrace::notouch
