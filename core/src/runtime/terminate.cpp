#include "terminate.h"

#include <cxxabi.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "chantrace/detail/printable.h"
#include "fault.h"
#include "runtime.h"

namespace chantrace::detail {
namespace {

std::terminate_handler previous_handler = nullptr;

void handle_terminate() {
  TaskControl* const task = current_task_or_null;
  if (task != nullptr && (task->hooks.load() & kHookCancel) != 0 && !task->is_body) {
    // The cancellation counts as caught, and nobody else will end that.
    if (abi::__cxa_current_exception_type() != nullptr) abi::__cxa_end_catch();
    task->executor->abandon(*task);
  }
  if (task != nullptr && task->is_body && Runtime::instance().is_unwinding_body()) {
    if (const std::vector<Finding>* const untold = Runtime::instance().untold())
      for (const Finding& finding : *untold)
        std::fprintf(stderr, "chantrace: %s\n", to_text(finding, 0).c_str());
    std::fflush(stderr);
    say_schedule();
    std::fprintf(stderr,
                 "chantrace: the test cannot be ended where it waits: it is in a destructor or "
                 "another function that lets no exception out, destroys a std::thread that can be "
                 "joined, or runs with --gtest_catch_exceptions=0. The program ends here. What it "
                 "waits for is told above.\n");
    std::fflush(nullptr);
    std::_Exit(1);
  }
  if (task != nullptr && !task->is_host)
    std::fprintf(stderr,
                 "chantrace: the program is being terminated in %s (task %u, started at %s:%u). A "
                 "task that outlives its test must not use what belongs to the test's fixture.\n",
                 shown(label_of(*task)).c_str(), to_number(task->id), task->started_at.file,
                 task->started_at.line);
  std::fflush(stderr);
  say_schedule();
  if (previous_handler != nullptr) previous_handler();
  std::abort();
}

}  // namespace

void install_terminate_handler() {
  static const bool is_installed = [] {
    previous_handler = std::set_terminate(handle_terminate);
    return true;
  }();
  static_cast<void>(is_installed);
}

}  // namespace chantrace::detail
