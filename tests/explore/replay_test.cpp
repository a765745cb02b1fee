#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/detail/execution.h"
#include "chantrace/detail/explore_body.h"
#include "chantrace/explore.h"
#include "chantrace/trace.h"
#include "support/leaks_allowed.h"
#include "support/record_controlled.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

/// All kinds of operations, between four tasks. Says which way it went.
void mixed_program(std::string& log) {
  log.clear();
  Channel<int> jobs("jobs", 2);
  Channel<int> results("results");
  Mutex mutex("log");
  ConditionVariable changed("changed");
  SharedMutex state("state");
  Semaphore slots(2);
  Once once;
  Atomic<int> counter(0);
  WaitGroup workers;
  bool is_started = false;
  const auto note = [&](char what) {
    mutex.lock();
    log += what;
    mutex.unlock();
  };
  workers.add(2);
  for (int i = 0; i < 2; ++i)
    go([&, i] {
      once.call([&] { counter.fetch_add(10); });
      for (int job : jobs) {
        slots.acquire();
        state.lock_shared();
        counter.fetch_add(job);
        state.unlock_shared();
        slots.release();
        results.send(job * 2);
        note(static_cast<char>('a' + i));
      }
      workers.done();
    });
  go([&] {
    mutex.lock();
    is_started = true;
    mutex.unlock();
    changed.notify_all();
    state.lock();
    counter.store(counter.load() + 100);
    state.unlock();
    workers.wait();
    results.close();
  });
  go([&] {
    for (int i = 1; i <= 4; ++i) jobs.send(i);
    jobs.close();
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return is_started; });
  }
  int sum = 0;
  bool is_open = true;
  while (is_open)
    select(on_recv(results,
                   [&](std::optional<int> value) {
                     is_open = value.has_value();
                     sum += value.value_or(0);
                   }),
           on_timeout(1ms, [&] { note('t'); }));
  if (sum != 20) throw std::logic_error("a result was lost");
  sleep_for(1ms);
  log += std::to_string(counter.load()) + (choose(2) == 0 ? "x" : "y");
}

RC_GTEST_PROP(ReplayProperty, RunsTheSameAgain, ()) {
  const auto strategy =
      *rc::gen::element(random_walk(), partial_order_sampling(), priorities(3), depth_first(2));
  RunOptions options;
  options.steps_max = 3'000;
  options.rules = {*rc::gen::element(TimeMode::kChoice, TimeMode::kQuiescence),
                   *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>()};
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const auto schedules = *rc::gen::inRange<std::uint64_t>(1, 40);
  std::string log;
  const ExploreResult explored =
      explore([&] { mixed_program(log); }, {.schedules = schedules,
                                            .strategy = strategy,
                                            .seed = seed,
                                            .run = options,
                                            .skips_private_objects = *rc::gen::arbitrary<bool>()});
  RC_ASSERT(!explored.first_failure);
  const std::string first_log = log;

  const RunResult again = run([&] { mixed_program(log); }, explored.last_schedule, options);

  RC_ASSERT(!again.divergence);
  if (explored.cut == 0) RC_ASSERT(log == first_log);
  RC_ASSERT(again.schedule.to_string() == explored.last_schedule.to_string());
}

TEST(ReplayTest, FailureFailsAgainTheSameWay) {
  const auto body = [] {
    Channel<int> results("results");
    Task workers[2];
    for (Task& worker : workers) worker = go([=] { results.send(1); });
    select(on_recv(results), on_timeout(1ms));
    results.recv();
  };
  const ExploreResult explored = explore(body, {.strategy = random_walk()});
  ASSERT_TRUE(explored.first_failure);

  for (int i = 0; i < 20; ++i) {
    const RunResult again = run(body, explored.first_failure->schedule);

    EXPECT_FALSE(again.divergence);
    EXPECT_EQ(again.findings, explored.findings());
    EXPECT_EQ(again.schedule, explored.first_failure->schedule);
  }
}

