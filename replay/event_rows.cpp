#include "event_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "chantrace/detail/chunk.h"
#include "chantrace/detail/spool.h"
#include "model/json_string.h"
#include "model/quantity.h"

namespace chantrace::replay {

using view::json_string;

using view::TraceClock;
namespace {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kStart:
      return "start";
    case Phase::kDone:
      return "done";
    case Phase::kBoth:
      return "both";
  }
  return "unknown";
}

std::string_view kind_of(const ObjectInfo* object) {
  return object == nullptr ? std::string_view{} : chantrace::to_string(object->kind);
}

/// One event with all its numbers resolved.
struct Row {
  std::uint64_t step = 0;
  std::uint64_t time_ns = 0;  ///< From the trace's start; steps where the run was controlled.
  TaskId task{};
  std::string_view task_label;
  const EventRecord* event = nullptr;
  std::string_view object_name;
  std::string_view object_kind;
  std::string value;
  bool has_buffer = false;
  const Site* site = nullptr;
};

bool says_depth(const EventRecord& event, const ObjectInfo* object) {
  return object != nullptr && object->kind == ObjectKind::kChannel &&
         event.operation != Operation::kSelect && event.operation != Operation::kSelectCase;
}

/// Calls `use` with each event in order, until it returns false.
template <typename Use>
void for_each_row(const Trace& trace, const Use& use) {
  const TraceClock clock{trace};
  const TraceOrder order = order_events(trace);
  std::uint64_t step = 0;
  for (const EventPlace& place : order.places) {
    const TaskStream& stream = trace.streams[place.stream];
    const EventRecord& event = stream.events[place.index];
    const TaskInfo* const task = trace.find_task(stream.task);
    Row row;
    row.step = ++step;
    row.time_ns = clock.is_steps() ? event.time : clock.nanoseconds(clock.since_start(event.time));
    row.task = stream.task;
    row.task_label = task == nullptr ? std::string_view{} : task->label;
    row.event = &event;
    row.value = (event.flags & kHasValue) != 0 ? format_value(trace, event) : std::string{};
    row.site = &trace.site(SiteId{event.site});
    if (is_on_task(event.operation)) {
      const TaskInfo* const other = trace.find_task(TaskId{event.object});
      row.object_name = other == nullptr ? std::string_view{} : other->label;
      row.object_kind = event.object == 0 ? "" : "task";
    } else {
      const ObjectInfo* const object = trace.find_object(ObjectId{event.object});
      row.object_name = object == nullptr ? std::string_view{} : object->name;
      row.object_kind = kind_of(object);
      row.has_buffer = says_depth(event, object);
    }
    if (!use(row)) return;
  }
}

std::string number_or_null(bool is_there, std::uint64_t number) {
  return is_there ? fmt::format("{}", number) : "null";
}

// Formatted by hand: a JSON value for each of millions of events would take twenty times as long.
std::string to_json(const Row& row, bool is_controlled) {
  const EventRecord& event = *row.event;
  const bool has_value = (event.flags & kHasValue) != 0;
  const bool has_case = event.operation == Operation::kSelectCase ||
                        (event.operation == Operation::kSelect &&
                         phase_of(event) != Phase::kStart && event.detail != kNoCase);
  return fmt::format(
      R"({{"step":"{}","{}":"{}","task":{},"task_id":{},"operation":"{}","phase":"{}",)"
      R"("outcome":"{}","object":{},"object_id":{},"object_kind":"{}","sequence":{},"value":{},)"
      R"("number":"{}","buffer":{},"case":{},"file":{},"line":{},"function":{}}})"
      "\n",
      row.step, is_controlled ? "time_step" : "time_ns", row.time_ns, json_string(row.task_label),
      to_number(row.task), chantrace::to_string(event.operation), to_string(phase_of(event)),
      chantrace::to_string(outcome_of(event)), json_string(row.object_name), event.object,
      row.object_kind, event.sequence, has_value ? json_string(row.value) : "null", event.value,
      number_or_null(row.has_buffer, event.detail), number_or_null(has_case, case_index(event)),
      json_string(row.site->file), row.site->line, json_string(row.site->function));
}

