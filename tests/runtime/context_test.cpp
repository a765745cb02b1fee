#include "chantrace/context.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "chantrace/task.h"
#include "support/run_on_threads.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

bool is_over(const Context& context) {
  return context.done().try_recv().status() == RecvStatus::kClosed;
}

TEST(ContextTest, BackgroundIsNeverOver) {
  const Context background = Context::background();

  background.cancel();

  EXPECT_TRUE(background.done().is_nil());
  EXPECT_EQ(background.error(), ContextError::kNone);
  EXPECT_EQ(background.deadline(), std::nullopt);
}

TEST(ContextTest, CancelClosesDone) {
  const Context context = with_cancel(Context::background());
  EXPECT_FALSE(is_over(context));
  EXPECT_EQ(context.error(), ContextError::kNone);
  const Task waiter = go("waiter", [=] { EXPECT_EQ(context.done().recv(), std::nullopt); });
  until_parked("waiter");

  context.cancel();
  waiter.join();

  EXPECT_TRUE(is_over(context));
  EXPECT_EQ(context.error(), ContextError::kCancelled);
  context.cancel();
}

TEST(ContextTest, CancelReachesAllBelowAndNoneAbove) {
  const Context root = with_cancel(Context::background());
  const Context child = with_cancel(root);
  const Context sibling = with_timeout(root, 1h);
  const Context grandchild = with_cancel(child);

  child.cancel();
  EXPECT_FALSE(is_over(root));
  EXPECT_FALSE(is_over(sibling));
  EXPECT_TRUE(is_over(child));
  EXPECT_TRUE(is_over(grandchild));

  root.cancel();
  EXPECT_TRUE(is_over(sibling));
  EXPECT_EQ(sibling.error(), ContextError::kCancelled);
}

TEST(ContextTest, ChildOfOneThatIsOverIsOver) {
  const Context parent = with_cancel(Context::background());
  parent.cancel();

  EXPECT_TRUE(is_over(with_cancel(parent)));
  EXPECT_TRUE(is_over(with_timeout(parent, 1h)));
}

TEST(ContextTest, IsOverWhenItsTimeHasPassed) {
  const Context context = with_timeout(Context::background(), 1ms);
  const Context child = with_cancel(context);

  EXPECT_EQ(child.done().recv(), std::nullopt);

  EXPECT_EQ(context.error(), ContextError::kDeadlineExceeded);
  EXPECT_EQ(child.error(), ContextError::kDeadlineExceeded);
  EXPECT_EQ(with_timeout(Context::background(), -1ms).done().recv(), std::nullopt);
}

TEST(ContextTest, EarlierDeadlineCounts) {
  const Context soon = with_timeout(Context::background(), 1h);
  const Context later = with_timeout(soon, 2h);
  const Context sooner = with_timeout(soon, 1min);

  EXPECT_EQ(later.deadline(), soon.deadline());
  EXPECT_LT(sooner.deadline(), soon.deadline());
  EXPECT_EQ(with_cancel(soon).deadline(), soon.deadline());
  EXPECT_NE(with_timeout(Context::background(), std::chrono::hours::max()).deadline(),
            std::nullopt);
}

TEST(ContextTest, DoneOutlivesItsContext) {
  const RecvChannel<Unit> done = with_cancel(Context::background()).done();

  EXPECT_EQ(done.try_recv().status(), RecvStatus::kEmpty);
}

TEST(ContextTest, ChildKeepsItsParentsDeadline) {
  Context child = Context::background();
  {
    const Context parent = with_timeout(Context::background(), 1ms);
    child = with_cancel(parent);
  }

  EXPECT_EQ(child.done().recv(), std::nullopt);
}

TEST(ContextTest, OneThatNobodyCancelsIsFound) {
  const ThreadsRun run = run_on_threads([] {
    const Context context = with_cancel(Context::background());
    go("worker", [=] { context.done().recv(); });
  });

  EXPECT_NE(run.find(FindingKind::kLeaked), nullptr) << run.to_string();
  EXPECT_NE(run.to_string().find("context.done"), std::string::npos) << run.to_string();
}

TEST(ContextTest, DeadlineThatIsWaitedForPreventsAVerdict) {
  const ThreadsRun run = run_on_threads([] {
    const Context parent = with_timeout(Context::background(), 2ms);
    go("worker", [child = with_cancel(parent)] { child.done().recv(); });
  });

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
}

TEST(ContextTest, DeadlineThatNobodyWaitsForDoesNot) {
  const ThreadsRun run = run_on_threads([] {
    const Context context = with_timeout(Context::background(), 1h);
    Channel<int>("never").recv();
  });

  EXPECT_TRUE(run.body_was_stuck);
}

TEST(ContextTest, CancelAndMakeChildrenAtOnce) {
  for (int round = 0; round < 50; ++round) {
    const Context root = with_cancel(Context::background());
    std::vector<Task> tasks;
    for (int i = 0; i < 3; ++i) {
      tasks.push_back(go("maker", [=] {
        for (int step = 0; step < 20; ++step) {
          with_cancel(root).done().recv();
          with_timeout(root, std::chrono::hours(1)).done().recv();
        }
      }));
    }
    root.cancel();
    for (const Task& task : tasks) task.join();
  }
}

}  // namespace
}  // namespace chantrace
