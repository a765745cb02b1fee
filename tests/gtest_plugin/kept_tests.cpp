// Schedules that are kept for tests, of each kind of test.
#include <gtest/gtest.h>

#include <cstdlib>

#include "chantrace/chantrace.h"
#include "chantrace/explore_test.h"
#include "examples/property_test.cpp"

namespace {

/// Loses an update where the other task runs between the two operations of the body.
void update_twice() {
  chantrace::Atomic<int> counter(0);
  const auto update = [&] {
    const int before = counter.load();
    counter.store(before + 1);
  };
  chantrace::Task other = chantrace::go("other", update);
  update();
  other.join();
  EXPECT_EQ(counter.load(), 2);
}

/// Loses none, on threads neither.
void add_twice() {
  chantrace::Atomic<int> counter(0);
  chantrace::Task other = chantrace::go("other", [&] { counter.fetch_add(1); });
  counter.fetch_add(1);
  other.join();
  EXPECT_EQ(counter.load(), 2);
}

int suites_set_up = 0;

class Fixture : public testing::Test {
 protected:
  static void SetUpTestSuite() { ++suites_set_up; }
};

class Parameters : public testing::TestWithParam<int> {};

}  // namespace

TEST(Kept, Fails) { update_twice(); }
CHANTRACE_REPLAY(Kept, Fails, "c1:0:1x1.2x2.1x9");

TEST(Kept, Passes) { add_twice(); }
CHANTRACE_REPLAY(Kept, Passes, "c1:0:1x2");

TEST(Kept, FailsUnderTheSecond) { update_twice(); }
CHANTRACE_REPLAY(Kept, FailsUnderTheSecond, "c1:0:1x2");
CHANTRACE_REPLAY(Kept, FailsUnderTheSecond, "c1:0:1x1.2x2.1x9");

// There is no task 7.
TEST(Kept, FitsNoLonger) { add_twice(); }
CHANTRACE_REPLAY(Kept, FitsNoLonger, "c1:0:1x2.7x2");

TEST(Kept, IsNoSchedule) {}
CHANTRACE_REPLAY(Kept, IsNoSchedule, "c2:whatever");

TEST_F(Fixture, IsSetUp) {
  EXPECT_EQ(suites_set_up, 1);
  update_twice();
}
CHANTRACE_REPLAY(Fixture, IsSetUp, "c1:0:1x1.2x2.1x9");

TEST_P(Parameters, AreThere) {
  if (GetParam() == 2) update_twice();
}
INSTANTIATE_TEST_SUITE_P(Some, Parameters, testing::Values(1, 2));
CHANTRACE_REPLAY(Some / Parameters, AreThere / 0, "c1:0:1x1.2x2.1x9");
CHANTRACE_REPLAY(Some / Parameters, AreThere / 1, "c1:0:1x1.2x2.1x9");

// With three workers and no room; the second one lets all be.
CHANTRACE_REPLAY(Pool, IsDoneAfterTwoResults, "c1:0:1", 2, 0);

// It fails all the same.
TEST(Kept, FailsThoughItFitsNoLonger) { update_twice(); }
CHANTRACE_REPLAY(Kept, FailsThoughItFitsNoLonger, "c1:0:7x3.1x1.2x2.1x9");

TEST(Kept, DISABLED_IsSeldomRun) { update_twice(); }
CHANTRACE_REPLAY(Kept, IsSeldomRun, "c1:0:1x1.2x2.1x9");

CHANTRACE_PROP(Inputs, FailWithThree, (int number)) { EXPECT_NE(number, 3); }
CHANTRACE_REPLAY(Inputs, FailWithThree, "c1:0:", 3);

CHANTRACE_PROP(Inputs, MayBecomeUnwanted, (int number)) { RC_PRE(number != 3); }
CHANTRACE_REPLAY(Inputs, MayBecomeUnwanted, "c1:0:", 3);

namespace {

[[maybe_unused]] const bool keeps_for_nobody =
    std::getenv("KEEPS_FOR_NOBODY") != nullptr &&
    chantrace::detail::keep_schedule("Kept.HasAnotherName", "c1:0:1", __FILE__, __LINE__);

}  // namespace
