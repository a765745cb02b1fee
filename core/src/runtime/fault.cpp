#include "fault.h"

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <iterator>
#include <string>
#include <utility>

#include "chantrace/detail/execution.h"
#include "chantrace/detail/printable.h"
#include "runtime.h"

extern "C" {
// Of the sanitizers' common runtime, where there is one.
[[gnu::weak]] void __sanitizer_set_death_callback(  // NOLINT(bugprone-reserved-identifier)
    void (*callback)());
}

namespace chantrace::detail {
namespace {

struct Signal {
  int number;
  const char* name;
};
// Linux sends the first for a page that may not be touched, other systems the second.
constexpr Signal kSignals[] = {{SIGSEGV, "a segmentation fault"},
                               {SIGBUS, "a bus error"},
                               {SIGFPE, "an arithmetic fault"},
                               {SIGILL, "an illegal instruction"},
                               {SIGABRT, "a call of abort, as by a failed assert"}};
struct sigaction previous[std::size(kSignals)];

/// A longer one is of use to nobody who reads it.
constexpr std::size_t kTokenBytesMax = 1u << 16;

bool has_said_schedule = false;

void say(const std::string& text) {
  // There is nobody to tell if it cannot be written.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

/// The current task, if it is under control.
const TaskControl* current_task_of_execution() {
  const TaskControl* const task = runs_alone ? current_task_or_null : nullptr;
  const bool is_of_execution =
      task != nullptr && task->executor == &Runtime::instance().controlled_now();
  return is_of_execution ? task : nullptr;
}

/// What is said allocates, which the task may have been about to do itself: then it waits for
/// itself, and the alarm ends the program.
class Deadline {
 public:
  Deadline() {
    constexpr unsigned kSeconds = 5;
    std::signal(SIGALRM, SIG_DFL);
    alarm(kSeconds);
  }
  ~Deadline() { alarm(0); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
};

std::string who(const TaskControl& task) {
  std::string text = shown(label_of(task)) + " (task " + std::to_string(to_number(task.id.load()));
  if (task.started_at.line != 0)
    text += std::string(", started at ") + task.started_at.file + ":" +
            std::to_string(task.started_at.line);
  return text + ")";
}

void say_overflow(const TaskControl& task) {
  const std::size_t kibibytes = Runtime::instance().controlled_now().stack_bytes() / 1024;
  say("chantrace: " + who(task) + " needs more than its stack of " + std::to_string(kibibytes) +
      " KiB. It recurses without end, or wants a larger one: RunOptions::stack_bytes, or "
      "--chantrace_stack_kib=" +
      std::to_string(4 * kibibytes) + ". The program ends here.\n");
}

void handle_fault(int signal, siginfo_t* info, void*) {
  std::size_t index = 0;
  while (kSignals[index].number != signal) ++index;
  const TaskControl* const task = current_task_of_execution();
  if (task != nullptr && !has_said_schedule) {
    const Deadline deadline;
    const bool has_address = signal == SIGSEGV || signal == SIGBUS;
    if (has_address && task->fiber.stack != nullptr &&
        StackPool::is_below(task->fiber.stack, info->si_addr))
      say_overflow(*task);
    else
      say("chantrace: " + who(*task) + " has met " + kSignals[index].name + ".\n");
    say_schedule();
  }
  // The instruction faults again when this returns, and whoever is asked then decides.
  sigaction(signal, &previous[index], nullptr);
  // `abort` asks nobody twice. What is raised here comes when this returns.
  if (signal == SIGABRT) raise(signal);
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

RerunWords& rerun_words() {
  static RerunWords words;
  return words;
}

}  // namespace

void set_rerun_words(RerunWords words) { rerun_words() = std::move(words); }

void say_schedule() {
  if (current_task_of_execution() == nullptr || has_said_schedule) return;
  has_said_schedule = true;
  const std::string token = Runtime::instance().controlled_now().schedule().to_string();
  if (token.size() > kTokenBytesMax) {
    say("chantrace: this was under a schedule too long to print; the same seed leads there "
        "again\n");
    return;
  }
  say("chantrace: this was under the schedule " + token + "\n" +
      (rerun_words()
           ? rerun_words()(token)
           : "chantrace: to run it again, give the test --chantrace_replay=" + token + "\n"));
}

void report_faults() {
  static const bool is_installed = [] {
    struct sigaction action {};
    action.sa_sigaction = handle_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    for (std::size_t i = 0; i < std::size(kSignals); ++i)
      sigaction(kSignals[i].number, &action, &previous[i]);
    if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(&say_schedule);
    return true;
  }();
  static_cast<void>(is_installed);
  thread_local const AlternateStack stack;
  static_cast<void>(stack);
}

}  // namespace chantrace::detail
