/// \file
/// Writes traces by hand, a line for each record, in the order in which they took effect.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "chantrace/trace.h"

namespace chantrace {

/// What a record says beside who, what and where.
struct RecordDetails {
  Outcome outcome = Outcome::kOk;
  std::optional<std::uint64_t> value = std::nullopt;  ///< Of the channel's type.
  std::uint64_t raw_value = 0;                        ///< What other operations put there.
  std::uint16_t detail = 0;
};

/// Each record gets the next sequence number of its object and the next moment of time. Sites are
/// lines of "test.cpp".
class TraceBuilder {
 public:
  TraceBuilder() {
    trace_.header.has_values = true;
    trace_.end.emplace();
    trace_.end->passed = true;
  }

  TaskId body(const std::string& label = "main") {
    const TaskId id = add_task(label, TaskId{0}, 0);
    trace_.tasks.back().is_host = true;
    trace_.tasks.back().is_body = true;
    return id;
  }
  /// Started by `parent` at `line`, and begun.
  TaskId go(TaskId parent, const std::string& label, std::uint32_t line) {
    const TaskId id = add_task(label, parent, line);
    both(parent, Operation::kTaskSpawn, id, line);
    both(id, Operation::kTaskBegin, id, line);
    return id;
  }
  ObjectId object(ObjectKind kind, const std::string& name, std::uint32_t line = 0) {
    ObjectInfo info;
    info.id = ObjectId{static_cast<std::uint32_t>(trace_.objects.size() + 1)};
    info.kind = kind;
    info.name = name;
    info.site = site(line);
    trace_.objects.push_back(info);
    return info.id;
  }
  ObjectId channel(const std::string& name, std::uint64_t capacity, std::uint32_t line = 0) {
    const ObjectId id = object(ObjectKind::kChannel, name, line);
    trace_.objects.back().type = "int";
    trace_.objects.back().format = ValueFormat::kSigned;
    trace_.objects.back().capacity = capacity;
    return id;
  }
  ObjectId mutex(const std::string& name) { return object(ObjectKind::kMutex, name); }

  // Records.

  template <typename Id>
  void both(TaskId task, Operation operation, Id object, std::uint32_t line,
            RecordDetails details = {}) {
    add(task, operation, Phase::kBoth, to_number(object), line, details);
  }
  template <typename Id>
  void start(TaskId task, Operation operation, Id object, std::uint32_t line,
             RecordDetails details = {}) {
    add(task, operation, Phase::kStart, to_number(object), line, details);
  }
  template <typename Id>
  void done(TaskId task, Operation operation, Id object, std::uint32_t line,
            RecordDetails details = {}) {
    add(task, operation, Phase::kDone, to_number(object), line, details);
  }
  void lock(TaskId task, ObjectId mutex, std::uint32_t line) {
    both(task, Operation::kLock, mutex, line);
  }
  void unlock(TaskId task, ObjectId mutex, std::uint32_t line) {
    both(task, Operation::kUnlock, mutex, line);
  }
  void join(TaskId task, TaskId joined, std::uint32_t line) {
    both(task, Operation::kTaskJoin, joined, line);
  }
  void end(TaskId task, Outcome outcome = Outcome::kOk) {
    both(task, Operation::kTaskEnd, task, 0, {.outcome = outcome});
  }
  /// A select that parks: its cases, as channel and whether it sends, and its start.
  void start_select(TaskId task, const std::vector<std::pair<ObjectId, bool>>& cases,
                    std::uint32_t line) {
    std::uint16_t index = 0;
    for (const auto& [channel, is_send] : cases)
      start(task, Operation::kSelectCase, channel, line,
            {.detail = static_cast<std::uint16_t>(index++ | (is_send ? kSendCase : 0))});
    start(task, Operation::kSelect, ObjectId{0}, line, {.detail = kNoCase});
  }

  EventRecord& last(TaskId task) { return stream(task).events.back(); }
  /// Events of `task` that are lost, after those it has so far.
  void lose(TaskId task, std::uint64_t count) {
    TaskStream& lossy = stream(task);
    lossy.gaps.push_back({lossy.events.size(), count});
  }
  /// Of an object whose records are lost.
  template <typename Id>
  void skip_sequence(Operation operation, Id object, std::uint32_t count) {
    sequences_[{is_on_task(operation), to_number(object)}] += count;
  }

  /// As when the process was killed.
  void cut_off() { trace_.end.reset(); }
  Trace& trace() { return trace_; }
  Trace build() const {
    Trace built = trace_;
    std::erase_if(built.streams, [](const TaskStream& one) { return one.events.empty(); });
    return built;
  }

 private:
  TaskId add_task(const std::string& label, TaskId parent, std::uint32_t line) {
    TaskInfo info;
    info.id = TaskId{static_cast<std::uint32_t>(trace_.tasks.size() + 1)};
    info.parent = parent;
    info.label = label;
    info.site = site(line);
    trace_.tasks.push_back(info);
    trace_.streams.push_back({.task = info.id, .events = {}, .gaps = {}});
    return info.id;
  }

  TaskStream& stream(TaskId task) { return trace_.streams[to_number(task) - 1]; }

  SiteId site(std::uint32_t line) {
    if (line == 0) return SiteId{0};
    trace_.sites.try_emplace(line, Site{.file = "test.cpp", .function = "test", .line = line});
    return SiteId{line};
  }

  void add(TaskId task, Operation operation, Phase phase, std::uint32_t object, std::uint32_t line,
           const RecordDetails& details) {
    EventRecord event;
    event.time = ++time_;
    event.object = object;
    event.sequence = object == 0 ? 0 : ++sequences_[{is_on_task(operation), object}];
    event.site = to_number(site(line));
    event.operation = operation;
    event.value = details.value.value_or(details.raw_value);
    event.detail = details.detail;
    event.flags = make_flags(phase, details.outcome, details.value ? kHasValue : std::uint8_t{0});
    stream(task).events.push_back(event);
  }

  Trace trace_;
  std::uint64_t time_ = 0;
  std::map<std::pair<bool, std::uint32_t>, std::uint32_t> sequences_;
};

}  // namespace chantrace
