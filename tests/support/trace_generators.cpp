#include "support/trace_generators.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace chantrace {
namespace {

/// Text as users write it, of which a part is not ASCII.
rc::Gen<std::string> text() {
  return rc::gen::map(
      rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::vector<std::string>{
          "a", "Z", "0", " ", "/", "\"", "\n", "é", "中", "😀", "\x7f", "worker", "\x1b["})),
      [](const std::vector<std::string>& parts) {
        std::string joined;
        for (const std::string& part : parts) joined += part;
        return joined;
      });
}

/// Numbers of all magnitudes, and mostly small ones.
rc::Gen<std::uint64_t> number() {
  return rc::gen::map(
      rc::gen::pair(rc::gen::inRange(0, 64), rc::gen::arbitrary<std::uint64_t>()),
      [](const std::pair<int, std::uint64_t>& drawn) { return drawn.second >> drawn.first; });
}

template <typename Small>
rc::Gen<Small> number_of() {
  return rc::gen::map(number(), [](std::uint64_t drawn) { return static_cast<Small>(drawn); });
}

bool flag() { return *rc::gen::arbitrary<bool>(); }

std::vector<std::string> texts() { return *rc::gen::container<std::vector<std::string>>(text()); }

/// As many as containers get, which is up to the current size, of what `draw` makes. Draws are
/// plain functions and not generators of structs: those take the compiler a minute.
template <typename Draw>
auto several(Draw draw, int most = 100) {
  const int count = *rc::gen::withSize(
      [most](int size) { return rc::gen::inRange(0, std::min(size, most) + 1); });
  std::vector<decltype(draw())> all;
  for (int i = 0; i < count; ++i) all.push_back(draw());
  return all;
}

/// A record of any content, also of operations and flags that nobody knows yet.
EventRecord draw_wild_event() {
  return {.time = *number(),
          .value = *number(),
          .object = *number_of<std::uint32_t>(),
          .sequence = *number_of<std::uint32_t>(),
          .site = *number_of<std::uint32_t>(),
          .operation = static_cast<Operation>(*rc::gen::inRange(0, 256)),
          .flags = *rc::gen::arbitrary<std::uint8_t>(),
          .detail = *number_of<std::uint16_t>()};
}