TEST(ReplayTest, TokenIsEnough) {
  const auto body = [] {
    Atomic<int> value(0);
    Task other = go([&] { value.store(1); });
    const int seen = value.load();
    other.join();
    if (seen == 1) throw std::logic_error("saw it");
  };
  const ExploreResult explored = explore(body);
  ASSERT_TRUE(explored.first_failure);

  const auto schedule = Schedule::parse(explored.first_failure->schedule.to_string());

  ASSERT_TRUE(schedule.has_value());
  EXPECT_EQ(run(body, schedule.value()).findings, explored.findings());
}

TEST(ReplayTest, HowOftenTheBodyLookedInVainBeforeDoesNotMatter) {
  // The body looks as often as is just not taken for polling.
  const auto body = [] {
    Atomic<int> value(0);
    Task other = go([&] { value.store(1); });
    for (int i = 0; i < 40; ++i) value.load();
    other.join();
  };
  const Schedule schedule = explore(body, {.schedules = 1}).last_schedule;

  for (int i = 0; i < 10; ++i) EXPECT_EQ(run(body, schedule).schedule, schedule);
}

TEST(ReplayTest, FollowsTasksThatOnlyRunToTheirEndBeforeTimePasses) {
  const auto body = [] {
    const Channel<int> results("results");
    go([=] {
      sleep_for(50ms);
      results.send(static_cast<int>(choose(2)));
    });
    select(on_recv(results), on_timeout(1ms));
  };
  RunOptions options;
  options.rules.time_mode = TimeMode::kQuiescence;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const ExploreResult explored =
        explore(body, {.strategy = random_walk(), .seed = seed, .run = options});
    ASSERT_TRUE(explored.first_failure);

    const RunResult again = run(body, explored.first_failure->schedule, options);

    EXPECT_FALSE(again.divergence);
    EXPECT_EQ(again.schedule, explored.first_failure->schedule);
  }
}

TEST(ReplayTest, FindingsDoNotDependOnExecutionsBefore) {
  const auto body = [] {
    Atomic<int> value(0);
    Task other = go([&] { value.store(1); });
    if (value.load() == 1) throw std::logic_error("saw it");
    other.join();
  };
  const ExploreResult explored = explore(body, {.strategy = random_walk(), .seed = 1});
  ASSERT_TRUE(explored.first_failure);
  explore([] { go([] {}).join(); }, {.schedules = 1});

  EXPECT_EQ(run(body, explored.first_failure->schedule).findings, explored.findings());
}

/// One execution under a schedule, recorded as the GoogleTest listener does.
Schedule run_recorded(const std::function<void()>& body, const Schedule& schedule) {
  detail::Follower follower(schedule);
  detail::ExecutionOptions options;
  options.strategy = &follower.strategy();
  options.control.rules = schedule.rules;
  detail::Execution execution(std::move(options));
  body();
  const Schedule followed = *execution.settle({}).schedule;
  execution.finish(false, true, {});
  return followed;
}

TEST(ReplayTest, RecordingDoesNotChangeTheFingerprint) {
  // Objects of all kinds are made before anyone uses them, and not in the order of their use.
  const auto body = [] {
    const Channel<int> first("first");
    const Channel<int> second("second", 1);
    Timer timer(1ms);
    const Context context = with_cancel(Context::background());
    Mutex mutex("mutex");
    Atomic<int> value(0);
    Task other = go([=, &mutex, &value] {
      second.send(1);
      {
        const std::scoped_lock lock(mutex);
        value.fetch_add(1);
      }
      first.send(value.load());
      context.cancel();
    });
    timer.channel().recv();
    second.recv();
    {
      const std::scoped_lock lock(mutex);
      value.fetch_add(1);
    }
    first.recv();
    context.done().recv();
    other.join();
  };
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const ExploreResult explored =
        explore(body, {.schedules = 3, .strategy = random_walk(), .seed = seed});
    ASSERT_FALSE(explored.first_failure) << to_text(explored.findings().front());

    EXPECT_EQ(run_recorded(body, explored.last_schedule), explored.last_schedule);
  }
}

