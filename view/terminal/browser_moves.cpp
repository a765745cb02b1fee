// Where a browser goes from one step to another.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "browser.h"
#include "details.h"

namespace chantrace::view {
namespace {

constexpr std::size_t kTrailMax = 1'000;

}  // namespace

void Browser::go_to(std::uint64_t step) {
  if (step < 1 || step > subject_->steps_count()) return;
  step_ = step;
  lane_ = subject_->lane_of_step(step);
  bring_into_sight();
}

void Browser::jump_to(std::uint64_t step, const char* otherwise) {
  if (step == 0) {
    message_ = otherwise;
    return;
  }
  if (step == step_ && lane_ == subject_->lane_of_step(step)) return;
  if (trail_.size() == kTrailMax) trail_.erase(trail_.begin());
  trail_.push_back(step_);
  go_to(step);
}

void Browser::go_to_lane(std::uint32_t lane) {
  if (lane >= subject_->timeline().lanes.size()) return;
  lane_ = lane;
  bring_into_sight();
}

void Browser::go_to_finding(std::size_t finding) {
  if (finding >= subject_->findings().size()) {
    message_ = subject_->findings().empty()
                   ? "there are no findings"
                   : fmt::format("there are no more than {}",
                                 counted(subject_->findings().size(), "finding"));
    return;
  }
  chosen_finding_ = finding;
  finding_ = finding;
  const std::vector<std::uint64_t>& steps = subject_->finding_steps(finding);
  if (steps.empty()) {
    message_ = "this finding has no place among the steps";
    return;
  }
  if (is_text()) switch_to(back_to_);
  jump_to(steps.front(), "");
}

void Browser::go_to_match(bool is_forward) {
  if (matches_.empty()) {
    message_ = query_.empty() ? "nothing is searched for: /" : "no step has all of that";
    return;
  }
  std::uint64_t step = is_forward ? next_of(matches_, step_) : previous_of(matches_, step_);
  if (step == 0) {
    step = is_forward ? matches_.front() : matches_.back();
    message_ = is_forward ? "from the start again" : "from the end again";
  }
  jump_to(step, "");
}

void Browser::go_along_lane(bool is_forward) {
  const auto steps = subject_->index().steps_of_lane(lane_);
  const std::uint64_t step = is_forward ? next_of(steps, step_) : previous_of(steps, step_);
  if (step == 0)
    message_ = is_forward ? "this task makes no step behind this one"
                          : "this task makes no step before this one";
  go_to(step);
}

void Browser::go_along_object(bool is_forward) {
  const std::uint32_t object = subject_->index().object_of(step_);
  if (object == 0) {
    message_ = "this step is on no channel or lock";
    return;
  }
  const auto steps = subject_->index().steps_on(object);
  const std::uint64_t step = is_forward ? next_of(steps, step_) : previous_of(steps, step_);
  if (step == 0)
    message_ =
        fmt::format("no step behind this one is on {}", subject_->names().object(ObjectId{object}));
  if (step == 0 && !is_forward)
    message_ =
        fmt::format("no step before this one is on {}", subject_->names().object(ObjectId{object}));
  go_to(step);
}

void Browser::go_to_preemption(bool is_forward) {
  const std::vector<std::uint64_t>& steps = subject_->index().preemptions();
  const std::uint64_t step = is_forward ? next_of(steps, step_) : previous_of(steps, step_);
  if (step != 0) return jump_to(step, "");
  message_ = !subject_->trace().header.is_controlled ? "only a controlled execution has preemptions"
             : is_forward                            ? "there is no preemption behind this step"
                                                     : "there is no preemption before this step";
}

void Browser::go_back() {
  if (trail_.empty()) {
    message_ = "this is where it began";
    return;
  }
  const std::uint64_t step = trail_.back();
  trail_.pop_back();
  go_to(step);
}

void Browser::follow() {
  if (newest_ != nullptr) show_newer(newest_, 0);
  go_to(subject_->steps_count());
}

void Browser::page(bool is_forward) {
  const std::uint64_t count = subject_->steps_count();
  if (show_ == Show::kList) {
    const std::uint64_t rows = std::max<std::size_t>(layout_.main.rows - 1, 1);
    return go_to(is_forward ? std::min(step_ + rows, count) : step_ > rows ? step_ - rows : 1);
  }
  if (lane_ == kNoLane) return;
  const auto lanes = static_cast<std::uint32_t>(subject_->timeline().lanes.size());
  const auto rows = static_cast<std::uint32_t>(std::max<std::size_t>(lanes_shown_, 1));
  go_to_lane(is_forward ? std::min(lane_ + rows, lanes - 1) : lane_ > rows ? lane_ - rows : 0);
}

void Browser::zoom(bool is_in) {
  const std::size_t columns = lane_columns();
  const std::int64_t column = scale_.column_of(step_);
  const LaneScale scale =
      is_in ? zoomed_in(scale_) : zoomed_out(scale_, subject_->steps_count(), columns);
  if (scale == scale_) {
    message_ = is_in ? "it is as large as it gets" : "all is seen";
    return;
  }
  scale_ = scale;
  is_zoomed_ = true;
  // The step stays where it is on the screen.
  const std::uint64_t before = column < 0 ? 0 : scale_.steps_in(static_cast<std::size_t>(column));
  scale_.first = step_ > before ? step_ - before : 1;
  lay_out_again();
}

}  // namespace chantrace::view
