#include "rescue.h"

#include <unistd.h>

#include <algorithm>
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
  if (rescued.is_in_use) give_back();
}

// Before `main`, and so behind all that is done at the end: whoever waits there for the user still
// needs the terminal.
[[maybe_unused]] const int registered = std::atexit(give_back_at_exit);

template <typename Use>
void for_each_signal(const Use& use) {
  std::size_t i = 0;
  for (const int signal : kRequests) use(signal, rescued.before[i++]);
  for (const int signal : kCrashes) use(signal, rescued.before[i++]);
}

}  // namespace

std::vector<int> Rescue::kept_signals() {
  std::vector<int> kept;
  for (const int signal : kRequests) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_DFL) kept.push_back(signal);
  }
  return kept;
}

Rescue::Rescue(const termios& modes, std::string reset, const std::vector<int>& kept) {
  CHANTRACE_ASSERT(!rescued.is_in_use);
  rescued.is_in_use = true;
  rescued.modes = modes;
  rescued.reset = std::move(reset);
  stack_t stack{};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = give_back_and_end;
  action.sa_flags = static_cast<int>(SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
  for_each_signal([&](int signal, struct sigaction& before) {
    sigaction(signal, nullptr, &before);
    // As under nohup, or in a program that is shown and has its own way to end.
    if (std::find(kept.begin(), kept.end(), signal) == kept.end())
      sigaction(signal, &action, nullptr);
  });
}

Rescue::~Rescue() {
  for_each_signal(
      [](int signal, struct sigaction& before) { sigaction(signal, &before, nullptr); });
  rescued.is_in_use = false;
}

}  // namespace chantrace::view
