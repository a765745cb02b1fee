// What a recorded run leaves in its trace.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/trace.h"
#include "support/run_on_threads.h"
#include "support/temporary_folder.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

/// Runs `body`, recorded, and reads its trace.
Trace record(const std::function<void()>& body, detail::RecordingOptions options = {}) {
  const TemporaryFolder folder;
  options.path = folder.path() / "test.chantrace";
  run_on_threads(body, std::chrono::seconds(10), options);
  auto trace = read_trace(options.path);
  if (!trace.has_value()) throw std::runtime_error(trace.error().to_string());
  EXPECT_TRUE(trace.value().warnings.empty());
  EXPECT_TRUE(order_events(trace.value()).contradictions.empty());
  return std::move(trace).value();
}

std::vector<EventRecord> all_of(const Trace& trace, Operation operation) {
  std::vector<EventRecord> events;
  for (const TaskStream& stream : trace.streams)
    for (const EventRecord& event : stream.events)
      if (event.operation == operation) events.push_back(event);
  return events;
}

std::vector<std::string> values_of(const Trace& trace, Operation operation) {
  std::vector<std::string> values;
  for (const EventRecord& event : all_of(trace, operation))
    values.push_back(format_value(trace, event));
  return values;
}

template <typename T>
std::string value_in_trace(T value) {
  const Trace trace = record([&] {
    const Channel<T> channel("values", 1);
    channel.send(std::move(value));
  });
  return values_of(trace, Operation::kSend).at(0);
}

TEST(RecordingTest, HeaderSaysWhatWasRun) {
  detail::RecordingOptions options;
  options.test = "Suite.Name";
  const Trace trace = record([] { yield(); }, options);

  EXPECT_EQ(trace.header.test, "Suite.Name");
  EXPECT_NE(trace.header.program.find("runtime_test"), std::string::npos);
  EXPECT_TRUE(trace.header.has_values);
  EXPECT_FALSE(trace.header.is_controlled);
  ASSERT_TRUE(trace.end.has_value());
  EXPECT_TRUE(trace.end->passed);
  EXPECT_TRUE(trace.end->body_ended);
}

TEST(RecordingTest, NamesTasksObjectsAndPlaces) {
  const Trace trace = record([] {
    const Channel<std::string> channel("greetings", 3);
    go("sender", [=] { channel.send("hello"); }).join();
  });

  ASSERT_EQ(trace.tasks.size(), 2u);
  EXPECT_TRUE(trace.tasks[0].is_body);
  EXPECT_EQ(trace.tasks[1].label, "sender");
  EXPECT_EQ(trace.tasks[1].parent, trace.tasks[0].id);
  ASSERT_EQ(trace.objects.size(), 1u);
  EXPECT_EQ(trace.objects[0].kind, ObjectKind::kChannel);
  EXPECT_EQ(trace.objects[0].name, "greetings");
  EXPECT_EQ(trace.objects[0].capacity, 3u);
  EXPECT_NE(trace.objects[0].type.find("string"), std::string::npos);
  const EventRecord send = all_of(trace, Operation::kSend).at(0);
  const Site& site = trace.site(SiteId{send.site});
  EXPECT_NE(site.file.find("recording_test.cpp"), std::string::npos);
  EXPECT_GT(site.line, 0u);
  EXPECT_EQ(format_value(trace, send), "hello");
}

TEST(RecordingTest, OperationThatParksHasAStartAndADone) {
  const Trace trace = record([] {
    const Channel<int> channel("channel");
    const Task receiver = go("receiver", [=] { channel.recv(); });
    until_parked("receiver");
    channel.send(6);
    receiver.join();
  });

  const auto receives = all_of(trace, Operation::kReceive);
  ASSERT_EQ(receives.size(), 2u);
  EXPECT_EQ(phase_of(receives[0]), Phase::kStart);
  EXPECT_EQ(phase_of(receives[1]), Phase::kDone);
  EXPECT_EQ(format_value(trace, receives[1]), "6");
  const auto sends = all_of(trace, Operation::kSend);
  ASSERT_EQ(sends.size(), 1u);
  EXPECT_EQ(phase_of(sends[0]), Phase::kBoth);
  EXPECT_LT(sends[0].sequence, receives[1].sequence) << "what was sent was then received";
}

