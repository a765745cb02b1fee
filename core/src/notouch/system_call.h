/// \file
/// What a thread waits for, as far as the kernel knows: /proc/self/task/TID/syscall.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace chantrace::notouch {

/// What a thread does, in the words of `NoTouchHotspot::state`.
enum class Wait : std::uint8_t {
  kRunning,
  kLock,
  kCondition,
  kSemaphore,
  kJoin,
  kBarrier,
  kFutex,  ///< A futex whose purpose is not known.
  kSleep,
  kPoll,
  kTransfer,  ///< Of data, by a descriptor.
  kChild,
  kSignal,
  kOther,
};
std::string_view to_string(Wait wait);

/// The system call in which a thread waits.
struct SystemCall {
  bool is_running = true;    ///< It is in none, or works in one; the rest is then empty.
  std::int64_t number = -1;  ///< -1: it waits elsewhere in the kernel, such as for a page.
  std::array<std::uint64_t, 6> arguments{};
  std::uint64_t stack_pointer = 0;
  std::uint64_t code = 0;

  friend bool operator==(const SystemCall&, const SystemCall&) = default;
};

/// Reads a line as the kernel writes it; nothing for any other text.
std::optional<SystemCall> parse_system_call(std::string_view text);

/// True for a main thread that has ended before others, until which it stays listed.
bool has_ended(const SystemCall& call);

/// What the call alone says. Of futexes it tells locks and joins by how glibc waits for them, and
/// calls the others kFutex; the functions on the stack tell more.
Wait wait_of(const SystemCall& call);

/// True where the call ends by itself in time.
bool has_timeout(const SystemCall& call);

/// True for a wait that only another thread of this process can end.
bool is_inside_process(const SystemCall& call);

/// The address of the futex; 0: it is none.
std::uint64_t futex_address(const SystemCall& call);

/// The descriptor that is waited for; -1: none.
int descriptor_of(const SystemCall& call);

}  // namespace chantrace::notouch
