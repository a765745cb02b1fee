#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Explanation explain(const std::function<void()>& body, const ExplainLimits& limits = {}) {
  const ExploreResult result = explore(body, {.schedules = 10'000, .explain = limits});
  EXPECT_TRUE(result.first_failure && result.first_failure->explanation);
  if (!result.first_failure || !result.first_failure->explanation) return {};
  return *result.first_failure->explanation;
}

/// "load(value) by main before store(value) by other"
bool has_order(const Explanation& explanation, const std::string& first,
               const std::string& second) {
  const auto says = [&](const Deed& deed, const std::string& what) {
    return deed.text + " by " + explanation.tasks.at(deed.task) == what;
  };
  return std::any_of(explanation.orders.begin(), explanation.orders.end(),
                     [&](const DecisiveOrder& order) {
                       return says(order.first, first) && says(order.second, second);
                     });
}

void lose_an_update() {
  Atomic<int> value(0, "value");
  Atomic<int> noise(0, "noise");
  Task other = go("other", [&] {
    noise.fetch_add(1);
    value.store(value.load() + 1);
  });
  noise.fetch_add(1);
  const int seen = value.load();
  value.store(seen + 1);
  other.join();
  if (value.load() != 2) throw std::logic_error("lost");
}

TEST(ExplainTest, NamesTheOrderOfALostUpdate) {
  const Explanation explanation = explain(lose_an_update);

  EXPECT_TRUE(has_order(explanation, "load(value) by main", "store(value) by other"))
      << reasons_to_text(explanation);
  EXPECT_TRUE(has_order(explanation, "load(value) by other", "store(value) by main"));
  EXPECT_THAT(explanation.orders, SizeIs(2)) << reasons_to_text(explanation);
  for (const DecisiveOrder& order : explanation.orders) {
    EXPECT_EQ(order.failed, 0u);
    EXPECT_GE(order.schedules, 20u);
  }
  EXPECT_GT(explanation.failed_nearby, explanation.nearby / 4);
  EXPECT_GT(explanation.decided_at, 0u);
}

TEST(ExplainTest, NamesWhatWasNeverDone) {
  const Explanation explanation = explain([] {
    Mutex left("left");
    Mutex right("right");
    Task other = go("other", [&] {
      const std::scoped_lock first(right);
      const std::scoped_lock second(left);
    });
    {
      const std::scoped_lock first(left);
      const std::scoped_lock second(right);
    }
    other.join();
  });

  EXPECT_TRUE(has_order(explanation, "lock(left) by main", "lock(left) by other"));
  EXPECT_TRUE(has_order(explanation, "lock(right) by other", "lock(right) by main"));
  EXPECT_THAT(explanation.orders, SizeIs(2));
  for (const DecisiveOrder& order : explanation.orders) EXPECT_EQ(order.second.step, 0u);
}

TEST(ExplainTest, NamesACloseThatCameTooEarly) {
  const Explanation explanation = explain([] {
    Channel<int> jobs("jobs", 1);
    Task closer = go("closer", [=] { jobs.close(); });
    Task worker = go("worker", [=] { jobs.send(1); });
    closer.join();
    worker.join();
  });

  EXPECT_TRUE(has_order(explanation, "close(jobs) by closer", "send(jobs) by worker"))
      << reasons_to_text(explanation);
  EXPECT_THAT(explanation.orders, SizeIs(1));
}

TEST(ExplainTest, NamesNothingWhereEachScheduleFails) {
  const Explanation explanation = explain([] {
    Atomic<int> value(0, "value");
    Task other = go("other", [&] { value.store(1); });
    value.store(2);
    other.join();
    throw std::logic_error("always");
  });

  EXPECT_THAT(explanation.orders, IsEmpty());
  EXPECT_EQ(explanation.decided_at, 0u);
  EXPECT_EQ(explanation.continuations, 200u);
  EXPECT_THAT(reasons_to_text(explanation), HasSubstr("failed in all of 200 schedules"));
}

TEST(ExplainTest, NamesTheChoicesThatDecide) {
  const Explanation explanation = explain([] {
    const auto first = choose(4);
    static_cast<void>(choose(3));
    if (first == 2 && choose(2) == 1) throw std::logic_error("two, and one");
  });

  EXPECT_THAT(explanation.orders, IsEmpty());
  EXPECT_EQ(explanation.continuations, 0u);
  ASSERT_THAT(explanation.choices, SizeIs(2));
  EXPECT_EQ(explanation.choices[0].deed.text, "choose(4)");
  EXPECT_EQ(explanation.choices[0].outcome, "gives 2");
  EXPECT_GT(explanation.choices[0].deed.site.line, 0u);
  EXPECT_EQ(explanation.choices[1].deed.text, "choose(2)");
  EXPECT_EQ(explanation.choices[1].outcome, "gives 1");
  EXPECT_EQ(explanation.choices[1].failed, 0u);
  EXPECT_THAT(reasons_to_text(explanation),
              AllOf(HasSubstr("why        fails only if  choose(4) by main (explain_test.cpp:"),
                    HasSubstr(") gives 2\n"), HasSubstr("and only if    choose(2) by main"),
                    HasSubstr("otherwise 0 of 200 schedules failed")));
}

/// A worker that stops as soon as it may, though there is work: the body waits for its result.
void wait_for_a_result(bool prefers_work) {
  Channel<int> work("work", 1);
  Channel<int> stop("stop", 1);
  Channel<int> results("results");
  Task worker = go("worker", [=] {
    bool is_over = false;
    const auto take = [&](std::optional<int> job) { results.send(*job); };
    while (!is_over)
      select(on_recv(work, take), on_recv(stop, [&] {
               is_over = true;
               if (!prefers_work) return;
               if (const RecvResult<int> left = work.try_recv()) take(left.value());
             }));
  });
  work.send(1);
  stop.send(1);
  results.recv();
  worker.join();
}

TEST(ExplainTest, NamesTheCaseThatASelectTakes) {
  const Explanation explanation = explain([] { wait_for_a_result(false); });

  ASSERT_THAT(explanation.choices, SizeIs(1));
  EXPECT_EQ(explanation.choices[0].deed.text, "select(stop)");
  EXPECT_EQ(explanation.tasks.at(explanation.choices[0].deed.task), "worker");
  EXPECT_EQ(explanation.choices[0].outcome, "takes case 2, where case 1 was ready too");
  EXPECT_TRUE(has_order(explanation, "send(stop) by main", "select(stop) by worker"))
      << reasons_to_text(explanation);
}

// Were choices handed out in the order in which tasks come, another order would be other choices,
// and would be blamed for them.
TEST(ExplainTest, BlamesNoOrderForWhatAChoiceDoes) {
  const Explanation explanation = explain([] {
    Atomic<int> count(0, "count");
    bool has_drawn_seven = false;
    const auto draw = [&](const char* name) {
      return go(name, [&, is_first = std::string(name) == "a"] {
        count.fetch_add(1);
        if (choose(20) == 7 && is_first) has_drawn_seven = true;
      });
    };
    Task a = draw("a");
    Task b = draw("b");
    a.join();
    b.join();
    if (has_drawn_seven) throw std::logic_error("seven");
  });

  EXPECT_THAT(explanation.orders, IsEmpty()) << reasons_to_text(explanation);
  ASSERT_THAT(explanation.choices, SizeIs(1));
  EXPECT_EQ(explanation.tasks.at(explanation.choices[0].deed.task), "a");
}

TEST(ExplainTest, NamesNoChoiceThatDoesNotMatter) {
  EXPECT_FALSE(explore([] { wait_for_a_result(true); }).first_failure);

  const Explanation explanation = explain([] {
    lose_an_update();
    static_cast<void>(choose(3));
  });

  EXPECT_THAT(explanation.choices, IsEmpty());
  EXPECT_THAT(explanation.orders, SizeIs(2));
}

TEST(ExplainTest, KeepsToItsLimits) {
  const ExploreResult none = explore(lose_an_update, {.explain = {.schedules = 0}});
  ASSERT_TRUE(none.first_failure);
  EXPECT_FALSE(none.first_failure->explanation);

  int executions = 0;
  const auto body = [&] {
    ++executions;
    lose_an_update();
  };
  const ExploreResult shrunk = explore(body, {.explain = {.schedules = 0}});
  const int without = executions;
  executions = 0;
  const ExploreResult cut = explore(body, {.explain = {.executions = 10}});
  EXPECT_LE(executions, without + 10);
  ASSERT_TRUE(cut.first_failure && cut.first_failure->explanation);
  EXPECT_EQ(cut.first_failure->explanation->continuations, 0u);
}

TEST(ExplainTest, TellsTheStepsInColumns) {
  const std::string text = steps_to_text(explain(lose_an_update));

  EXPECT_THAT(text, AllOf(HasSubstr("  step  main "), HasSubstr(" other "),
                          HasSubstr("(explain_test.cpp)"), HasSubstr("load(value) :"),
                          HasSubstr("---- preempted: main could have gone on ----")));
}

TEST(ExplainTest, LeavesOutWhatMattersLeast) {
  const auto body = [] {
    Atomic<int> noise(0, "noise");
    Task busy = go("busy", [&] {
      for (int i = 0; i < 50; ++i) noise.fetch_add(1);
    });
    for (int i = 0; i < 50; ++i) noise.fetch_add(1);
    busy.join();
    lose_an_update();
  };
  const Explanation explanation = explain(body);
  const std::string text = steps_to_text(explanation);

  EXPECT_THAT(explanation.deeds, SizeIs(::testing::Gt(100u)));
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 45);
  EXPECT_THAT(text, AllOf(HasSubstr("store(value)"), HasSubstr("steps not shown")));
}

TEST(ExplainTest, TellsStepsOfManyTasksInALineEach) {
  Explanation explanation;
  for (int i = 0; i < 9; ++i) {
    explanation.tasks.push_back("worker-" + std::to_string(i));
    explanation.deeds.push_back({.step = static_cast<std::uint64_t>(i) + 1,
                                 .task = static_cast<std::uint32_t>(i),
                                 .text = "send(results)",
                                 .site = {.file = "pool.cpp", .function = {}, .line = 97},
                                 .preempted = {}});
  }
  EXPECT_THAT(steps_to_text(explanation),
              AllOf(HasSubstr("   9  worker-8"), HasSubstr("send(results) :97\n")));
  EXPECT_THAT(steps_to_text({}), IsEmpty());
  EXPECT_THAT(reasons_to_text({}), IsEmpty());
}

}  // namespace
}  // namespace chantrace