enum class Color : std::uint8_t { kRed = 1, kGreen = 2 };

TEST(RecordingTest, ValuesAreShownAsTheirTypeWants) {
  EXPECT_EQ(value_in_trace<int>(-5), "-5");
  EXPECT_EQ(value_in_trace<std::int8_t>(-1), "-1");
  EXPECT_EQ(value_in_trace<std::uint64_t>(~std::uint64_t{0}), "18446744073709551615");
  EXPECT_EQ(value_in_trace<bool>(true), "true");
  EXPECT_EQ(value_in_trace<double>(2.5), "2.5");
  EXPECT_EQ(value_in_trace<float>(-0.25f), "-0.25");
  EXPECT_EQ(value_in_trace<std::string>("text"), "text");
  EXPECT_EQ(value_in_trace<std::string>(""), "");
  EXPECT_EQ(value_in_trace<const char*>("literal"), "literal");
  EXPECT_EQ(value_in_trace<const char*>(nullptr), "nullptr");
  EXPECT_EQ(value_in_trace<Color>(Color::kGreen), "2");
}

struct Point {
  int x;
  int y;
  friend std::ostream& operator<<(std::ostream& out, const Point& point) {
    return out << "(" << point.x << ", " << point.y << ")";
  }
};

struct Unprintable {
  friend std::ostream& operator<<(std::ostream&, const Unprintable&) {
    throw std::runtime_error("no");
  }
};

struct Opaque {
  std::string content;
};

TEST(RecordingTest, ValuesOfOwnTypesUseTheirOperator) {
  EXPECT_EQ(value_in_trace<Point>({1, 2}), "(1, 2)");
  EXPECT_NE(value_in_trace<Unprintable>({}).find("threw"), std::string::npos);
  value_in_trace<Opaque>({"nobody can see this"});
  value_in_trace<std::unique_ptr<int>>(std::make_unique<int>(1));
}

TEST(RecordingTest, LongTextsAreCut) {
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "ä";

  const std::string cut = value_in_trace<std::string>(umlauts);

  EXPECT_EQ(cut.substr(cut.size() - 3), "...");
  EXPECT_EQ(cut.size(), 61u * 2 + 3);
  EXPECT_EQ(value_in_trace<std::string>(std::string(64, 'x')), std::string(64, 'x'));
}

TEST(RecordingTest, ValuesCanBeLeftOut) {
  detail::RecordingOptions options;
  options.has_values = false;
  const Trace trace = record(
      [] {
        const Channel<int> channel("secret", 1);
        channel.send(42);
        channel.recv();
        select(on_send(channel, 43));
      },
      options);

  EXPECT_FALSE(trace.header.has_values);
  for (const Operation operation : {Operation::kSend, Operation::kReceive, Operation::kSelect})
    EXPECT_EQ(values_of(trace, operation).at(0), "");
}

TEST(RecordingTest, SelectShowsItsCasesAndTheOneTaken) {
  const Trace trace = record([] {
    const Channel<int> first("first");
    const Channel<int> second("second");
    const Task chooser = go("chooser", [=] { select(on_recv(first), on_send(second, 8)); });
    until_parked("chooser");
    second.recv();
    chooser.join();
  });

  const auto cases = all_of(trace, Operation::kSelectCase);
  ASSERT_EQ(cases.size(), 2u);
  EXPECT_FALSE(is_send_case(cases[0]));
  EXPECT_TRUE(is_send_case(cases[1]));
  const auto selects = all_of(trace, Operation::kSelect);
  ASSERT_EQ(selects.size(), 2u);
  EXPECT_EQ(case_index(selects[1]), 1u);
  EXPECT_TRUE(is_send_case(selects[1]));
  EXPECT_EQ(format_value(trace, selects[1]), "8");
  EXPECT_EQ(values_of(trace, Operation::kReceive).at(0), "8");
}

