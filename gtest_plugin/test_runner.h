/// \file
/// Runs a GoogleTest test as GoogleTest does, but as often as one likes, and without reporting it.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace chantrace {

/// Threads: the one that runs tests.
class TestRunner {
 public:
  explicit TestRunner(const testing::TestInfo& test) : test_(test) {}

  /// From the fixture's constructor to its destructor, `SetUp` and `TearDown` included. What it
  /// would report is kept back.
  ///
  /// Returns: whether it passed, or was skipped.
  bool run();
  /// Where the last run failed first: "assertion pool_test.cpp:31"; empty where it passed.
  const std::string& failure() const { return failure_; }

 private:
  const testing::TestInfo& test_;
  std::string failure_;
};

}  // namespace chantrace
