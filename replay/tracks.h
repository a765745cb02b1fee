/// \file
/// A trace as viewers of profiles draw one: a track for each task with slices and instants on it,
/// flows from one to another, and counters. Plain data, handed out mark by mark.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/finding.h"
#include "chantrace/trace.h"
#include "model/links.h"
#include "model/naming.h"
#include "model/timeline.h"

namespace chantrace::replay {

/// What stands with a mark: "place", "pool.cpp:97".
struct Fact {
  std::string_view name;
  std::string text;
  std::uint64_t number = 0;  ///< Where it has no text.

  bool is_number() const { return text.empty(); }
};

/// One end of a flow.
struct FlowEnd {
  std::uint64_t id = 0;  ///< From 1; the same at both ends.
  view::Link::Kind kind = view::Link::Kind::kValue;
};

struct Mark {
  enum class Kind : std::uint8_t {
    kSliceBegin,
    kSliceEnd,  ///< Of the last slice that began on its track.
    kInstant,
    kCounter,
  };
  Kind kind = Kind::kInstant;
  std::uint32_t track =
      0;  ///< A lane, or `view::kNoLane` for the whole trace; of a counter its object.
  std::uint64_t time_ns = 0;  ///< Never less than that of the mark before.
  std::uint64_t end_ns = 0;   ///< Of the beginning of a slice: when it ends.
  std::string name = {};
  std::string_view category = {};  ///< "channel", "mutex", "task" ...
  bool is_for_ever = false;        ///< A slice that nothing has ended.
  std::int64_t count = 0;          ///< Of a counter.
  std::vector<Fact> facts = {};
  std::vector<FlowEnd> flows_from_here = {};
  std::vector<FlowEnd> flows_to_here = {};
};

/// Takes one mark; returns false when no more are wanted.
using MarkSink = std::function<bool(const Mark& mark)>;

/// What leads from one step to another, in a word: "value", "wake-up" ...
std::string_view to_string(view::Link::Kind kind);

/// A trace as tracks, up to where the test was over.
///
/// Threads: one thread at a time. Cost: linear in events.
class Tracks {
 public:
  /// Requires: `trace` is brief (`make_brief`), and outlives this.
  Tracks(const Trace& trace, std::string_view fallback_title);

  const Trace& trace() const { return trace_; }
  const view::Names& names() const { return names_; }
  const std::vector<view::Lane>& lanes() const { return timeline_.lanes; }
  /// The test, and what a moment is where it is no time.
  const std::string& title() const { return title_; }

  /// Numbers for the process and for the thread that a lane stands for, in the order of lanes: the
  /// first one is the process's main thread.
  std::uint32_t process_number() const { return process_number_; }
  std::uint32_t thread_number(std::uint32_t lane) const { return process_number_ + lane; }

  /// A slice for each time that a task was parked, an instant for each other operation, a counter
  /// where the values in a channel or the count of a wait group or semaphore change, an instant
  /// where events were lost, and one for each finding.
  void for_each_mark(const MarkSink& use) const;

 private:
  const Trace& trace_;
  const view::Names names_;
  const view::Timeline timeline_;
  std::string title_;
  std::uint32_t process_number_;
};

}  // namespace chantrace::replay
