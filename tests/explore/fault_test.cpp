// A task that ends the program: it is said what that was, and which schedule leads there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <string>

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

void write_to_nowhere() {
  // Not to nullptr, which UndefinedBehaviorSanitizer sees first.
  volatile int* volatile nowhere = reinterpret_cast<volatile int*>(16);
  *nowhere = 1;
}

TEST(FaultTest, AnotherFaultIsNoOverflow) {
  EXPECT_DEATH(explore_task([] { write_to_nowhere(); }),
               AllOf(Not(HasSubstr("its stack of")), HasSubstr("chantrace: deep (task 2, started"),
                     HasSubstr("under the schedule c1:")));
}

TEST(FaultTest, AbortNamesTaskAndSchedule) {
  EXPECT_DEATH(explore([] { std::abort(); }),
               AllOf(HasSubstr("chantrace: main (task 1) has met a call of abort"),
                     HasSubstr("under the schedule c1:")));
}

// A fuzzing engine keeps the input that leads there.
TEST(FaultTest, AbortGoesWhereItWentBefore) {
  // In a new process: in this one nothing comes before.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto die = [] {
    std::signal(SIGABRT, [](int) { std::_Exit(3); });
    explore_task([] { std::abort(); });
  };

  EXPECT_EXIT(die(), testing::ExitedWithCode(3), HasSubstr("a call of abort"));
}

TEST(FaultTest, ScheduleLeadsToTheFaultAgain) {
  // Only where both have read before either writes.
  const auto body = [] {
    Atomic<int> used(0);
    const auto use = [&] { used.store(used.load() + 1); };
    Task other = go("other", use);
    use();
    other.join();
    if (used.load() == 1) write_to_nowhere();
  };
  const auto schedule_of_fault = [](const std::function<void()>& run_it) {
    testing::internal::CaptureStderr();
    const pid_t child = fork();
    if (child == 0) {
      run_it();
      std::_Exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    const std::string text = testing::internal::GetCapturedStderr();
    EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << text;
    const std::string head = "under the schedule ";
    const std::size_t start = text.find(head) + head.size();
    return text.substr(start, text.find('\n', start) - start);
  };

  const std::string token = schedule_of_fault([&] { explore(body); });
  const Result<Schedule, ScheduleError> schedule = Schedule::parse(token);
  ASSERT_TRUE(schedule) << token;
  const std::string again = schedule_of_fault([&] { run(body, schedule.value()); });

  EXPECT_EQ(again, token);
}

#if defined(__SANITIZE_ADDRESS__)
TEST(FaultTest, WhatASanitizerFindsHasASchedule) {
  EXPECT_DEATH(explore([] {
                 char* freed = new char[8];
                 delete[] freed;
                 asm volatile("" : "+r"(freed));  // No compiler knows what it is.
                 *static_cast<volatile char*>(freed) = 2;
               }),
               AllOf(HasSubstr("heap-use-after-free"), HasSubstr("under the schedule c1:")));
}
#endif

TEST(FaultTest, NothingIsSaidOutsideExecutions) {
  EXPECT_DEATH(
      {
        explore([] {});
        std::abort();
      },
      Not(HasSubstr("chantrace:")));
}

}  // namespace
}  // namespace chantrace
