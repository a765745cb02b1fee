/// \file
/// From Cap'n Proto's values to ours, for bytes that nobody vouches for. The functions that take a
/// reader may throw `kj::Exception`, and what they took over before stays.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/trace.h"
#include "trace.capnp.h"

namespace chantrace::detail {

/// What was wrong, in words. Only the first ones are kept, and the others are counted.
class Warnings {
 public:
  void add(std::string text);
  std::vector<std::string> take();

 private:
  std::vector<std::string> texts_;
  std::uint64_t more_ = 0;
};

/// Gathers what a trace consists of apart from its events.
class DefinitionsReader {
 public:
  DefinitionsReader(const ReadLimits& limits, Warnings& warnings)
      : limits_(limits), warnings_(warnings) {}

  /// To be called with the size of each message: what may be kept is a multiple of what was read,
  /// for a list's elements can be larger here than there.
  void allow(std::uint64_t size_bytes);

  void read_header(schema::Header::Reader from);
  void read_definitions(schema::Definitions::Reader from);
  void read_end(schema::End::Reader from);

  const TraceHeader& header() const { return trace_.header; }

  /// Everything that was read, sorted. Of two definitions with one id the later one counts.
  Trace take();

 private:
  bool may_add(std::uint64_t size_bytes);
  std::string text(capnp::Text::Reader from);
  Site place(schema::End::Place::Reader from);
  std::vector<Participant> participants(capnp::List<schema::End::Participant>::Reader from);
  std::optional<Schedule> read_schedule(schema::End::Schedule::Reader from);
  /// nullopt: it names a task that there is not, or there is no room.
  std::optional<Explanation> read_explanation(schema::End::Explanation::Reader from);
  std::optional<Deed> read_deed(schema::End::Deed::Reader from, std::size_t tasks);
  void read_finding(schema::End::Finding::Reader from, std::vector<Finding>& findings);

  const ReadLimits& limits_;
  Warnings& warnings_;
  Trace trace_;
  std::uint64_t definitions_count_ = 0;
  std::uint64_t memory_bytes_ = 0;
  std::uint64_t memory_bytes_max_ = 1 << 20;
  bool is_full_ = false;
};

}  // namespace chantrace::detail
