/// \file
/// Tests that are written to be explored, and schedules that are kept for a test.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "chantrace/explore.h"

namespace chantrace::detail {

/// Notes how a test is to be explored, before `main`.
bool set_explore_options(const char* test, const ExploreOptions& options);
/// Notes a schedule of a test, before `main`. `prepare`: sets the inputs of its body, if any.
bool keep_schedule(const char* test, const char* token, const char* file, int line,
                   std::function<void()> prepare = nullptr);
/// A listener is there to do it.
bool explores_tests();

}  // namespace chantrace::detail

/// `CHANTRACE_EXPLORE(Pool, ShutsDown, .schedules = 10'000, .seed = 7) { ... }` is a test that is
/// run under many schedules, whatever the flags say of other tests. What stands behind the two
/// names are members of `chantrace::ExploreOptions`. A flag that is given goes before them.
#define CHANTRACE_EXPLORE(suite, name, ...)                                               \
  static void chantrace_body_of_##suite##_##name();                                       \
  static const bool chantrace_options_of_##suite##_##name =                               \
      ::chantrace::detail::set_explore_options(#suite "." #name,                          \
                                               ::chantrace::ExploreOptions{__VA_ARGS__}); \
  TEST(suite, name) {                                                                     \
    static_cast<void>(chantrace_options_of_##suite##_##name);                             \
    if (!::chantrace::detail::explores_tests())                                           \
      FAIL() << "nothing explores this test: link chantrace::gtest_main, or call "        \
                "chantrace::install_listener in main";                                    \
    chantrace_body_of_##suite##_##name();                                                 \
  }                                                                                       \
  static void chantrace_body_of_##suite##_##name()

/// `CHANTRACE_REPLAY(Pool, ShutsDown, "c1:9f3a:1x2.2x4.1");` keeps a schedule, under which a test
/// has failed, as a regression test: whenever `Pool.ShutsDown` runs, it runs under that schedule
/// first, and fails if it fails there. It may stand anywhere in the program of that test, whatever
/// kind of test that is. Behind the token stand the arguments of a `CHANTRACE_PROP`, below which it
/// has to be then.
///
/// A schedule that fits no longer, as the program was changed since, is followed as far as can be,
/// and a line says so.
#define CHANTRACE_REPLAY(suite, name, token, ...)                         \
  [[maybe_unused]] static const bool CHANTRACE_DETAIL_NAME(__COUNTER__) = \
      ::chantrace::detail::keep_schedule(                                 \
          #suite "." #name, token, __FILE__,                              \
          __LINE__ __VA_OPT__(, chantrace_inputs_of_##suite##_##name.with(__VA_ARGS__)))
#define CHANTRACE_DETAIL_NAME(number) CHANTRACE_DETAIL_JOIN(number)
#define CHANTRACE_DETAIL_JOIN(number) chantrace_schedule_##number
