#include "waits_of_trace.h"

#include <string>

namespace chantrace {
namespace {

bool has_been_completed(const EventRecord& done) {
  const Outcome outcome = outcome_of(done);
  return outcome != Outcome::kTimedOut && outcome != Outcome::kCancelled;
}

/// Records that may stand between the start and the done of an operation of the same task.
bool may_stand_within(const EventRecord& start, const EventRecord& event) {
  if (event.operation == Operation::kStack) return true;
  if (start.operation != Operation::kConditionWait) return false;
  // A condition wait gives back its mutex once it is in the queue.
  return event.operation == Operation::kUnlock || event.operation == Operation::kUnlockShared;
}

bool ends(const EventRecord& start, const EventRecord& event) {
  if (phase_of(event) != Phase::kDone || event.operation != start.operation) return false;
  return event.operation == Operation::kSelect || event.object == start.object;
}

}  // namespace

WaitsOfTrace::WaitsOfTrace(const Trace& trace) {
  std::size_t count = 0;
  for (const TaskStream& stream : trace.streams) {
    first_of_stream_.push_back(count);
    count += stream.events.size();
  }
  fates_.assign(count, WaitFate::kNone);
  for (std::uint32_t stream = 0; stream < trace.streams.size(); ++stream) look_at(trace, stream);
}

void WaitsOfTrace::look_at(const Trace& trace, std::uint32_t stream) {
  constexpr std::uint32_t kNothing = UINT32_MAX;
  const TaskStream& records = trace.streams[stream];
  const std::vector<EventRecord>& events = records.events;
  WaitFate* const fates = fates_.data() + first_of_stream_[stream];
  std::uint32_t open = kNothing;        // The start whose done is still to come.
  std::uint32_t first_case = kNothing;  // Of the select that is about to start, or has.
  bool has_violation = false;
  bool is_after_gap = false;
  std::size_t next_gap = 0;

  const auto settle = [&](WaitFate fate) {
    if (open != kNothing) fates[open] = fate;
    if (first_case != kNothing) {
      const std::uint32_t last =
          open != kNothing ? open : static_cast<std::uint32_t>(events.size());
      for (std::uint32_t i = first_case; i < last; ++i)
        if (events[i].operation == Operation::kSelectCase) fates[i] = fate;
    }
    open = kNothing;
    first_case = kNothing;
  };
  const auto settle_select = [&](const EventRecord& done) {
    for (std::uint32_t i = first_case; first_case != kNothing && i < open; ++i) {
      if (events[i].operation != Operation::kSelectCase) continue;
      const bool is_taken = has_been_completed(done) && events[i].detail == done.detail &&
                            events[i].object == done.object;
      fates[i] = is_taken ? WaitFate::kCompleted : WaitFate::kDropped;
    }
    open = kNothing;
    first_case = kNothing;
  };
  const auto complain = [&](std::uint32_t index, const char* what) {
    if (has_violation) return;
    has_violation = true;
    violations_.push_back({{stream, index},
                           ObjectId{is_on_task(events[index].operation) ? 0 : events[index].object},
                           event_text(trace, {stream, index}) + " " + what});
  };

  for (std::uint32_t i = 0; i < events.size(); ++i) {
    const EventRecord& event = events[i];
    while (next_gap < records.gaps.size() && records.gaps[next_gap].before <= i) {
      settle(WaitFate::kUnknown);
      is_after_gap = true;
      ++next_gap;
    }
    if (open != kNothing) {
      const EventRecord& start = events[open];
      if (may_stand_within(start, event)) continue;
      if (ends(start, event)) {
        if (start.operation == Operation::kSelect)
          settle_select(event);
        else
          settle(has_been_completed(event) ? WaitFate::kCompleted : WaitFate::kDropped);
        is_after_gap = false;
        continue;
      }
      complain(i, "comes while the task is parked in an operation that is not done");
      settle(WaitFate::kUnknown);
    }
    if (event.operation == Operation::kSelectCase) {
      if (first_case == kNothing) first_case = i;
      continue;
    }
    if (phase_of(event) == Phase::kStart) {
      if (event.operation != Operation::kSelect && first_case != kNothing) {
        complain(i, "comes between the cases of a select and its start");
        settle(WaitFate::kUnknown);
      }
      open = i;
      continue;
    }
    if (event.operation == Operation::kStack) continue;
    if (first_case != kNothing) {
      complain(i, "comes between the cases of a select and its start");
      settle(WaitFate::kUnknown);
    }
    if (phase_of(event) == Phase::kDone && !is_after_gap)
      complain(i, "is done, but was never started");
    is_after_gap = false;
  }
  const bool is_whole = !trace.is_incomplete() && next_gap == records.gaps.size();
  settle(is_whole ? WaitFate::kOpen : WaitFate::kUnknown);
}

}  // namespace chantrace
