/// \file
/// A schedule as a person would tell it: whose turn it is, and how long. Unlike the recorded
/// decisions of an execution it can be followed in part, and so be changed.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../runtime/strategy.h"
#include "chantrace/shrink.h"

namespace chantrace::detail {

/// A turn that lasts as long as the task can go on.
inline constexpr std::uint32_t kUntilItWaits = 0xffffffff;

/// The task goes on up to its operation number `until`, which it does not make, or until it waits.
/// Numbers of operations are the task's own (`Runnable::index`): they stay what they are where
/// other tasks come at other times, which positions in the whole execution do not.
struct Turn {
  std::uint32_t task = 0;  ///< `kClockTask`: one timer fires.
  std::uint32_t until = kUntilItWaits;

  friend bool operator==(const Turn&, const Turn&) = default;
};

/// Threads: a plain value.
struct Plan {
  std::vector<Turn> turns;
  /// What `choose` and selects get, as in `Schedule`; behind the last one it is 0.
  std::vector<std::uint32_t> choices;

  friend bool operator==(const Plan&, const Plan&) = default;
};

/// Who goes on where no plan says who should: the one that ran last, or else the one that was
/// started first. Time passes only where there is none.
std::size_t find_first(std::span<const Runnable> runnable, std::size_t current);

/// The plan of an execution, as it comes about.
///
/// Threads: one at a time.
class PlanRecord {
 public:
  void begin();
  /// As `Strategy::pick` was asked, and what it said.
  void note(std::span<const Runnable> runnable, std::size_t current, std::size_t chosen);
  void note_choice(std::uint32_t choice);

  const Plan& plan() const { return plan_; }
  /// `steps`: of the execution.
  ScheduleCost cost(std::uint64_t steps) const;

 private:
  std::uint32_t next_operation(const Runnable& runnable) const;

  Plan plan_;
  std::uint64_t preemptions_ = 0;
  std::vector<std::uint32_t> made_;  ///< The last operation that each task was seen to make.
};

/// Follows a plan as far as that goes: a turn whose task cannot go on is passed over, and behind
/// the last one each task runs as long as it can, the one with the lowest number first.
class PlanFollower final : public Strategy {
 public:
  /// For the executions to come. `plan` must outlive them.
  void follow(const Plan& plan) { plan_ = &plan; }
  /// What the last execution came to.
  const PlanRecord& record() const { return record_; }

  void begin(std::uint64_t) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override;
  std::string_view name() const override { return "plan"; }

 private:
  std::size_t find_planned(std::span<const Runnable> runnable, std::size_t current);

  const Plan* plan_ = nullptr;
  std::size_t turn_ = 0;
  bool has_begun_ = false;  ///< The present turn.
  std::size_t choice_ = 0;
  PlanRecord record_;
};

/// Lets another strategy decide, and keeps the plan of what it decided.
class PlanRecorder final : public Strategy {
 public:
  /// `decides` must outlive this.
  explicit PlanRecorder(Strategy& decides) : decides_(decides) {}
  const PlanRecord& record() const { return record_; }

  void begin(std::uint64_t seed) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override;
  std::uint32_t choose_case(std::uint32_t task, std::span<const std::uint16_t> cases) override;
  void note_start(std::uint32_t parent, std::uint32_t child) override {
    decides_.note_start(parent, child);
  }
  bool end(bool is_whole) override { return decides_.end(is_whole); }
  std::string_view name() const override { return decides_.name(); }
  void forget_places() override { decides_.forget_places(); }
  bool looks_ahead() const override { return decides_.looks_ahead(); }
  bool is_asked_always() const override { return decides_.is_asked_always(); }

 private:
  Strategy& decides_;
  PlanRecord record_;
};

}  // namespace chantrace::detail
