/// \file
/// Traces made by hand, for tests of the command.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "chantrace/trace.h"

namespace chantrace::replay {

/// Builds a trace event by event. Sequence numbers and times count up by themselves.
class TraceMaker {
 public:
  /// What an event has beside its operation and its object.
  struct Extra {
    Phase phase = Phase::kBoth;
    Outcome outcome = Outcome::kOk;
    std::int64_t value = 0;
    bool has_value = false;
    std::uint16_t detail = 0;
    std::uint32_t line = 0;
  };

  explicit TraceMaker(std::string test = "Pool.Drains") {
    trace_.header = {.format_version = kTraceFormatVersion,
                     .program = "/home/me/pool/build/pool_test",
                     .arguments = {},
                     .test = std::move(test),
                     .build_id = {},
                     .process_id = 0,
                     .started_unix_ns = 1'700'000'000'000'000'000,
                     .started_ticks = 1'000,
                     .ticks_per_second = 1'000'000'000,
                     .is_controlled = false,
                     .has_values = true,
                     .options = {}};
    body_ = add_task("main", TaskId{}, 0);
    trace_.tasks.back().is_host = true;
    trace_.tasks.back().is_body = true;
  }

  TaskId body() const { return body_; }
  Trace& trace() { return trace_; }

  /// A task that the body starts at `line`, and that begins at once.
  TaskId task(std::string label, std::uint32_t line = 88) {
    const TaskId id = add_task(std::move(label), body_, line);
    event(body_, Operation::kTaskSpawn, to_number(id), {.line = line});
    event(id, Operation::kTaskBegin, to_number(id), {.line = line});
    return id;
  }

  std::uint32_t object(ObjectKind kind, std::string name, std::uint64_t capacity = 0,
                       std::uint32_t line = 31) {
    ObjectInfo info;
    info.id = ObjectId{static_cast<std::uint32_t>(trace_.objects.size() + 1)};
    info.kind = kind;
    info.name = std::move(name);
    if (kind == ObjectKind::kChannel) {
      info.type = "int";
      info.format = ValueFormat::kSigned;
      info.capacity = capacity;
    }
    info.site = site(line);
    trace_.objects.push_back(info);
    return to_number(info.id);
  }

  std::uint32_t channel(std::string name, std::uint64_t capacity = 0, std::uint32_t line = 31) {
    const std::uint32_t id = object(ObjectKind::kChannel, std::move(name), capacity, line);
    event(body_, Operation::kChannelMake, id,
          {.value = static_cast<std::int64_t>(capacity), .line = line});
    return id;
  }

  void event(TaskId task, Operation operation, std::uint32_t object) {
    event(task, operation, object, Extra{});
  }
  void event(TaskId task, Operation operation, std::uint32_t object, const Extra& extra) {
    time_ += 1'000;
    EventRecord record;
    record.time = time_;
    record.value = std::bit_cast<std::uint64_t>(extra.value);
    record.object = object;
    const bool has_sequence = object != 0;
    record.sequence = has_sequence ? ++sequences_[{is_on_task(operation), object}] : 0;
    record.site = to_number(site(extra.line));
    record.operation = operation;
    record.flags = make_flags(extra.phase, extra.outcome, extra.has_value ? kHasValue : 0);
    record.detail = extra.detail;
    stream_of(task).events.push_back(record);
  }

  void send(TaskId task, std::uint32_t channel, int value, Phase phase, std::uint32_t line,
            std::uint16_t depth = 0) {
    event(task, Operation::kSend, channel,
          {.phase = phase, .value = value, .has_value = true, .detail = depth, .line = line});
  }
  void receive(TaskId task, std::uint32_t channel, int value, Phase phase, std::uint32_t line,
               std::uint16_t depth = 0) {
    event(task, Operation::kReceive, channel,
          {.phase = phase,
           .value = value,
           .has_value = phase != Phase::kStart,
           .detail = depth,
           .line = line});
  }
  void end_task(TaskId task, std::uint32_t line = 112) {
    event(task, Operation::kTaskEnd, to_number(task), {.line = line});
  }

  void finding(Finding finding) { findings_.push_back(std::move(finding)); }

  /// The whole trace, with an end.
  Trace finish(bool passed = true) {
    trace_.end = TraceEnd{.passed = passed,
                          .ended_ticks = time_ + 1'000,
                          .ticks_per_second = 1'000'000'000,
                          .findings = findings_,
                          .foreign_threads = 0,
                          .body_ended = true,
                          .schedule = std::nullopt};
    return trace_;
  }
  /// What a killed process leaves.
  Trace cut_off() { return trace_; }

  SiteId site(std::uint32_t line) {
    if (line == 0) return SiteId{};
    trace_.sites.try_emplace(line, Site{file, "run", line});
    return SiteId{line};
  }

  std::string file = "/home/me/pool/pool.cpp";

