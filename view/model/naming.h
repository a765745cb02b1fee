/// \file
/// What tasks, objects and places of a trace are called, and operations put into words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chantrace/trace.h"

namespace chantrace::view {

/// Names that are unique within one trace. A name that two tasks or two objects share gets its
/// number after it: "worker #4".
///
/// Threads: any thread, once made.
class Names {
 public:
  /// `trace` must outlive this.
  explicit Names(const Trace& trace);

  /// "worker-1", "worker #4", "task 4".
  const std::string& task(TaskId id) const;
  /// "results", "results #2", "channel 3".
  const std::string& object(ObjectId id) const;
  /// The same, and where an object without a name was made: "channel 3 (pool.cpp:31)".
  std::string object_and_place(ObjectId id) const;

  /// "pool.cpp:97", without the directory that all places share; empty for an unknown place.
  std::string place(const Site& site) const;
  std::string place(SiteId id) const { return place(trace_.site(id)); }
  /// ":97" when all places of the trace are in one file.
  std::string brief_place(SiteId id) const;

  /// What all files' paths begin with, ending in a slash; empty when they share nothing.
  const std::string& directory() const { return directory_; }
  /// The only file there is, without `directory()`; empty when there are several.
  const std::string& only_file() const { return only_file_; }

 private:
  const Trace& trace_;
  std::string directory_;
  std::string only_file_;
  // Names of ids that the trace does not define are made when asked for.
  mutable std::unordered_map<std::uint32_t, std::string> tasks_;
  mutable std::unordered_map<std::uint32_t, std::string> objects_;
};

/// The test's name; else the program's, without its directory; else `fallback`.
std::string title_of(const Trace& trace, std::string_view fallback);

/// An operation in words: "send(results, 7)", "recv(jobs) = 7", "go worker-1".
///
/// `select_cases`: the records of its cases, for a select that parked.
std::string describe(const Trace& trace, const Names& names, const EventRecord& event,
                     bool with_values, const std::vector<const EventRecord*>& select_cases = {});

}  // namespace chantrace::view
