#include "stack_overflow.h"

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <iterator>
#include <string>

#include "chantrace/detail/printable.h"
#include "runtime.h"

namespace chantrace::detail {
namespace {

// Linux sends the first for a page that may not be touched, other systems the second.
constexpr int kSignals[] = {SIGSEGV, SIGBUS};
struct sigaction previous[std::size(kSignals)];

void say(const std::string& text) {
  // There is nobody to tell if it cannot be written.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

void report(const TaskControl& task) {
  // What follows allocates, which the task may have been about to do itself: then it waits for
  // itself, and the alarm ends the program.
  constexpr unsigned kSeconds = 5;
  std::signal(SIGALRM, SIG_DFL);
  alarm(kSeconds);
  ControlledExecutor& executor = Runtime::instance().controlled_now();
  const std::size_t kibibytes = executor.stack_bytes() / 1024;
  say("chantrace: " + shown(label_of(task)) + " (task " +
      std::to_string(to_number(task.id.load())) + ", started at " + task.started_at.file + ":" +
      std::to_string(task.started_at.line) + ") needs more than its stack of " +
      std::to_string(kibibytes) +
      " KiB. It recurses without end, or wants a larger one: RunOptions::stack_bytes, or "
      "--chantrace_stack_kib=" +
      std::to_string(4 * kibibytes) + ". The program ends here.\n");
  say("chantrace: this was under the schedule " + executor.schedule().to_string() + "\n");
  alarm(0);
}

void handle_fault(int signal, siginfo_t* info, void*) {
  const TaskControl* const task = runs_alone ? current_task_or_null : nullptr;
  if (task != nullptr && task->fiber.stack != nullptr &&
      StackPool::is_below(task->fiber.stack, info->si_addr))
    report(*task);
  // The instruction faults again when this returns, and whoever is asked then decides.
  for (std::size_t i = 0; i < std::size(kSignals); ++i)
    if (kSignals[i] == signal) sigaction(signal, &previous[i], nullptr);
}

/// A handler needs a stack that still has room.
class AlternateStack {
 public:
  AlternateStack() {
    stack_t present;
    if (sigaltstack(nullptr, &present) == 0 && (present.ss_flags & SS_DISABLE) == 0) return;
    void* const memory =
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    memory_ = memory;
    const stack_t mine{.ss_sp = memory, .ss_flags = 0, .ss_size = kBytes};
    sigaltstack(&mine, nullptr);
  }
  ~AlternateStack() {
    if (memory_ == nullptr) return;
    const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
    sigaltstack(&none, nullptr);
    munmap(memory_, kBytes);
  }
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;

 private:
  static constexpr std::size_t kBytes = 64 * 1024;
  void* memory_ = nullptr;
};

}  // namespace

void report_stack_overflows() {
  static const bool is_installed = [] {
    struct sigaction action {};
    action.sa_sigaction = handle_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (std::size_t i = 0; i < std::size(kSignals); ++i)
      sigaction(kSignals[i], &action, &previous[i]);
    return true;
  }();
  static_cast<void>(is_installed);
  thread_local const AlternateStack stack;
  static_cast<void>(stack);
}

}  // namespace chantrace::detail
