// How the body of a task runs, and what it leaves.
#include <cxxabi.h>

#include <cstdio>
#include <typeinfo>

#include "chantrace/detail/printable.h"
#include "chantrace/detail/value.h"
#include "chantrace/misuse.h"
#include "recording.h"
#include "runtime.h"

namespace chantrace::detail {
namespace {

std::string demangle(const char* name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = status == 0 ? text : name;
  std::free(text);
  return result;
}

std::string describe_current_exception() {
  try {
    throw;
  } catch (const std::exception& error) {
    const char* const text = error.what();
    return demangle(typeid(error).name()) + ": " + (text != nullptr ? text : "(no text)");
  } catch (...) {
    const std::type_info* const type = abi::__cxa_current_exception_type();
    return type != nullptr ? "one of type " + demangle(type->name()) : "one of unknown type";
  }
}

}  // namespace

void wake_joiners(TaskControl& task) {
  Wakeups woken;
  {
    const ScopedLock lock(task.join_object.latch);
    task.phase.store(TaskPhase::kEnded);
    while (Waiter* const waiter = task.join_object.waiters.pop_claimed()) {
      // Who only watches for the end makes no record, and must not take the number of one.
      if (waiter->operation->operation != Operation::kNone) complete(task.join_object, *waiter);
      woken.add(*waiter);
    }
  }
  woken.unpark_all();
}

void record_end(TaskControl& task, TaskStatus status, const std::string& exception) {
  if (!holds_nothing(task)) Runtime::instance().add_orphans(task);
  task.body.reset();
  if (task.is_recording && task.recording != nullptr)
    task.last_site = task.recording->last_location(task);
  const Outcome outcome = status == TaskStatus::kEndedByException ? Outcome::kException
                          : status == TaskStatus::kCancelled      ? Outcome::kCancelled
                                                                  : Outcome::kOk;
  Happening end{.operation = Operation::kTaskEnd, .outcome = outcome, .object = to_number(task.id)};
  {
    const ScopedLock lock(task.join_object.latch);
    end.sequence = ++task.join_object.sequence;
  }
  if (!exception.empty() && task.is_recording) {
    end.marks = kHasValue | kValueIsText;
    end.value = record_text(task, exception);
  }
  // Recorded before anyone can see the end, so that a trace that is closed then has it.
  record_note(task, end, task.last_site.line != 0 ? task.last_site : task.started_at);
  if (task.recording != nullptr) task.recording->retire(task);
}

void note_exception(TaskControl& body) {
  body.status = TaskStatus::kEndedByException;
  body.exception = describe_current_exception();
  try {
    throw;
  } catch (const MisuseError& error) {
    Runtime::instance().mark_escaped(body.id, error.what());
  } catch (...) {
  }
}

TaskStatus run_task_body(TaskControl& task, std::string& exception) {
  std::uint32_t sequence;
  {
    const ScopedLock lock(task.join_object.latch);
    sequence = ++task.join_object.sequence;
  }
  record_note(
      task,
      {.operation = Operation::kTaskBegin, .object = to_number(task.id), .sequence = sequence},
      task.started_at);
  if ((task.hooks.load() & kHookCancel) != 0) return TaskStatus::kCancelled;
  try {
    task.body.run();
    return TaskStatus::kEnded;
  } catch (const Cancelled&) {
    return TaskStatus::kCancelled;
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (const MisuseError& error) {
    exception = describe_current_exception();
    Runtime::instance().mark_escaped(task.id, error.what());
  } catch (...) {
    exception = describe_current_exception();
  }
  return TaskStatus::kEndedByException;
}

void run_task(TaskControl& task) {
  Runtime& runtime = Runtime::instance();
  runtime.begin_task(task);
  TaskStatus status = TaskStatus::kEnded;
  std::string exception;
  const auto end = [&] {
    runtime.end_task(task, status, std::move(exception));
    current_task_or_null = nullptr;
    runtime.threads().remove_running();
    runtime.release(task);
  };
  try {
    status = run_task_body(task, exception);
  } catch (const abi::__forced_unwind&) {
    // The thread is being cancelled by the program itself, and must go on unwinding.
    end();
    throw;
  }
  if (status == TaskStatus::kEndedByException && runtime.body() == nullptr)
    std::fprintf(stderr, "chantrace: %s ended by an exception: %s\n", shown(label_of(task)).c_str(),
                 shown(exception).c_str());
  end();
}

}  // namespace chantrace::detail
