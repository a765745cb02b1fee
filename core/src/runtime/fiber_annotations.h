/// \file
/// What AddressSanitizer, ThreadSanitizer and valgrind are told of fibers. Nothing, and no
/// instruction, where none of them is there.
#pragma once

#include <pthread.h>

#include <cstddef>

#include "chantrace/detail/race_annotations.h"
#include "chantrace/detail/task_control.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHANTRACE_WITH_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define CHANTRACE_WITH_ASAN 1
#endif

#ifdef CHANTRACE_WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CHANTRACE_WITH_TSAN
#include <sanitizer/tsan_interface.h>
#include <sys/single_threaded.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id)
#endif

namespace chantrace::detail {

struct StackBounds {
  const std::byte* lowest = nullptr;
  std::size_t size_bytes = 0;
};

/// Under a sanitizer frames are several times as large.
#ifdef CHANTRACE_WITH_ASAN
inline constexpr std::size_t kFrameFactor = 4;
#else
inline constexpr std::size_t kFrameFactor = 1;
#endif

CHANTRACE_NO_TSAN inline void note_root([[maybe_unused]] Fiber& root,
                                        [[maybe_unused]] StackBounds& bounds) {
#ifdef CHANTRACE_WITH_ASAN
  if (bounds.lowest == nullptr) {
    pthread_attr_t attributes;
    pthread_getattr_np(pthread_self(), &attributes);
    void* lowest = nullptr;
    pthread_attr_getstack(&attributes, &lowest, &bounds.size_bytes);
    bounds.lowest = static_cast<const std::byte*>(lowest);
    pthread_attr_destroy(&attributes);
  }
#endif
#ifdef CHANTRACE_WITH_TSAN
  root.sanitizer = __tsan_get_current_fiber();
  // Without a second thread the standard library counts references without atomics, which would be
  // races among fibers.
  __libc_single_threaded = 0;
#endif
}

/// A task has got a stack. ThreadSanitizer's fibers stay with their controls for ever, since making
/// one takes milliseconds.
CHANTRACE_NO_TSAN inline void note_made([[maybe_unused]] Fiber& fiber) {
#ifdef CHANTRACE_WITH_TSAN
  if (fiber.sanitizer == nullptr) fiber.sanitizer = __tsan_create_fiber(0);
#endif
#ifdef CHANTRACE_WITH_ASAN
  fiber.sanitizer = nullptr;
#endif
}

CHANTRACE_NO_TSAN inline void note_leaving([[maybe_unused]] Fiber& self,
                                           [[maybe_unused]] const Fiber& next,
                                           [[maybe_unused]] StackBounds bounds,
                                           [[maybe_unused]] bool is_for_ever) {
#ifdef CHANTRACE_WITH_ASAN
  __sanitizer_start_switch_fiber(is_for_ever ? nullptr : &self.sanitizer, bounds.lowest,
                                 bounds.size_bytes);
#endif
#ifdef CHANTRACE_WITH_TSAN
  // A switch orders nothing: it is what the tasks do that does.
  __tsan_switch_to_fiber(next.sanitizer, __tsan_switch_to_fiber_no_sync);
#endif
}

CHANTRACE_NO_TSAN inline void note_arrived([[maybe_unused]] Fiber& self) {
#ifdef CHANTRACE_WITH_ASAN
  __sanitizer_finish_switch_fiber(self.sanitizer, nullptr, nullptr);
#endif
}

/// What was on a stack is gone.
inline void forget_stack_contents([[maybe_unused]] const std::byte* stack,
                                  [[maybe_unused]] std::size_t size_bytes) {
#ifdef CHANTRACE_WITH_ASAN
  __asan_unpoison_memory_region(stack, size_bytes);
#endif
}

/// Whether a task may have the stack of another one of its execution, once that has ended. To
/// ThreadSanitizer what both have there would be shared, without an order.
#ifdef CHANTRACE_WITH_TSAN
inline constexpr bool kStacksAreReused = false;
#else
inline constexpr bool kStacksAreReused = true;
#endif

}  // namespace chantrace::detail
