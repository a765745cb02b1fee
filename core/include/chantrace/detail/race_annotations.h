/// \file
/// What ThreadSanitizer is told of tasks that run on one OS thread: what one does comes before what
/// another one does only where an operation says so. Nothing, and no instruction, without it.
#pragma once

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CHANTRACE_WITH_TSAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define CHANTRACE_WITH_TSAN 1
#endif

#ifdef CHANTRACE_WITH_TSAN
extern "C" {
// Of ThreadSanitizer's runtime.
void __tsan_acquire(void* address);  // NOLINT(bugprone-reserved-identifier)
void __tsan_release(void* address);  // NOLINT(bugprone-reserved-identifier)
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#define CHANTRACE_NO_TSAN __attribute__((no_sanitize("thread")))
#else
#define CHANTRACE_NO_TSAN
#endif

namespace chantrace::detail {

#ifdef CHANTRACE_WITH_TSAN
inline constexpr bool kIsThreadSanitized = true;
#else
inline constexpr bool kIsThreadSanitized = false;
#endif

/// What came before a `note_release` of `address` comes before this.
inline void note_acquire([[maybe_unused]] const void* address) {
#ifdef CHANTRACE_WITH_TSAN
  __tsan_acquire(const_cast<void*>(address));
#endif
}

inline void note_release([[maybe_unused]] const void* address) {
#ifdef CHANTRACE_WITH_TSAN
  __tsan_release(const_cast<void*>(address));
#endif
}

/// In its scope the task looks at what all tasks share without an order, as only one of them runs.
class WithoutRaces {
 public:
  WithoutRaces() {
#ifdef CHANTRACE_WITH_TSAN
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
#endif
  }
  ~WithoutRaces() {
#ifdef CHANTRACE_WITH_TSAN
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
#endif
  }
  WithoutRaces(const WithoutRaces&) = delete;
  WithoutRaces& operator=(const WithoutRaces&) = delete;
};

}  // namespace chantrace::detail
