/// \file
/// How every parked operation of a trace came to its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "chantrace/trace.h"
#include "state_machine.h"

namespace chantrace {

/// What became of a record that queued its task at an object.
enum class WaitFate : std::uint8_t {
  kNone,       ///< The record queued nothing.
  kCompleted,  ///< Somebody completed it here.
  kDropped,    ///< It timed out, was cancelled, or another case of its select was taken: nobody had
               ///< to serve it, at any time.
  kOpen,       ///< The task's records end in it.
  kUnknown,    ///< The records that would say so are missing.
};

/// Looks at each task alone: every start must be followed by its done, and a done by its start.
class WaitsOfTrace {
 public:
  explicit WaitsOfTrace(const Trace& trace);

  WaitFate fate(const EventPlace& place) const {
    return fates_[first_of_stream_[place.stream] + place.index];
  }
  /// Tasks whose own records contradict themselves.
  const std::vector<Violation>& violations() const { return violations_; }

 private:
  void look_at(const Trace& trace, std::uint32_t stream);

  std::vector<std::size_t> first_of_stream_;
  std::vector<WaitFate> fates_;
  std::vector<Violation> violations_;
};

}  // namespace chantrace
