/// \file
/// A test that is written to be explored.
#pragma once

#include <gtest/gtest.h>

#include "chantrace/explore.h"

namespace chantrace::detail {

/// Notes how a test is to be explored, before `main`.
bool set_explore_options(const char* test, const ExploreOptions& options);
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
