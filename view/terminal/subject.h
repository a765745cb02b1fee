/// \file
/// A scene with all that is looked up in it while a person goes through it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/finding_steps.h"
#include "model/naming.h"
#include "model/quantity.h"
#include "model/scene.h"
#include "model/search.h"
#include "model/standings.h"
#include "model/step_index.h"
#include "model/timeline.h"

namespace chantrace::view {

/// Threads: one thread at a time. Cost: to make it, linear in events.
class Subject {
 public:
  explicit Subject(std::shared_ptr<const Scene> scene);

  const Scene& scene() const { return *scene_; }
  const Trace& trace() const { return scene_->trace; }
  const std::vector<Finding>& findings() const { return scene_->findings; }
  const Names& names() const { return names_; }
  const TraceClock& clock() const { return clock_; }
  const Timeline& timeline() const { return timeline_; }
  const StepIndex& index() const { return index_; }
  const Standings& standings() const { return standings_; }
  const EndState& end_state() const { return end_state_; }

  std::uint64_t steps_count() const { return timeline_.steps.size(); }
  const Step& step(std::uint64_t number) const { return timeline_.steps[number - 1]; }
  const EventRecord& event(std::uint64_t number) const {
    return event_at(trace(), step(number).place);
  }
  std::uint32_t lane_of_step(std::uint64_t number) const {
    return number == 0 ? kNoLane : timeline_.lanes_of_steps[number - 1];
  }
  const std::string& lane_name(std::uint32_t lane) const {
    return names_.task(timeline_.lanes[lane].task);
  }
  /// An operation in words.
  std::string words(std::uint64_t number, bool with_values) const;

  /// Where the finding of that index stands; none: nowhere in the trace.
  const std::vector<std::uint64_t>& finding_steps(std::size_t finding) const {
    return finding_steps_[finding];
  }
  /// Steps of findings that are more than a note. Ascending.
  const std::vector<std::uint64_t>& bad_steps() const { return bad_steps_; }

  /// Made when first asked for.
  const SearchTexts& search_texts() const;
  /// The widest name of a lane with its indentation, in columns.
  std::size_t names_width() const { return names_width_; }

 private:
  const std::shared_ptr<const Scene> scene_;
  const TraceOrder order_;
  const Names names_;
  const TraceClock clock_;
  const Timeline timeline_;
  const StepIndex index_;
  const Standings standings_;
  const EndState end_state_;
  std::vector<std::vector<std::uint64_t>> finding_steps_;
  std::vector<std::uint64_t> bad_steps_;
  std::size_t names_width_ = 0;
  mutable std::optional<SearchTexts> search_texts_;
};

/// Columns by which a lane's name is moved to the right in the tree of starts.
std::size_t indentation_of(const Lane& lane);

}  // namespace chantrace::view
