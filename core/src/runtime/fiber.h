/// \file
/// Fibers: stacks to run tasks on, and the switch from one task to another. With the stack goes
/// what C++ keeps of the exceptions in flight for an OS thread, and what sanitizers keep of a
/// stack.
#pragma once

#include <cxxabi.h>

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <vector>

#include "chantrace/detail/task_control.h"
#include "fiber_annotations.h"

namespace chantrace::detail {

/// Stacks of one size, each above a guard that must not be touched. What was given back last is
/// used first, as it is still in the processor's cache. Nothing is unmapped before the size
/// changes.
///
/// Threads: one thread at a time.
class StackPool {
 public:
  StackPool() = default;
  ~StackPool() { unmap_all(); }
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  /// Stacks have at least so many bytes from now on.
  ///
  /// Requires: all stacks were given back.
  void set_size(std::size_t size_bytes);
  std::size_t size_bytes() const { return size_bytes_; }

  /// The lowest byte of a stack; nullptr when the system has no room for another one.
  std::byte* acquire() {
    if (free_.empty()) return map();
    std::byte* const stack = free_.back();
    free_.pop_back();
    return stack;
  }
  /// So many can be in use at once. False: the system has no room for them.
  bool reserve(std::size_t count) {
    while (mapped_.size() - used_.size() < count) {
      std::byte* const stack = map();
      if (stack == nullptr) return false;
      free_.push_back(stack);
    }
    return true;
  }
  void release(std::byte* stack) {
    forget_stack_contents(stack, size_bytes_);
    (kStacksAreReused ? free_ : used_).push_back(stack);
  }
  /// A new execution begins: nothing that was on a stack comes before what will be.
  void begin_execution() {
    if (kStacksAreReused) return;
    free_.insert(free_.end(), used_.begin(), used_.end());
    used_.clear();
  }
  /// How many there are, in use or not.
  std::size_t count() const { return mapped_.size(); }
  /// Whether `address` lies in what guards `stack`.
  static bool is_below(const std::byte* stack, const void* address);

 private:
  std::byte* map();
  void unmap_all();

  std::size_t size_bytes_ = 0;
  std::vector<std::byte*> free_;
  std::vector<std::byte*> used_;  ///< Not to be used again in this execution.
  std::vector<std::byte*> mapped_;
};

/// `__cxa_get_globals()` as the C++ ABI defines it.
///
/// Source: Itanium C++ ABI: Exception Handling, 2.2.2.
struct ExceptionGlobals {
  void* caught_exceptions;
  unsigned uncaught_exceptions;
};

/// Threads: the one thread that called `attach`.
class FiberSwitch {
 public:
  /// `main`: what fibers run first. It calls `arrive`, and never returns.
  explicit FiberSwitch(void (*main)(boost::context::detail::transfer_t)) : main_(main) {}

  /// `root` is the task that the calling thread runs now, on its own stack.
  CHANTRACE_NO_TSAN void attach(TaskControl& root) {
    exceptions_ = reinterpret_cast<ExceptionGlobals*>(abi::__cxa_get_globals());
    note_root(root.fiber, root_stack_);
  }

  /// False: the system has no room for another stack.
  CHANTRACE_NO_TSAN bool begin(TaskControl& task) {
    task.fiber.stack = stacks.acquire();
    if (task.fiber.stack == nullptr) return false;
    make_context(task.fiber);
    return true;
  }

  /// `next` goes on instead of `self`. Returns when somebody lets `self` go on.
  CHANTRACE_NO_TSAN void switch_to(TaskControl& self, TaskControl& next) {
    ExceptionGlobals& exceptions = *exceptions_;
    self.fiber.caught_exceptions = exceptions.caught_exceptions;
    self.fiber.uncaught_exceptions = exceptions.uncaught_exceptions;
    exceptions.caught_exceptions = next.fiber.caught_exceptions;
    exceptions.uncaught_exceptions = next.fiber.uncaught_exceptions;
    current_task_or_null = &next;
    note_leaving(self.fiber, next.fiber, stack_of(next.fiber), false);
    arrive(boost::context::detail::jump_fcontext(next.fiber.context, &self));
    note_arrived(self.fiber);
  }

  /// The same for a task that never goes on. Its stack is given back when it is left.
  [[noreturn]] CHANTRACE_NO_TSAN void leave_for(TaskControl& self, TaskControl& next) {
    dead_ = &self;
    exceptions_->caught_exceptions = next.fiber.caught_exceptions;
    exceptions_->uncaught_exceptions = next.fiber.uncaught_exceptions;
    current_task_or_null = &next;
    note_leaving(self.fiber, next.fiber, stack_of(next.fiber), true);
    boost::context::detail::jump_fcontext(next.fiber.context, &self);
    __builtin_unreachable();
  }

  /// `next`, which has not begun, goes on on the stack of `self`, which has ended.
  void hand_over_stack(TaskControl& self, TaskControl& next) {
    next.fiber.stack = std::exchange(self.fiber.stack, nullptr);
    next.fiber.context = std::exchange(self.fiber.context, nullptr);
    current_task_or_null = &next;
  }

  /// To be called by `main` first of all, with what it was given.
  CHANTRACE_NO_TSAN void arrive_first(boost::context::detail::transfer_t from) {
    arrive(from);
    note_arrived(current_task_or_null->fiber);
  }

  StackPool stacks;

 private:
  CHANTRACE_NO_TSAN void arrive(boost::context::detail::transfer_t from) {
    static_cast<TaskControl*>(from.data)->fiber.context = from.fctx;
    if (dead_ == nullptr) return;
    const WithoutRaces scope;
    stacks.release(std::exchange(dead_->fiber.stack, nullptr));
    dead_ = nullptr;
  }
  CHANTRACE_NO_TSAN void make_context(Fiber& fiber) {
    fiber.context = boost::context::detail::make_fcontext(fiber.stack + stacks.size_bytes(),
                                                          stacks.size_bytes(), main_);
    fiber.caught_exceptions = nullptr;
    fiber.uncaught_exceptions = 0;
    note_made(fiber);
  }
  CHANTRACE_NO_TSAN StackBounds stack_of(const Fiber& fiber) const {
    return fiber.stack != nullptr ? StackBounds{fiber.stack, stacks.size_bytes()} : root_stack_;
  }

  void (*main_)(boost::context::detail::transfer_t);
  ExceptionGlobals* exceptions_ = nullptr;
  TaskControl* dead_ = nullptr;
  StackBounds root_stack_;
};

}  // namespace chantrace::detail
