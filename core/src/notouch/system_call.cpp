#include "system_call.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <charconv>

namespace chantrace::notouch {
namespace {

/// The next number of `text`, which is cut off; decimal, or hexadecimal after 0x.
template <typename Number>
std::optional<Number> next_number(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const bool is_hexadecimal = text.starts_with("0x");
  if (is_hexadecimal) text.remove_prefix(2);
  Number number{};
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, is_hexadecimal ? 16 : 10);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::uint32_t futex_operation(const SystemCall& call) {
  return static_cast<std::uint32_t>(call.arguments[1]) &
         ~static_cast<std::uint32_t>(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
}

/// Source: glibc 2.36. A low-level lock (mutexes, and locks inside the library) waits by FUTEX_WAIT
/// until its word is no longer 2; a robust one has FUTEX_WAITERS in its word. A lock for readers
/// and writers waits by FUTEX_WAIT_BITSET for 2 or 3, condition variables and semaphores for 0. A
/// join waits for the other thread's number to go, which the kernel clears, so not privately.
Wait wait_of_futex(const SystemCall& call) {
  const bool is_private = (call.arguments[1] & FUTEX_PRIVATE_FLAG) != 0;
  const auto expected = static_cast<std::uint32_t>(call.arguments[2]);
  switch (futex_operation(call)) {
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
      return Wait::kLock;
    case FUTEX_WAIT:
      if (expected == 2 || (expected & FUTEX_WAITERS) != 0) return Wait::kLock;
      return Wait::kFutex;
    case FUTEX_WAIT_BITSET:
      if (is_private && (expected == 2 || expected == 3)) return Wait::kLock;
      if (!is_private && expected > 3) return Wait::kJoin;
      return Wait::kFutex;
    default:
      return Wait::kFutex;
  }
}

}  // namespace

std::string_view to_string(Wait wait) {
  switch (wait) {
    case Wait::kRunning:
      return "running";
    case Wait::kLock:
      return "lock";
    case Wait::kCondition:
      return "condition";
    case Wait::kSemaphore:
      return "semaphore";
    case Wait::kJoin:
      return "join";
    case Wait::kBarrier:
      return "barrier";
    case Wait::kFutex:
      return "futex";
    case Wait::kSleep:
      return "sleep";
    case Wait::kPoll:
      return "poll";
    case Wait::kTransfer:
      return "input/output";
    case Wait::kChild:
      return "child";
    case Wait::kSignal:
      return "signal";
    case Wait::kOther:
      break;
  }
  return "other";
}

std::optional<SystemCall> parse_system_call(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  SystemCall call;
  if (text == "running") return call;
  const auto number = next_number<std::int64_t>(text);
  if (!number || *number < -1) return std::nullopt;
  call.is_running = false;
  call.number = *number;
  if (call.number >= 0) {
    for (std::uint64_t& argument : call.arguments) {
      const auto value = next_number<std::uint64_t>(text);
      if (!value) return std::nullopt;
      argument = *value;
    }
  }
  const auto stack_pointer = next_number<std::uint64_t>(text);
  const auto code = next_number<std::uint64_t>(text);
  if (!stack_pointer || !code || !text.empty()) return std::nullopt;
  call.stack_pointer = *stack_pointer;
  call.code = *code;
  return call;
}

bool has_ended(const SystemCall& call) {
  return !call.is_running && call.number == -1 && call.stack_pointer == 0 && call.code == 0;
}

Wait wait_of(const SystemCall& call) {
  if (call.is_running) return Wait::kRunning;
  switch (call.number) {
    case SYS_futex:
      return wait_of_futex(call);
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
      return Wait::kSleep;
    case SYS_poll:
    case SYS_ppoll:
    case SYS_select:
    case SYS_pselect6:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_io_uring_enter:
      return Wait::kPoll;
    case SYS_wait4:
    case SYS_waitid:
      return Wait::kChild;
    case SYS_pause:
    case SYS_rt_sigsuspend:
    case SYS_rt_sigtimedwait:
      return Wait::kSignal;
    default:
      return descriptor_of(call) >= 0 ? Wait::kTransfer : Wait::kOther;
  }
}

bool has_timeout(const SystemCall& call) {
  switch (call.number) {
    case SYS_futex:
      return call.arguments[3] != 0;
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
      return true;
    case SYS_poll:
      return static_cast<std::int32_t>(call.arguments[2]) >= 0;
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
      return static_cast<std::int32_t>(call.arguments[3]) >= 0;
    case SYS_ppoll:
    case SYS_rt_sigtimedwait:
      return call.arguments[2] != 0;
    case SYS_select:
    case SYS_pselect6:
      return call.arguments[4] != 0;
    case SYS_epoll_pwait2:
      return call.arguments[3] != 0;
    default:
      return false;
  }
}

bool is_inside_process(const SystemCall& call) {
  if (call.is_running || call.number != SYS_futex || has_timeout(call)) return false;
  return (call.arguments[1] & FUTEX_PRIVATE_FLAG) != 0 || wait_of(call) == Wait::kJoin;
}

std::uint64_t futex_address(const SystemCall& call) {
  return !call.is_running && call.number == SYS_futex ? call.arguments[0] : 0;
}

int descriptor_of(const SystemCall& call) {
  if (call.is_running) return -1;
  switch (call.number) {
    case SYS_read:
    case SYS_readv:
    case SYS_pread64:
    case SYS_preadv:
    case SYS_preadv2:
    case SYS_write:
    case SYS_writev:
    case SYS_pwrite64:
    case SYS_pwritev:
    case SYS_pwritev2:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_accept:
    case SYS_accept4:
    case SYS_connect:
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_flock:
    case SYS_fcntl:
    case SYS_ioctl:
    case SYS_sendfile:
    case SYS_splice:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_io_uring_enter:
      return static_cast<int>(call.arguments[0]);
    default:
      return -1;
  }
}

}  // namespace chantrace::notouch
