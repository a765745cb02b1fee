/// \file
/// A body whose schedules a fuzzing engine searches.
#pragma once

#include <cstddef>
#include <cstdint>

#include "chantrace/explore.h"

namespace chantrace {

/// How a fuzz target runs, and what is done about a failure.
struct FuzzOptions {
  RunOptions run = {};
  ShrinkLimits shrink = {};
  ExplainLimits explain = {};
};

namespace detail {

struct FuzzTarget {
  const char* name = "";
  void (*body)() = nullptr;
  FuzzOptions options = {};
};

/// Before `main`, and once: a program has one target. Ends the program where there are two.
bool set_fuzz_target(const FuzzTarget& target);
/// Ends the program where there is none.
const FuzzTarget& fuzz_target();

}  // namespace detail
}  // namespace chantrace

/// `CHANTRACE_FUZZ_TARGET(Pool, ShutsDown, .run = {.steps_max = 10'000}) { ... }` is the body of a
/// program that a fuzzing engine drives, of which there is one in each program. What stands behind
/// the two names are members of `chantrace::FuzzOptions`. The engine's bytes decide which task is
/// next, and what `choose` and selects get. What fails an explored test fails the target, an
/// exception that leaves the body among it; so do GoogleTest's assertions, where the program has
/// GoogleTest.
///
/// Link `chantrace::fuzz` and an engine, or `chantrace::fuzz_main` to replay a corpus.
#define CHANTRACE_FUZZ_TARGET(suite, name, ...)                                                   \
  static void chantrace_body_of_##suite##_##name();                                               \
  [[maybe_unused]] static const bool chantrace_target_##suite##_##name =                          \
      ::chantrace::detail::set_fuzz_target({#suite "." #name, chantrace_body_of_##suite##_##name, \
                                            ::chantrace::FuzzOptions{__VA_ARGS__}});              \
  static void chantrace_body_of_##suite##_##name()
