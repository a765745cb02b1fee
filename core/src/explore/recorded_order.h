/// \file
/// Follows the order of operations in a trace that was recorded on threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../runtime/strategy.h"
#include "chantrace/finding.h"
#include "chantrace/trace.h"

namespace chantrace::detail {

/// A step that threads have made: an operation of a task, or time that passed.
struct RecordedStep {
  TaskId task{};  ///< As the trace numbers it. Of time: whose wait it ended; 0: a timer's.
  bool is_time = false;
  EventPlace place;  ///< The record.
};

/// The steps of a trace, one after another, in an order that fits all that was recorded.
///
/// A step is where an operation was begun, since what it waited for came afterwards; for a mutex
/// it is where it was taken, since under control a task does not begin that before it can. What was
/// done when the test was over and tasks were unwound is left out.
std::vector<RecordedStep> steps_of(const Trace& trace);

/// Where an execution could not go on as it was recorded.
struct OrderDivergence {
  std::uint64_t step = 0;  ///< From 1.
  TaskId task{};
  std::string recorded;  ///< In words.
  Site recorded_site;
  std::string present;
  Site present_site;
};

/// Lets tasks make their operations in the order in which threads made them. Which task is which
/// is known from who started it; objects are not compared, as all else follows from the order.
///
/// A select that takes no case leaves no mark at its channels, so the trace does not tell what it
/// came before. It is made as soon as the task gets there: what others do to the channels mostly
/// makes a case ready.
///
/// The execution must count starting a task and giving back a lock as steps. It goes on beyond
/// a divergence, and beyond the last step, with the task that ran last where it can.
class RecordedOrder final : public Strategy {
 public:
  /// `trace` must outlive this.
  explicit RecordedOrder(const Trace& trace);

  void begin(std::uint64_t) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override;
  std::uint32_t choose_case(std::uint32_t task, std::span<const std::uint16_t> cases) override;
  bool looks_ahead() const override { return false; }
  bool is_asked_always() const override { return true; }
  std::string_view name() const override { return "replay"; }

  /// Also where the execution has ended before the steps have. nullopt: all were made.
  std::optional<OrderDivergence> divergence() const;
  std::size_t steps_count() const { return steps_.size(); }

 private:
  struct Choice {
    std::vector<std::uint32_t> numbers;  ///< What `choose` got, one after another.
    std::size_t next = 0;
  };

  static constexpr std::size_t kNoStep = static_cast<std::size_t>(-1);

  const EventRecord& record_of(const RecordedStep& step) const;
  bool takes_no_case(std::size_t step) const;
  void make(std::size_t step);
  /// The place of a task whose next step takes no case, or `kNobody`.
  std::size_t place_of_early(std::span<const Runnable> runnable) const;
  void meet_tasks(std::span<const Runnable> runnable);
  std::size_t place_of(std::span<const Runnable> runnable, TaskId task) const;
  void skip_idle_timers(std::span<const Runnable> runnable);
  void skip_ends_of_children(std::span<const Runnable> runnable);
  std::size_t take(const Runnable& chosen, std::size_t place);
  std::size_t pick_time(std::span<const Runnable> runnable, const RecordedStep& step,
                        std::size_t fallback);
  /// `actual`: what the task is about to do instead; nullptr: it cannot go on.
  void diverge(const Runnable* actual);
  OrderDivergence words_for(const RecordedStep& step) const;

  const Trace& trace_;
  const std::vector<RecordedStep> steps_;
  /// Tasks of the trace in the order in which they were started; the first is the body.
  std::vector<TaskId> started_;
  std::map<TaskId, Choice> choices_;

  std::vector<std::size_t> following_;      ///< By step: the next one of its task.
  std::map<TaskId, std::size_t> first_of_;  ///< By task.

  std::size_t next_ = 0;  ///< The first that was not made.
  std::vector<bool> is_made_;
  std::map<TaskId, std::size_t> next_of_;  ///< By task: its first that was not made.
  std::vector<TaskId> recorded_;           ///< By number in this execution; 0: not known.
  std::size_t met_ = 0;                    ///< Of `started_`.
  std::uint32_t running_ = 1;
  std::uint16_t case_ = kNoCase;  ///< That the select of the last step took.
  std::optional<OrderDivergence> divergence_;
};

}  // namespace chantrace::detail
