/// \file
/// Runs the decisions of a schedule again.
#pragma once

#include <optional>

#include "../runtime/strategy.h"
#include "chantrace/schedule.h"

namespace chantrace::detail {

/// Where an execution could not follow a schedule for the first time.
struct ScheduleDivergence {
  std::uint64_t step = 0;         ///< From 1.
  std::uint32_t task_wanted = 0;  ///< Could not go on, or does not exist; 0: the clock.
};

/// What cannot be followed of a schedule is passed over; beyond its end the task that ran last goes
/// on where it can. So a schedule that was made up, or is of a program that was changed since, does
/// what it can.
class ReplaySchedule final : public Strategy {
 public:
  /// `schedule` must outlive this.
  explicit ReplaySchedule(const Schedule& schedule) : schedule_(schedule) {}

  void begin(std::uint64_t) override;
  std::size_t pick(std::span<const Runnable> runnable, std::size_t current) override;
  std::uint32_t choose(std::uint32_t count) override;
  bool looks_ahead() const override { return false; }
  bool is_asked_always() const override { return true; }

  const std::optional<ScheduleDivergence>& divergence() const { return divergence_; }
  /// The execution came to the schedule's last segment, and made all its choices.
  bool was_used_up() const {
    return visited_ == schedule_.segments.size() && choice_ == schedule_.choices.size();
  }
  std::string_view name() const override { return "replay"; }

 private:
  void diverge(std::uint32_t wanted);
  /// What is left of the present segment, or the next one.
  void pass_over(bool is_next);

  const Schedule& schedule_;
  std::size_t visited_ = 0;  ///< Segments, the present one among them.
  std::uint32_t made_ = 0;   ///< Of its operations.
  std::size_t choice_ = 0;
  std::uint64_t step_ = 0;
  std::optional<ScheduleDivergence> divergence_;
};

}  // namespace chantrace::detail
