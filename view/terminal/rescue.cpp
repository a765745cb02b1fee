#include "rescue.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "chantrace/detail/assert.h"

namespace chantrace::view {
namespace {

/// Those that a person or the system sends, which a parent may have ignored for us; and those of a
/// crash.
constexpr std::array kRequests = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::array kCrashes = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

/// What a handler needs, which gets no arguments; written only while no handler is installed.
struct {
  termios modes{};
  std::string reset;
  std::array<struct sigaction, kRequests.size() + kCrashes.size()> before{};
  bool is_in_use = false;
  pid_t process = 0;  ///< A child that was forked has no terminal.
} rescued;

/// A stack that has overflowed is no place for a handler.
alignas(16) std::array<std::byte, 16'384> handler_stack;
static_assert(sizeof(handler_stack) >= 16'384);

/// Calls nothing but what is async-signal-safe.
void give_back() {
  // Modes are set from the background as well, without being stopped for it.
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGTTOU, &ignore, nullptr);
  [[maybe_unused]] const auto written =
      write(STDOUT_FILENO, rescued.reset.data(), rescued.reset.size());
  tcsetattr(STDIN_FILENO, TCSANOW, &rescued.modes);
}

void give_back_and_end(int signal) {
  give_back();
  // Its action is the default one again, and it is not blocked.
  raise(signal);
}

void give_back_at_exit() {
  if (rescued.is_in_use && getpid() == rescued.process) give_back();
}

// Before `main`, and so behind all that is done at the end: whoever waits there for the user still
// needs the terminal.
[[maybe_unused]] const int registered = std::atexit(give_back_at_exit);

template <typename Use>
void for_each_signal(const Use& use) {
  std::size_t i = 0;
  for (const int signal : kRequests) use(signal, rescued.before[i++], true);
  for (const int signal : kCrashes) use(signal, rescued.before[i++], false);
}

}  // namespace

void Rescue::remember_handlers() {
  for_each_signal(
      [](int signal, struct sigaction& before, bool) { sigaction(signal, nullptr, &before); });
}

Rescue::Rescue(const termios& modes, std::string reset) {
  CHANTRACE_ASSERT(!rescued.is_in_use);
  rescued.is_in_use = true;
  rescued.process = getpid();
  rescued.modes = modes;
  rescued.reset = std::move(reset);
  stack_t stack{};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = give_back_and_end;
  action.sa_flags = static_cast<int>(SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
  for_each_signal([&](int signal, struct sigaction& before, bool is_request) {
    // As under nohup, or in a program that is shown and has its own way to end: it stays.
    const bool is_kept = is_request && before.sa_handler != SIG_DFL;
    sigaction(signal, is_kept ? &before : &action, nullptr);
  });
}

Rescue::~Rescue() {
  for_each_signal([](int signal, struct sigaction& before, bool) {
    struct sigaction now {};
    sigaction(signal, nullptr, &now);
    // The program may have set one meanwhile.
    if (now.sa_handler == give_back_and_end) sigaction(signal, &before, nullptr);
  });
  rescued.is_in_use = false;
}

}  // namespace chantrace::view
