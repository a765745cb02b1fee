/// \file
/// What a viewer looks up in a timeline: by step, by lane, by object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "chantrace/trace.h"
#include "timeline.h"

namespace chantrace::view {

/// Steps are numbered from 1; 0 stands for none. Every question costs a few binary searches.
///
/// Threads: any thread, once made. Cost: to make it, linear in steps.
class StepIndex {
 public:
  /// Both must outlive this.
  StepIndex(const Trace& trace, const Timeline& timeline);

  std::uint64_t count() const { return timeline_.steps.size(); }

  /// Ascending.
  std::span<const std::uint64_t> steps_of_lane(std::uint32_t lane) const;
  /// Those that use an object, selects that wait for it among them. Ascending.
  std::span<const std::uint64_t> steps_on(std::uint32_t object) const;
  /// The object of a step; of a select that parks, that of its first case; 0: none.
  std::uint32_t object_of(std::uint64_t step) const;

  std::span<const Span> spans_of_lane(std::uint32_t lane) const;
  /// What a lane does right after a step; nullptr: it has not begun, or has ended.
  const Span* span_at(std::uint32_t lane, std::uint64_t step) const;
  /// How many steps a lane is parked at, of those in [begin, end).
  std::uint64_t parked_between(std::uint32_t lane, std::uint64_t begin, std::uint64_t end) const;

  std::span<const Link> links_to(std::uint64_t step) const;
  std::vector<Link> links_from(std::uint64_t step) const;

  /// Steps at which another task goes on though the one before could have done so. Only of
  /// controlled executions is that known. Ascending.
  const std::vector<std::uint64_t>& preemptions() const { return preemptions_; }
  bool is_preemption(std::uint64_t step) const;

 private:
  /// Numbers in groups, one behind the other.
  struct Groups {
    std::vector<std::size_t> begins;  ///< One more than there are groups.
    std::vector<std::uint64_t> numbers;

    std::span<const std::uint64_t> at(std::size_t group) const;
  };

  void group_by_lane();
  void group_by_object(const Trace& trace);
  void sum_spans();
  void find_preemptions(const Trace& trace);
  /// Steps before `step` at which a lane was parked.
  std::uint64_t parked_before(std::uint32_t lane, std::uint64_t step) const;

  const Trace& trace_;
  const Timeline& timeline_;
  Groups by_lane_;
  Groups by_object_;
  std::unordered_map<std::uint32_t, std::size_t> groups_of_objects_;
  std::vector<std::size_t> spans_begin_;  ///< By lane; one more than there are lanes.
  std::vector<std::uint64_t> parked_;     ///< In all spans before one.
  std::vector<std::size_t> links_by_from_;
  std::vector<std::uint64_t> preemptions_;
};

/// The first of ascending `steps` behind `step`, or the last before it; 0: none.
std::uint64_t next_of(std::span<const std::uint64_t> steps, std::uint64_t step);
std::uint64_t previous_of(std::span<const std::uint64_t> steps, std::uint64_t step);

}  // namespace chantrace::view
