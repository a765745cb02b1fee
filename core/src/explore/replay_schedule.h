/// \file
/// Runs the decisions of a schedule again.
#pragma once

#include <optional>

#include "../runtime/strategy.h"
#include "chantrace/schedule.h"

namespace chantrace::detail {

/// Where an execution could not follow a schedule.
struct ScheduleDivergence {
  std::uint64_t step = 0;         ///< From 1.
  std::uint32_t task_wanted = 0;  ///< Could not go on, or does not exist; 0: the clock.
};

/// Goes on beyond a divergence, and beyond the schedule's end, with the task that ran last where it
/// can, so that what differs can be shown.
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

  const Schedule& schedule_;
  std::size_t visited_ = 0;  ///< Segments, the present one among them.
  std::uint32_t made_ = 0;   ///< Of its operations.
  std::size_t choice_ = 0;
  std::uint64_t step_ = 0;
  std::optional<ScheduleDivergence> divergence_;
};

}  // namespace chantrace::detail
