/// \file
/// A trace that was read: the events of one run with everything needed to understand them alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "chantrace/end_state.h"
#include "chantrace/event.h"
#include "chantrace/explanation.h"
#include "chantrace/finding.h"
#include "chantrace/result.h"
#include "chantrace/schedule.h"

namespace chantrace {

/// Who made a trace, of what. Written first.
struct TraceHeader {
  std::uint32_t format_version = 0;  ///< `kTraceFormatVersion` of the writer.
  std::string program;               ///< The executable's path.
  std::vector<std::string> arguments;
  std::string test;      ///< "Suite.Name", or empty outside tests.
  std::string build_id;  ///< GNU build id of the executable, hexadecimal, or empty.
  std::uint64_t process_id = 0;
  std::uint64_t started_unix_ns = 0;  ///< Wall clock at the start, nanoseconds since 1970.
  std::uint64_t started_ticks = 0;    ///< `EventRecord::time` at the start.
  std::uint64_t ticks_per_second = 1'000'000'000;
  bool is_controlled = false;  ///< Time is the step, and the order of time is exact.
  bool has_values = false;
  std::vector<std::pair<std::string, std::string>> options;

  friend bool operator==(const TraceHeader&, const TraceHeader&) = default;
};

struct TaskInfo {
  TaskId id{};
  TaskId parent{};
  std::string label;
  SiteId site{};
  bool is_host = false;
  bool is_body = false;
  bool is_older = false;        ///< Started before this recording: no leak of it.
  std::uint64_t os_thread = 0;  ///< The kernel's thread id.

  friend bool operator==(const TaskInfo&, const TaskInfo&) = default;
};

struct ObjectInfo {
  ObjectId id{};
  ObjectKind kind = ObjectKind::kNone;
  std::string name;
  std::string type;
  ValueFormat format = ValueFormat::kOpaque;
  SiteId site{};
  std::uint64_t capacity = 0;
  /// What it held when this trace first saw it, for an object older than the trace.
  std::uint64_t initial_size = 0;
  std::int64_t initial_count = 0;  ///< Timers, contexts, their channels: 1 if one is pending.
  bool is_initially_closed = false;
  std::vector<TaskId> initial_holders;
  /// Of a timer, a ticker and a context: the channel on which it tells.
  ObjectId channel{};

  friend bool operator==(const ObjectInfo&, const ObjectInfo&) = default;
};

/// Events that are missing: `count` of them, before the stream's event number `before`, which is
/// the index in `TaskStream::events`; its size where the last events are missing.
struct Gap {
  std::uint64_t before = 0;
  std::uint64_t count = 0;

  friend bool operator==(const Gap&, const Gap&) = default;
};

/// All records of one task, in its program order.
struct TaskStream {
  TaskId task{};
  std::vector<EventRecord> events;
  std::vector<Gap> gaps;  ///< Ascending.

  friend bool operator==(const TaskStream&, const TaskStream&) = default;
};

/// Written last; a trace without it is incomplete.
struct TraceEnd {
  bool passed = false;  ///< What the test itself said.
  std::uint64_t ended_ticks = 0;
  std::uint64_t ticks_per_second = 0;  ///< Measured again over the whole run; 0: not measured.
  std::vector<Finding> findings;       ///< What the runtime saw from its own state.
  std::uint32_t foreign_threads = 0;
  bool body_ended = true;
  std::optional<Schedule> schedule;  ///< What was decided, where tasks ran under control.
  std::optional<Explanation> explanation = {};  ///< Why it failed, where that was looked for.

  friend bool operator==(const TraceEnd&, const TraceEnd&) = default;
};

/// A call stack by return addresses, innermost first. Symbols are looked up by whoever shows it.
struct StackInfo {
  std::uint64_t id = 0;
  std::vector<std::uint64_t> frames;

  friend bool operator==(const StackInfo&, const StackInfo&) = default;
};

/// One object file mapped in the recorded process; needed to resolve stacks.
struct ModuleInfo {
  std::string path;
  std::uint64_t base = 0;
  std::uint64_t size_bytes = 0;
  std::string build_id;