/// One cell of CSV.
std::string cell(std::string_view text) {
  // A leading one of these makes a spreadsheet run the cell as a formula.
  const bool looks_like_formula =
      !text.empty() && std::string_view{"=+-@\t\r"}.find(text.front()) != std::string_view::npos;
  const bool is_negative_number =
      text.size() > 1 && text.front() == '-' &&
      text.find_first_not_of("0123456789.e", 1) == std::string_view::npos;
  std::string content = looks_like_formula && !is_negative_number ? "'" : "";
  content += text;
  if (content.find_first_of(",\"\r\n") == std::string::npos) return content;

  std::string quoted = "\"";
  for (const char c : content) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::string to_csv(const Row& row) {
  const EventRecord& event = *row.event;
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n", row.step,
                     row.time_ns, cell(row.task_label), to_number(row.task),
                     chantrace::to_string(event.operation), to_string(phase_of(event)),
                     chantrace::to_string(outcome_of(event)), cell(row.object_name), event.object,
                     row.object_kind, event.sequence, cell(row.value), event.value,
                     row.has_buffer ? fmt::format("{}", event.detail) : "", cell(row.site->file),
                     row.site->line, cell(row.site->function));
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Writes the events of one task, in chunks that begin anew where events are missing.
bool write_stream(const TaskStream& stream, std::span<std::byte> buffer, const LineSink& sink) {
  const std::uint32_t capacity = detail::chunk_capacity(buffer.size());
  std::size_t next_gap = 0;
  std::size_t index = 0;
  std::uint64_t lost = 0;
  // What was lost at the very end stands before a chunk without events.
  while (index < stream.events.size() || next_gap < stream.gaps.size()) {
    std::uint64_t lost_before = 0;
    for (; next_gap < stream.gaps.size() &&
           std::min<std::uint64_t>(stream.gaps[next_gap].before, stream.events.size()) <= index;
         ++next_gap) {
      lost_before += stream.gaps[next_gap].count;
    }
    lost += lost_before;
    std::size_t end = std::min<std::size_t>(stream.events.size(), index + capacity);
    if (next_gap < stream.gaps.size())
      end = std::min<std::size_t>(end, stream.gaps[next_gap].before);

    detail::Chunk* const chunk = detail::make_chunk(buffer, stream.task, index + lost, lost_before);
    std::copy(stream.events.begin() + static_cast<std::ptrdiff_t>(index),
              stream.events.begin() + static_cast<std::ptrdiff_t>(end), chunk->events());
    chunk->count = static_cast<std::uint32_t>(end - index);
    if (!sink(as_text(detail::seal(*chunk)))) return false;
    index = end;
  }
  return true;
}

}  // namespace

void write_jsonl(const Trace& trace, const LineSink& sink) {
  for_each_row(trace,
               [&](const Row& row) { return sink(to_json(row, trace.header.is_controlled)); });
}

void write_csv(const Trace& trace, const LineSink& sink) {
  const bool goes_on = sink(fmt::format(
      "step,{},task,task_id,operation,phase,outcome,object,object_id,object_kind,sequence,value,"
      "number,buffer,file,line,function\r\n",
      trace.header.is_controlled ? "time_step" : "time_ns"));
  if (goes_on) for_each_row(trace, [&](const Row& row) { return sink(to_csv(row)); });
}

void write_capnp(const Trace& trace, const LineSink& sink) {
  const auto write = [&](const std::vector<std::byte>& message) { return sink(as_text(message)); };
  if (!write(detail::encode_header(trace.header))) return;
  for (const TaskInfo& task : trace.tasks) write(detail::encode_task(task));
  for (const ObjectInfo& object : trace.objects) write(detail::encode_object(object));
  for (const auto& [id, site] : trace.sites) {
    write(detail::encode_site(SiteId{id}, site.file.c_str(), site.function.c_str(), site.line));
  }
  for (const auto& [id, text] : trace.texts) write(detail::encode_text(id, text));
  for (const StackInfo& stack : trace.stacks) write(detail::encode_stack(stack.id, stack.frames));
  write(detail::encode_modules(trace.modules));

  std::vector<std::byte> buffer(detail::kSpoolBufferBytes);
  for (const TaskStream& stream : trace.streams) {
    if (!write_stream(stream, buffer, sink)) return;
  }
  if (trace.end) write(detail::encode_end(*trace.end));
}

}  // namespace chantrace::replay
