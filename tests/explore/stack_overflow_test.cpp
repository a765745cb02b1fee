// A task that runs out of its stack ends the program, and it is said what that was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kStackBytes = 64 * 1024;

/// Others could look at `memory`: no compiler leaves any of it out.
void escape(char* memory) { asm volatile("" : : "r"(memory) : "memory"); }

/// Each call takes a good kilobyte of stack.
int recurse(int depth) {
  char frame[1024];
  frame[0] = static_cast<char>(depth);
  escape(frame);
  return depth == 0 ? frame[0] : recurse(depth - 1) + frame[0];
}

/// A frame that begins far below its caller's.
int use_large_array() {
  char frame[kStackBytes];
  frame[0] = 1;
  escape(frame);
  return frame[0];
}

ExploreResult explore_task(const std::function<void()>& body) {
  return explore([&] { go("deep", body).join(); },
                 {.schedules = 2, .run = {.stack_bytes = kStackBytes}});
}

TEST(StackOverflowTest, EndlessRecursionIsNamed) {
  EXPECT_DEATH(explore_task([] { recurse(1'000'000); }),
               AllOf(HasSubstr("chantrace: deep (task 2, started at "),
                     HasSubstr("needs more than its stack of 64 KiB"),
                     HasSubstr("--chantrace_stack_kib=256"), HasSubstr("under the schedule c1")));
}

TEST(StackOverflowTest, LargeFrameDoesNotReachAnotherStack) {
  // Under AddressSanitizer stacks are larger than that.
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "stacks are larger";
#endif
  EXPECT_DEATH(explore_task([] { use_large_array(); }), HasSubstr("its stack of 64 KiB"));
}

TEST(StackOverflowTest, DeepRecursionThatFitsIsSound) {
  const ExploreResult result = explore_task([] { recurse(30); });

  EXPECT_TRUE(result.findings().empty());
}

TEST(StackOverflowTest, AnotherFaultIsNotCalledOne) {
  EXPECT_DEATH(explore_task([] {
                 volatile int* volatile nowhere = nullptr;
                 *nowhere = 1;
               }),
               Not(HasSubstr("its stack of")));
}

}  // namespace
}  // namespace chantrace