/// A record as they come: few places, small steps.
EventRecord draw_tame_event() {
  return {.time = *rc::gen::inRange<std::uint64_t>(0, 100'000),
          .value = *rc::gen::inRange<std::uint64_t>(0, 1000),
          .object = *rc::gen::inRange<std::uint32_t>(0, 4),
          .sequence = *rc::gen::inRange<std::uint32_t>(0, 100),
          .site = *rc::gen::inRange<std::uint32_t>(1, 9),
          .operation = *rc::gen::element(Operation::kSend, Operation::kReceive, Operation::kLock),
          .flags = *rc::gen::element(make_flags(Phase::kBoth, Outcome::kOk, kHasValue),
                                     make_flags(Phase::kStart, Outcome::kOk)),
          .detail = *rc::gen::inRange<std::uint16_t>(0, 10)};
}

rc::Gen<EventRecord> event() {
  return rc::gen::exec(
      [] { return *rc::gen::inRange(0, 4) < 3 ? draw_tame_event() : draw_wild_event(); });
}

Site draw_site() {
  return {.file = *text(), .function = *text(), .line = *number_of<std::uint32_t>()};
}

TaskInfo draw_task() {
  TaskInfo task;
  task.parent = TaskId{*number_of<std::uint32_t>()};
  task.label = *text();
  task.site = SiteId{*number_of<std::uint32_t>()};
  task.is_host = flag();
  task.is_body = flag();
  task.os_thread = *number();
  return task;
}

ObjectInfo draw_object() {
  ObjectInfo object;
  object.kind = static_cast<ObjectKind>(*rc::gen::inRange(0, 256));
  object.name = *text();
  object.type = *text();
  object.format = static_cast<ValueFormat>(*rc::gen::inRange(0, 256));
  object.site = SiteId{*number_of<std::uint32_t>()};
  object.capacity = *number();
  object.initial_size = *number();
  object.initial_count = *number_of<std::int64_t>();
  object.is_initially_closed = flag();
  object.channel = ObjectId{*number_of<std::uint32_t>()};
  object.initial_holders = several([] { return TaskId{*number_of<std::uint32_t>()}; });
  return object;
}

Participant draw_participant() {
  Participant participant;
  participant.task = TaskId{*number_of<std::uint32_t>()};
  participant.label = *text();
  participant.text = *text();
  participant.site = draw_site();
  participant.started_at = draw_site();
  participant.started_by = *text();
  return participant;
}

Finding draw_finding() {
  Finding finding;
  finding.kind = *rc::gen::element(FindingKind::kDeadlock, FindingKind::kLeaked, FindingKind::kRace,
                                   FindingKind::kUncertain);
  finding.certainty =
      *rc::gen::element(Certainty::kCertain, Certainty::kPossible, Certainty::kNote);
  finding.task = TaskId{*number_of<std::uint32_t>()};
  finding.object = ObjectId{*number_of<std::uint32_t>()};
  finding.summary = *text();
  finding.participants = several(draw_participant, 3);
  finding.behind = several(draw_participant, 3);
  finding.reason = texts();
  finding.sites = several([] { return FindingSite{*text(), draw_site()}; }, 3);
  return finding;
}

Schedule draw_schedule() {
  Schedule schedule;
  schedule.segments = several([] {
    return Segment{*number_of<std::uint32_t>(), *number_of<std::uint32_t>()};
  });
  schedule.choices = several([] { return *number_of<std::uint32_t>(); });
  schedule.fingerprint = *number();
  schedule.rules.time_mode = flag() ? TimeMode::kQuiescence : TimeMode::kChoice;
  schedule.rules.spawn_is_step = flag();
  schedule.rules.unlock_is_step = flag();
  schedule.rules.end_is_step = flag();
  return schedule;
}

Deed draw_deed() {
  Deed deed;
  deed.step = *number();
  deed.task = *rc::gen::inRange(0u, 3u);  // There are three tasks: see `draw_explanation`.
  deed.text = *text();
  deed.site = draw_site();
  deed.preempted = *text();
  return deed;
}

Explanation draw_explanation() {
  Explanation explanation;
  explanation.tasks = {*text(), *text(), *text()};
  explanation.deeds = several(draw_deed, 3);
  explanation.orders = several(
      [] {
        return DecisiveOrder{draw_deed(), draw_deed(), *number(), *number()};
      },
      2);
  explanation.choices = several(
      [] {
        return DecisiveChoice{draw_deed(), *text(), *number(), *number()};
      },
      2);
  explanation.failed_nearby = *number();
  explanation.nearby = *number();
  explanation.decided_at = *number() % (explanation.deeds.size() + 1);  // There are no other steps.
  explanation.continuations = *number();
  return explanation;
}

TraceEnd draw_end() {
  TraceEnd end;
  end.passed = flag();
  end.ended_ticks = *number();
  end.ticks_per_second = *number();
  end.findings = several(draw_finding, 3);
  end.foreign_threads = *number_of<std::uint32_t>();
  end.body_ended = flag();
  if (flag()) end.schedule = draw_schedule();
  if (flag()) end.explanation = draw_explanation();
  return end;
}

TraceHeader draw_header() {
  TraceHeader header;
  header.format_version = kTraceFormatVersion;
  header.program = *text();
  header.arguments = texts();
  header.test = *text();
  header.build_id = *text();
  header.process_id = *number();
  header.started_unix_ns = *number();
  header.started_ticks = *number();
  header.ticks_per_second = *number();
  header.is_controlled = flag();
  header.has_values = flag();
  header.options = several([] { return std::pair(*text(), *text()); });
  return header;
}

/// Gives each of `items` its own id, ascending.
template <typename Item, typename Id>
void number_ids(std::vector<Item>& items, Id Item::*id) {
  std::uint32_t next = 0;
  for (Item& item : items) item.*id = Id{next += 1 + next % 3};
}

/// Ascending gaps, at most one before each event and one at the end.
std::vector<Gap> draw_gaps(std::uint64_t events_count) {
  std::vector<Gap> gaps = several(
      [events_count] {
        return Gap{.before = *rc::gen::inRange<std::uint64_t>(0, events_count + 1),
                   .count = *rc::gen::inRange<std::uint64_t>(1, 99'999)};
      },
      4);
  std::ranges::sort(gaps, {}, &Gap::before);
  const auto repeated = std::ranges::unique(gaps, {}, &Gap::before);
  gaps.erase(repeated.begin(), repeated.end());
  return gaps;
}

Trace draw_trace() {
  Trace trace;
  trace.header = draw_header();
  trace.tasks = several(draw_task);
  number_ids(trace.tasks, &TaskInfo::id);
  trace.objects = several(draw_object);
  number_ids(trace.objects, &ObjectInfo::id);
  for (const Site& place : several(draw_site))
    trace.sites[static_cast<std::uint32_t>(7 * trace.sites.size() + 1)] = place;
  for (const std::string& value : texts()) trace.texts[trace.texts.size() + 1] = value;
  for (const auto& frames : several([] { return several([] { return *number(); }); }, 5))
    trace.stacks.push_back({trace.stacks.size() + 1, frames});
  for (const std::string& path : texts())
    trace.modules.push_back({path, *number() << 8 | trace.modules.size() % 256, 4096, "ab12"});
  for (std::uint32_t id = 1; id <= *rc::gen::inRange<std::uint32_t>(1, 6); ++id) {
    TaskStream stream{.task = TaskId{id},
                      .events = *rc::gen::container<std::vector<EventRecord>>(event()),
                      .gaps = {}};
    stream.gaps = draw_gaps(stream.events.size());
    if (!stream.events.empty() || !stream.gaps.empty()) trace.streams.push_back(std::move(stream));
  }
  if (flag()) trace.end = draw_end();
  return trace;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const EventRecord& event) {
  return out << to_string(event.operation) << " object " << event.object << " sequence "
             << event.sequence << " site " << event.site << " value " << event.value << " time "
             << event.time << " flags " << unsigned{event.flags} << " detail " << event.detail;
}

std::ostream& operator<<(std::ostream& out, const Trace& trace) {
  out << trace.tasks.size() << " tasks, " << trace.objects.size() << " objects, "
      << trace.sites.size() << " sites, " << trace.texts.size() << " texts, "
      << (trace.end ? "an end" : "no end") << "\n";
  for (const TaskStream& stream : trace.streams) {
    out << "task " << to_number(stream.task) << "\n";
    for (const EventRecord& event : stream.events) out << "  " << event << "\n";
    for (const Gap& gap : stream.gaps)
      out << "  " << gap.count << " lost before " << gap.before << "\n";
  }
  return out;
}

}  // namespace chantrace

namespace rc {

Gen<chantrace::EventRecord> Arbitrary<chantrace::EventRecord>::arbitrary() {
  return chantrace::event();
}

Gen<chantrace::Trace> Arbitrary<chantrace::Trace>::arbitrary() {
  return gen::exec([] { return chantrace::draw_trace(); });
}

}  // namespace rc
