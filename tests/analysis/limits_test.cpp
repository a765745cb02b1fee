// Traces that are made to cost much. In quadratic time or memory these tests would run into their
// limits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "chantrace/trace.h"

namespace chantrace {
namespace {

/// One task, whose `count` events are made by `make`.
template <typename Make>
Trace trace_of(std::uint32_t count, ObjectKind kind, Make make) {
  Trace trace;
  TaskInfo& task = trace.tasks.emplace_back();
  task.id = TaskId{1};
  task.is_host = true;
  TaskStream stream{.task = task.id, .events = {}, .gaps = {}};
  std::uint32_t objects = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    stream.events.push_back(make(i));
    objects = std::max(objects, stream.events.back().object);
  }
  for (std::uint32_t id = 1; id <= objects; ++id) trace.objects.emplace_back().id = ObjectId{id};
  for (ObjectInfo& object : trace.objects) object.kind = kind;
  trace.streams.push_back(std::move(stream));
  trace.end = TraceEnd{};
  return trace;
}

TEST(AnalysisLimitsTest, ManyLocksHeldAtOnceTakeLinearTime) {
  const Trace trace = trace_of(300'000, ObjectKind::kMutex, [](std::uint32_t i) {
    return EventRecord{.object = i + 1,
                       .sequence = 1,
                       .operation = Operation::kLock,
                       .flags = make_flags(Phase::kBoth, Outcome::kOk)};
  });

  EXPECT_NO_THROW(analyze(trace));
}

TEST(AnalysisLimitsTest, ManyReadersOfOneLockTakeLinearTime) {
  const Trace trace = trace_of(1'000'000, ObjectKind::kSharedMutex, [](std::uint32_t i) {
    const bool is_lock = i < 500'000;
    return EventRecord{.object = 1,
                       .sequence = i + 1,
                       .operation = is_lock ? Operation::kLockShared : Operation::kUnlockShared,
                       .flags = make_flags(Phase::kBoth, Outcome::kOk)};
  });

  EXPECT_NO_THROW(analyze(trace));
}

TEST(AnalysisLimitsTest, ManyHolesTakeLinearTime) {
  const Trace trace = trace_of(1'000'000, ObjectKind::kChannel, [](std::uint32_t i) {
    return EventRecord{.object = 1,
                       .sequence = 2 * i + 1,
                       .operation = Operation::kSend,
                       .flags = make_flags(Phase::kBoth, Outcome::kOk)};
  });

  EXPECT_FALSE(analyze(trace).empty());
}

}  // namespace
}  // namespace chantrace