TEST(RecordingTest, SelectShowsWhatItSentHoweverManyCasesItHas) {
  const Trace trace = record([] {
    const Channel<int> never;
    const Channel<int> jobs("jobs", 1);
    const auto no = [&] { return on_recv(never); };
    select(no(), no(), no(), no(), no(), no(), no(), no(), no(), on_send(jobs, 8));
  });

  const auto selects = all_of(trace, Operation::kSelect);
  ASSERT_EQ(selects.size(), 1u);
  EXPECT_EQ(case_index(selects[0]), 9u);
  EXPECT_EQ(format_value(trace, selects[0]), "8");
}

TEST(RecordingTest, ObjectsFromBeforeBringTheirState) {
  const Channel<int> channel("older", 4);
  channel.send(1);
  channel.send(2);
  Semaphore semaphore("older", 3);
  Mutex mutex("older");
  mutex.lock();
  const Trace trace = record([&] {
    channel.recv();
    semaphore.acquire();
    mutex.unlock();
  });

  ASSERT_EQ(trace.objects.size(), 3u);
  EXPECT_EQ(trace.objects[0].initial_size, 2u);
  EXPECT_EQ(trace.objects[1].initial_count, 3);
  EXPECT_EQ(trace.objects[2].initial_holders.size(), 1u);
  EXPECT_TRUE(analyze(trace).empty() || analyze(trace)[0].certainty == Certainty::kNote);
}

TEST(RecordingTest, LeakIsFoundInTheTraceAsInTheRun) {
  const TemporaryFolder folder;
  detail::RecordingOptions options;
  options.path = folder.path() / "leak.chantrace";
  const ThreadsRun run = run_on_threads(
      [] {
        const Channel<int> channel("results");
        go("worker", [=] { channel.send(1); });
      },
      std::chrono::seconds(10), options);

  const auto trace = read_trace(options.path);
  ASSERT_TRUE(trace.has_value());
  const std::vector<Finding> findings = analyze(trace.value());

  ASSERT_EQ(run.faults().size(), 1u);
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].kind, run.faults()[0].kind);
  EXPECT_EQ(findings[0].summary, run.faults()[0].summary);
  EXPECT_EQ(trace.value().end->findings, run.findings);
}