 private:
  TaskId add_task(std::string label, TaskId parent, std::uint32_t line) {
    TaskInfo info;
    info.id = TaskId{static_cast<std::uint32_t>(trace_.tasks.size() + 1)};
    info.parent = parent;
    info.label = std::move(label);
    info.site = site(line);
    trace_.tasks.push_back(info);
    return info.id;
  }
  TaskStream& stream_of(TaskId task) {
    for (TaskStream& stream : trace_.streams) {
      if (stream.task == task) return stream;
    }
    trace_.streams.push_back({.task = task, .events = {}, .gaps = {}});
    return trace_.streams.back();
  }

  Trace trace_;
  TaskId body_{};
  std::uint64_t time_ = 1'000;
  std::map<std::pair<bool, std::uint32_t>, std::uint32_t> sequences_;
  std::vector<Finding> findings_;
};

/// A worker that sends to a collector, which receives once and ends: the worker stays in its second
/// send.
inline TraceMaker make_leak(const std::string& test = "Pool.ShutsDown") {
  TraceMaker maker{test};
  const std::uint32_t results = maker.channel("results");
  const TaskId worker = maker.task("worker-2", 88);
  const TaskId collector = maker.task("collector", 90);
  maker.receive(collector, results, 0, Phase::kStart, 109);
  maker.send(worker, results, 7, Phase::kBoth, 97);
  maker.receive(collector, results, 7, Phase::kDone, 109);
  maker.end_task(collector);
  maker.send(worker, results, 8, Phase::kStart, 97);
  return maker;
}

/// A producer that passes `rounds` values to a consumer, and both end.
inline TraceMaker make_loop(int rounds) {
  TraceMaker maker{"Pool.Drains"};
  const std::uint32_t jobs = maker.channel("jobs", 10);
  const TaskId producer = maker.task("producer", 88);
  const TaskId consumer = maker.task("consumer", 90);
  for (int round = 1; round <= rounds; ++round) {
    maker.send(producer, jobs, round, Phase::kBoth, 97, 1);
    maker.receive(consumer, jobs, round, Phase::kBoth, 109, 0);
  }
  maker.event(producer, Operation::kClose, jobs, {.line = 99});
  maker.end_task(producer);
  maker.event(consumer, Operation::kReceive, jobs, {.outcome = Outcome::kClosed, .line = 109});
  maker.end_task(consumer);
  return maker;
}

/// What the library does when a test is over: whoever waits is unwound, one after another.
inline void unwind(TraceMaker& maker, TaskId task, Operation waits_in, std::uint32_t object,
                   std::uint32_t line) {
  maker.event(task, waits_in, object,
              {.phase = Phase::kDone, .outcome = Outcome::kCancelled, .line = line});
  maker.event(task, Operation::kTaskEnd, to_number(task),
              {.outcome = Outcome::kCancelled, .line = line});
}

/// Two tasks that take two locks in opposite orders, and meet.
inline TraceMaker make_deadlock() {
  TraceMaker maker{"Bank.Transfers"};
  const std::uint32_t from = maker.object(ObjectKind::kMutex, "from");
  const std::uint32_t to = maker.object(ObjectKind::kMutex, "to");
  const TaskId left = maker.task("left", 40);
  const TaskId right = maker.task("right", 41);
  maker.event(left, Operation::kLock, from, {.line = 50});
  maker.event(right, Operation::kLock, to, {.line = 60});
  maker.event(left, Operation::kLock, to, {.phase = Phase::kStart, .line = 51});
  maker.event(right, Operation::kLock, from, {.phase = Phase::kStart, .line = 61});
  return maker;
}

/// `count` workers, of which number 17 stays behind.
inline TraceMaker make_crowd(int count) {
  TraceMaker maker{"Pool.Crowd"};
  const std::uint32_t done = maker.channel("done");
  for (int number = 1; number <= count; ++number) {
    const TaskId worker = maker.task("worker", 88);
    if (number == 17) {
      maker.send(worker, done, number, Phase::kStart, 97);
    } else {
      maker.event(worker, Operation::kYield, 0, {.line = 96});
      maker.end_task(worker);
    }
  }
  return maker;
}

/// A finding about `make_leak`, as the runtime would write it.
inline Finding leak_finding() {
  Finding finding;
  finding.kind = FindingKind::kLeaked;
  finding.certainty = Certainty::kCertain;
  finding.task = TaskId{2};
  finding.object = ObjectId{1};
  finding.summary = "worker-2 leaked, blocked for ever in send on \"results\"";
  finding.participants.push_back({.task = TaskId{2},
                                  .label = "worker-2",
                                  .text = "parked in send on \"results\" (int, unbuffered)",
                                  .site = {"/home/me/pool/pool.cpp", "run", 97},
                                  .started_at = {"/home/me/pool/pool.cpp", "run", 88},
                                  .started_by = "main"});
  finding.reason = {"nothing that still runs can receive from \"results\""};
  finding.sites.push_back({"blocked", {"/home/me/pool/pool.cpp", "run", 97}});
  finding.sites.push_back({"started", {"/home/me/pool/pool.cpp", "run", 88}});
  return finding;
}

}  // namespace chantrace::replay