TEST(ReplayTest, SaysWhereItCouldNotFollow) {
  Schedule schedule;
  schedule.segments = {{1, 1}, {7, 1}};

  const RunResult result = run(
      [] {
        Atomic<int> value(0);
        value.store(1);
        value.store(2);
        value.store(3);
      },
      schedule);

  ASSERT_TRUE(result.divergence);
  EXPECT_NE(result.divergence->summary.find("operation 2 only"), std::string::npos);
  EXPECT_TRUE(result.findings.empty());
  EXPECT_EQ(result.steps, 3u);
}

TEST(ReplayTest, PassesOverWhatCannotBeFollowed) {
  int lost = 0;
  const auto body = [&] {
    Atomic<int> sum(0);
    const auto add = [&] {
      const int before = sum.load();
      sum.store(before + 1);
    };
    Task other = go("other", add);
    add();
    other.join();
    lost = 2 - sum.load();
    if (lost > 0) throw std::runtime_error("an update was lost");
  };
  const auto failure = explore(body, {.shrink = {.executions = 0}}).first_failure;
  ASSERT_TRUE(failure);
  const Schedule& schedule = failure->schedule;

  // There is no task 7, and one that is to run on for longer than it can runs as long as it can.
  for (std::size_t i = 0; i <= schedule.segments.size(); ++i) {
    Schedule changed = schedule;
    changed.segments.insert(changed.segments.begin() + static_cast<std::ptrdiff_t>(i), {7, 3});
    changed.segments.back().operations = 1'000;
    lost = 0;

    EXPECT_TRUE(run(body, changed).divergence);

    EXPECT_EQ(lost, 1) << changed.to_string();
  }
}

// They have the same time, which counts steps.
TEST(ReplayTest, WhatIsDoneInTheLastStepComesBeforeTheBodyIsUnwound) {
  [[maybe_unused]] const LeaksAllowed leaks;
  const auto body = [] {
    Channel<int> numbers("numbers", 1);
    Channel<int> answers("answers");
    numbers.send(2);
    go("other", [=] {
      if (*numbers.recv() == 1) answers.send(1);
    });
    answers.recv();
  };
  const ExploreResult explored = explore(body);
  ASSERT_TRUE(explored.first_failure);

  const Trace trace = record_controlled(body, explored.first_failure->schedule);

  std::vector<std::string> records;
  for (const EventPlace& place : order_events(trace).places) {
    const EventRecord& event = trace.streams[place.stream].events[place.index];
    records.push_back(std::string(to_string(event.operation)) +
                      (outcome_of(event) == Outcome::kCancelled ? ", cancelled" : ""));
  }
  const auto find = [&](const std::string& record) {
    return std::find(records.begin(), records.end(), record) - records.begin();
  };
  EXPECT_LT(find(std::string(to_string(Operation::kTaskEnd))), find("recv, cancelled"))
      << ::testing::PrintToString(records);
  EXPECT_LT(find("recv, cancelled"), std::ssize(records));
}

TEST(ReplayTest, SaysThatAScheduleWasNotFollowedToItsEnd) {
  const auto body = [] {
    Atomic<int> value(0);
    value.store(static_cast<int>(choose(3)));
  };
  const auto divergence_under = [&](std::string_view token) {
    return run(body, Schedule::parse(token).value()).divergence;
  };

  EXPECT_FALSE(divergence_under("c1:0:1:2"));
  EXPECT_TRUE(divergence_under("c1:0:1:5"));     // There is no such choice.
  EXPECT_TRUE(divergence_under("c1:0:1:2.1"));   // Nor a second one,
  EXPECT_TRUE(divergence_under("c1:0:1.2:2"));   // or a second task.
  EXPECT_TRUE(divergence_under("c1:1234:1:2"));  // It was another program.
}

TEST(ReplayTest, ProgramThatIsNotTheSameHasAnotherFingerprint) {
  int calls = 0;
  const auto body = [&] {
    Atomic<int> left(0);
    Atomic<int> right(0);
    if (calls++ % 2 == 0) left.store(1);
    right.store(1);
    left.store(2);
  };
  const ExploreResult explored = explore(body, {.schedules = 1, .runs_again = false});

  const RunResult again = run(body, explored.last_schedule);

  EXPECT_NE(again.schedule.fingerprint, explored.last_schedule.fingerprint);
}

}  // namespace
}  // namespace chantrace