TEST(RecordingTest, EveryEventOfALargeRunIsKeptAndPlaced) {
  constexpr int kRounds = 31'250;
  const Trace trace = record([] {
    const Channel<int> channel("work", 64);
    Mutex mutex("totals");
    std::int64_t total = 0;
    std::vector<Task> tasks;
    for (int i = 0; i < 2; ++i) {
      tasks.push_back(go("producer", [&, i] {
        for (int round = 0; round < kRounds; ++round) {
          channel.send(i);
          mutex.lock();
          ++total;
          mutex.unlock();
          choose(2);
        }
      }));
      tasks.push_back(go("consumer", [&] {
        for (int round = 0; round < kRounds; ++round) {
          channel.recv();
          const std::scoped_lock lock(mutex);
          --total;
        }
        for (int round = 0; round < kRounds; ++round) choose(2);
      }));
    }
    for (const Task& task : tasks) task.join();
    EXPECT_EQ(total, 0);
  });

  EXPECT_GE(trace.events_count(), 500'000u);
  EXPECT_EQ(trace.lost_count(), 0u);
  const TraceOrder order = order_events(trace);
  EXPECT_EQ(order.places.size(), trace.events_count());
  EXPECT_TRUE(order.contradictions.empty());
  for (const Finding& finding : analyze(trace)) {
    EXPECT_NE(finding.kind, FindingKind::kInconsistent) << to_text(finding);
    EXPECT_NE(finding.kind, FindingKind::kUncertain) << to_text(finding);
  }
  RecordProperty("events", std::to_string(trace.events_count()));
}

/// What the runtime and the trace of one run say, as a person reads it.
void expect_the_same_findings(const std::function<void()>& body) {
  const TemporaryFolder folder;
  detail::RecordingOptions recording;
  recording.path = folder.path() / "test.chantrace";
  const ThreadsRun run = run_on_threads(body, std::chrono::milliseconds(5), recording);
  const auto trace = read_trace(recording.path);
  ASSERT_TRUE(trace.has_value()) << trace.error().to_string();
  std::string shown;
  for (const Finding& finding : analyze(end_state(trace.value(), order_events(trace.value()))))
    if (finding.certainty != Certainty::kNote)
      shown += std::string(to_string(finding.certainty)) + " " + to_text(finding);
  std::string seen;
  for (const Finding& finding : run.faults())
    seen += std::string(to_string(finding.certainty)) + " " + to_text(finding);
  EXPECT_EQ(shown, seen);
  EXPECT_FALSE(seen.empty());
  for (const Finding& finding : analyze(trace.value()))
    EXPECT_NE(finding.kind, FindingKind::kInconsistent) << to_text(finding);
}

TEST(SameFindingsTest, OfATaskThatWaitsForATimer) {
  expect_the_same_findings([] {
    go("patient", [] { after(std::chrono::hours(1)).recv(); });
    until_parked("patient");
  });
}

TEST(SameFindingsTest, OfATimerThatWasStopped) {
  const auto timer = std::make_shared<Timer>(std::chrono::hours(1));
  expect_the_same_findings([&] {
    timer->stop();
    go("patient", [timer] { timer->channel().recv(); });
    until_parked("patient");
  });
}

TEST(SameFindingsTest, OfATimerFromBefore) {
  const auto timer = std::make_shared<Timer>(std::chrono::hours(1));
  expect_the_same_findings([&] {
    go("patient", [timer] { timer->channel().recv(); });
    until_parked("patient");
  });
}

TEST(SameFindingsTest, OfATaskThatWaitsForADeadline) {
  expect_the_same_findings([] {
    const Context context = with_timeout(Context::background(), std::chrono::hours(1));
    go("patient", [context] { with_cancel(context).done().recv(); });
    until_parked("patient");
  });
}

TEST(SameFindingsTest, OfATaskThatWaitsForACancellation) {
  expect_the_same_findings([] {
    const Context context = with_cancel(Context::background());
    go("patient", [context] { context.done().recv(); });
    until_parked("patient");
  });
}

TEST(SameFindingsTest, OfAFunctionThatCallsItsOnce) {
  expect_the_same_findings([] {
    Once once("once");
    once.call([&] { once.call([] {}); });
  });
}

TEST(SameFindingsTest, OfATaskThatWaitsForAnothersOnce) {
  expect_the_same_findings([] {
    const auto once = std::make_shared<Once>("once");
    const Channel<int> never("never");
    go("first", [=] { once->call([&] { never.recv(); }); });
    until_parked("first");
    go("second", [=] { once->call([] {}); });
    until_parked("second");
  });
}

TEST(SameFindingsTest, OfAnException) {
  expect_the_same_findings(
      [] { go("thrower", [] { throw std::runtime_error("out of cheese"); }).join(); });
}

TEST(RecordingTest, LocksThatAreOnlyTriedHaveNoOrder) {
  const Trace trace = record([] {
    Mutex first("first");
    Mutex second("second");
    SharedMutex third("third");
    go("one", [&] { const std::scoped_lock all(first, second, third); }).join();
    go("two", [&] { const std::scoped_lock all(third, second, first); }).join();
    const std::scoped_lock one_by_one(first);
    const std::unique_lock<Mutex> other(second, std::chrono::seconds(1));
  });

  for (const Finding& finding : analyze(trace))
    EXPECT_NE(finding.kind, FindingKind::kLockOrder) << to_text(finding);
}

TEST(RecordingTest, ANullPointerIsAValue) {
  EXPECT_EQ(value_in_trace(nullptr), value_in_trace(static_cast<void*>(nullptr)));
}

}  // namespace
}  // namespace chantrace
