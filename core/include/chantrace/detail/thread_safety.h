/// \file
/// Clang's thread-safety annotations, which other compilers ignore.
#pragma once

#if defined(__clang__)
#define CHANTRACE_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define CHANTRACE_THREAD_ANNOTATION(x)
#endif

#define CHANTRACE_CAPABILITY(name) CHANTRACE_THREAD_ANNOTATION(capability(name))
#define CHANTRACE_SCOPED_CAPABILITY CHANTRACE_THREAD_ANNOTATION(scoped_lockable)
#define CHANTRACE_GUARDED_BY(lock) CHANTRACE_THREAD_ANNOTATION(guarded_by(lock))
#define CHANTRACE_REQUIRES(...) CHANTRACE_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define CHANTRACE_ACQUIRE(...) CHANTRACE_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define CHANTRACE_RELEASE(...) CHANTRACE_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define CHANTRACE_TRY_ACQUIRE(...) CHANTRACE_THREAD_ANNOTATION(try_acquire_capability(__VA_ARGS__))
#define CHANTRACE_NO_THREAD_SAFETY_ANALYSIS CHANTRACE_THREAD_ANNOTATION(no_thread_safety_analysis)
