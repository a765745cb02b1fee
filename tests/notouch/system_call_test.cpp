#include "system_call.h"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "chantrace/chantrace.h"
#include "process.h"

namespace chantrace::notouch {
namespace {

SystemCall futex(int operation, std::uint64_t expected, std::uint64_t timeout = 0) {
  SystemCall call;
  call.is_running = false;
  call.number = SYS_futex;
  call.arguments = {0x1000, static_cast<std::uint64_t>(operation), expected, timeout, 0, 0};
  return call;
}

SystemCall other(long number, std::array<std::uint64_t, 6> arguments) {
  SystemCall call;
  call.is_running = false;
  call.number = number;
  call.arguments = arguments;
  return call;
}

TEST(SystemCallTest, IsReadAsTheKernelWritesIt) {
  const auto call =
      parse_system_call("202 0x7f01 0x80 0x2 0x0 0x5 0xffffffffffffffff 0x7ff0 0x40aa\n");

  ASSERT_TRUE(call.has_value());
  EXPECT_FALSE(call->is_running);
  EXPECT_EQ(call->number, 202);
  EXPECT_EQ(call->arguments[0], 0x7f01u);
  EXPECT_EQ(call->arguments[5], ~std::uint64_t{0});
  EXPECT_EQ(call->stack_pointer, 0x7ff0u);
  EXPECT_EQ(call->code, 0x40aau);
}

TEST(SystemCallTest, ATaskThatIsParkedWaitsForNoLock) {
  const Channel<int> never("never");
  std::atomic<pid_t> thread = 0;
  const Task waiter = go("waiter", [&, never] {
    thread = gettid();
    never.recv();
  });
  std::optional<SystemCall> call;
  while (thread == 0 || !(call = system_call_of(thread)) || call->is_running ||
         call->number != SYS_futex)
    std::this_thread::yield();
  never.close();
  waiter.join();

  EXPECT_EQ(wait_of(*call), Wait::kFutex);
}

TEST(SystemCallTest, MayBeNone) {
  EXPECT_TRUE(parse_system_call("running\n")->is_running);
  const auto elsewhere = parse_system_call("-1 0x7ff0 0x40aa\n");
  ASSERT_TRUE(elsewhere.has_value());
  EXPECT_EQ(elsewhere->number, -1);
  EXPECT_EQ(wait_of(*elsewhere), Wait::kOther);
}

TEST(SystemCallTest, OtherTextIsRefused) {
  for (const char* const text :
       {"", "\n", "x", "202", "202 0x1 0x2", "-2 0x1 0x2", "0 0x1 0x2 0x3 0x4 0x5 0x6 0x7",
        "0 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8 0x9", "0 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x",
        "0 0xfffffffffffffffff 0x2 0x3 0x4 0x5 0x6 0x7 0x8"})
    EXPECT_FALSE(parse_system_call(text).has_value()) << text;
}

TEST(SystemCallTest, FutexesAreToldApartByHowTheyWait) {
  EXPECT_EQ(wait_of(futex(FUTEX_WAIT_PRIVATE, 2)), Wait::kLock);
  EXPECT_EQ(wait_of(futex(FUTEX_WAIT_PRIVATE, 1)), Wait::kFutex);
  EXPECT_EQ(wait_of(futex(FUTEX_WAIT, FUTEX_WAITERS | 77)), Wait::kLock);
  EXPECT_EQ(wait_of(futex(FUTEX_LOCK_PI_PRIVATE, 0)), Wait::kLock);
  EXPECT_EQ(wait_of(futex(FUTEX_WAIT_BITSET_PRIVATE, 3)), Wait::kLock);
  EXPECT_EQ(wait_of(futex(FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0)), Wait::kFutex);
  EXPECT_EQ(wait_of(futex(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 4711)), Wait::kJoin);
}

TEST(SystemCallTest, OnlyWaitsForThisProcessAreInsideIt) {
  EXPECT_TRUE(is_inside_process(futex(FUTEX_WAIT_PRIVATE, 2)));
  EXPECT_TRUE(is_inside_process(futex(FUTEX_WAIT_BITSET, 4711)));
  EXPECT_FALSE(is_inside_process(futex(FUTEX_WAIT, 2)));
  EXPECT_FALSE(is_inside_process(futex(FUTEX_WAIT_PRIVATE, 2, 0x7000)));
  EXPECT_FALSE(is_inside_process(other(SYS_read, {0})));
  EXPECT_FALSE(is_inside_process(SystemCall()));
}

TEST(SystemCallTest, TimeoutsAndDescriptorsAreFound) {
  EXPECT_TRUE(has_timeout(other(SYS_poll, {0x1000, 1, 500})));
  EXPECT_FALSE(has_timeout(other(SYS_poll, {0x1000, 1, 0xffffffff})));
  EXPECT_TRUE(has_timeout(other(SYS_epoll_wait, {5, 0x1000, 8, 10})));
  EXPECT_FALSE(has_timeout(other(SYS_epoll_wait, {5, 0x1000, 8, 0xffffffff})));
  EXPECT_TRUE(has_timeout(other(SYS_clock_nanosleep, {})));
  EXPECT_EQ(descriptor_of(other(SYS_read, {5})), 5);
  EXPECT_EQ(descriptor_of(other(SYS_nanosleep, {5})), -1);
  EXPECT_EQ(wait_of(other(SYS_read, {5})), Wait::kTransfer);
  EXPECT_EQ(wait_of(other(SYS_epoll_wait, {5})), Wait::kPoll);
  EXPECT_EQ(futex_address(other(SYS_read, {5})), 0u);
}

}  // namespace
}  // namespace chantrace::notouch