  friend bool operator==(const ModuleInfo&, const ModuleInfo&) = default;
};

/// Threads: a plain value.
struct Trace {
  TraceHeader header;
  std::vector<TaskInfo> tasks;                           ///< By id.
  std::vector<ObjectInfo> objects;                       ///< By id.
  std::unordered_map<std::uint32_t, Site> sites;         ///< By SiteId.
  std::unordered_map<std::uint64_t, std::string> texts;  ///< Values made into text when recorded.
  std::vector<StackInfo> stacks;
  std::vector<ModuleInfo> modules;
  std::vector<TaskStream> streams;  ///< By task id; a task without events has none.
  std::optional<TraceEnd> end;
  /// What was wrong with the bytes, in words; a trace may still be partly readable.
  std::vector<std::string> warnings;

  /// The process ended before it could finish the trace.
  bool is_incomplete() const { return !end.has_value(); }
  std::uint64_t events_count() const;
  std::uint64_t lost_count() const;

  const TaskInfo* find_task(TaskId id) const;        ///< nullptr: not defined.
  const ObjectInfo* find_object(ObjectId id) const;  ///< nullptr: not defined.
  /// An empty site for an unknown id.
  const Site& site(SiteId id) const;

  friend bool operator==(const Trace&, const Trace&) = default;
};

/// Why a file could not be read.
struct TraceError {
  std::string path;
  std::uint64_t offset_bytes = 0;
  std::string reason;  ///< What was expected, what was found, what to do.

  std::string to_string() const;
};

/// What a reader accepts; files come from anyone.
struct ReadLimits {
  std::uint64_t file_bytes_max = 64ull << 30;
  std::uint64_t events_max = 1ull << 32;
  std::uint64_t definitions_max = 50'000'000;
  std::uint64_t text_bytes_max = 1 << 20;  ///< Of one name or text.
};

/// The version of the format that this library writes. Readers accept it and every older one.
inline constexpr std::uint32_t kTraceFormatVersion = 1;

/// Told how far a long work is.
using Progress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

/// Reads `path` and, where a killed process left one, the spool beside it (`path` + ".spool").
/// Damage behind a readable header gives a partial trace with warnings.
///
/// Errors: `TraceError`. No content of the file throws, aborts or uses memory beyond a small
/// multiple of the file's size.
Result<Trace, TraceError> read_trace(const std::filesystem::path& path,
                                     const ReadLimits& limits = {}, const Progress& progress = {});

/// Writes `trace` whole, in the compact form, replacing `path` atomically.
///
/// Errors: a `TraceError` naming the file and the system's reason.
std::optional<TraceError> write_trace(const Trace& trace, const std::filesystem::path& path);

/// Same, to memory.
std::vector<std::byte> to_bytes(const Trace& trace);
Result<Trace, TraceError> from_bytes(const std::vector<std::byte>& bytes,
                                     const ReadLimits& limits = {});

/// One event with its place: the `index`-th of `task`'s stream, which is the stream number
/// `stream`.
struct EventPlace {
  std::uint32_t stream = 0;
  std::uint32_t index = 0;
};

/// A linear extension of the recorded happens-before order: program order of each task, and each
/// object's sequence. Where events are missing, it goes on past the gap and says so.
struct TraceOrder {
  std::vector<EventPlace> places;
  /// Sequence numbers that are missing, or given twice, where no loss explains it.
  std::vector<std::string> contradictions;
};

/// Source: per-object version numbers under the object's lock and a worklist merge; O(events).
TraceOrder order_events(const Trace& trace);

/// The value that an event carries as a person reads it; empty when it carries none.
std::string format_value(const Trace& trace, const EventRecord& event);

/// The state at the trace's end, as the runtime itself would have made it.
EndState end_state(const Trace& trace, const TraceOrder& order);

/// All that a trace shows: `analyze` of its end state, lock orders, contradictions of the channel
/// and lock state machines (damage), what was lost.
std::vector<Finding> analyze(const Trace& trace);

}  // namespace chantrace
