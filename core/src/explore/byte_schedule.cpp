#include "byte_schedule.h"

#include <utility>

#include "plan.h"

namespace chantrace::detail {
namespace {

/// The task that is wanted, or else the one with the next higher number, round and round; not that
/// at `without`.
std::size_t find_near(std::span<const Runnable> runnable, std::size_t without, std::uint32_t wanted,
                      std::uint32_t tasks) {
  std::size_t found = without;
  std::uint32_t least = ~std::uint32_t{0};
  for (std::size_t i = 0; i < runnable.size(); ++i) {
    const std::uint32_t task = runnable[i].task;
    const std::uint32_t distance = task >= wanted ? task - wanted : task + tasks + 1 - wanted;
    if (i == without || distance >= least) continue;
    found = i;
    least = distance;
  }
  return found;
}

}  // namespace

// PickedTask.

std::size_t PickedTask::find(std::span<const Runnable> runnable) const {
  return waits_to_know_ ? find_task(runnable, task_) : kNobody;
}

void PickedTask::note(const Runnable& picked) {
  task_ = picked.task;
  waits_to_know_ = picked.task != kClockTask && picked.operation == Operation::kNone;
}

// ByteSchedule.

void ByteSchedule::begin(std::uint64_t) {
  edges_.begin();
  picked_ = {};
  reader_ = DeviationReader(bytes_);
  next_ = reader_.next();
  tasks_ = 1;
  decisions_ = 0;
}

std::optional<Deviation> ByteSchedule::deviate() {
  ++decisions_;
  if (!next_ || next_->gap-- > 0) return std::nullopt;
  return std::exchange(next_, reader_.next());
}

std::size_t ByteSchedule::pick(std::span<const Runnable> runnable, std::size_t current) {
  // Time passes, or nobody else can go on.
  if (runnable.size() == 1) return 0;
  std::size_t chosen = picked_.find(runnable);
  picked_.forget();
  if (chosen == kNobody) {
    chosen = find_first(runnable, current);
    const std::optional<Deviation> deviation = deviate();
    const bool only_looks = deviation && deviation->only_looks;
    if (deviation)
      chosen = find_near(runnable, only_looks ? kNobody : chosen, deviation->which % (tasks_ + 1),
                         tasks_);
    if (!only_looks) picked_.note(runnable[chosen]);
  }
  edges_.note(runnable[chosen]);
  return chosen;
}

std::uint32_t ByteSchedule::choose(std::uint32_t count) {
  const std::optional<Deviation> deviation = deviate();
  const std::uint32_t choice = deviation ? 1 + deviation->which % (count - 1) : 0;
  edges_.note_choice(choice);
  return choice;
}

// ByteRecorder.

void ByteRecorder::begin(std::uint64_t seed) {
  decides_.begin(seed);
  picked_ = {};
  made_.clear();
}

std::size_t ByteRecorder::pick(std::span<const Runnable> runnable, std::size_t current) {
  const std::size_t chosen = decides_.pick(runnable, current);
  if (runnable.size() == 1) return chosen;
  const std::size_t picked = picked_.find(runnable);
  picked_.forget();
  if (picked == chosen) return chosen;
  if (picked != kNobody) made_[picked_at_].deviates = made_[picked_at_].only_looks = true;
  picked_at_ = made_.size();
  picked_.note(runnable[chosen]);
  made_.push_back({chosen != find_first(runnable, current), runnable[chosen].task});
  return chosen;
}

std::uint32_t ByteRecorder::choose(std::uint32_t count) {
  const std::uint32_t choice = decides_.choose(count);
  made_.push_back({choice > 0, choice - 1});
  return choice;
}

std::vector<std::uint8_t> ByteRecorder::bytes() const {
  std::vector<std::uint8_t> bytes;
  std::uint32_t gap = 0;
  for (const Decision& decision : made_) {
    if (!decision.deviates)
      ++gap;
    else
      append_bytes(bytes, {std::exchange(gap, 0), decision.which, decision.only_looks});
  }
  return bytes;
}

}  // namespace chantrace::detail
