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

/// A record of any content, also of operations and flags that nobody knows yet.
rc::Gen<EventRecord> wild_event() {
  return rc::gen::build<EventRecord>(
      rc::gen::set(&EventRecord::time, number()), rc::gen::set(&EventRecord::value, number()),
      rc::gen::set(&EventRecord::object, number_of<std::uint32_t>()),
      rc::gen::set(&EventRecord::sequence, number_of<std::uint32_t>()),
      rc::gen::set(&EventRecord::site, number_of<std::uint32_t>()),
      rc::gen::set(&EventRecord::operation, rc::gen::cast<Operation>(rc::gen::inRange(0, 256))),
      rc::gen::set(&EventRecord::flags, rc::gen::arbitrary<std::uint8_t>()),
      rc::gen::set(&EventRecord::detail, number_of<std::uint16_t>()));
}

/// A record as they come: few places, small steps.
rc::Gen<EventRecord> tame_event() {
  return rc::gen::build<EventRecord>(
      rc::gen::set(&EventRecord::time, rc::gen::inRange<std::uint64_t>(0, 100'000)),
      rc::gen::set(&EventRecord::value, rc::gen::inRange<std::uint64_t>(0, 1000)),
      rc::gen::set(&EventRecord::object, rc::gen::inRange<std::uint32_t>(0, 4)),
      rc::gen::set(&EventRecord::sequence, rc::gen::inRange<std::uint32_t>(0, 100)),
      rc::gen::set(&EventRecord::site, rc::gen::inRange<std::uint32_t>(1, 9)),
      rc::gen::set(&EventRecord::operation,
                   rc::gen::element(Operation::kSend, Operation::kReceive, Operation::kLock)),
      rc::gen::set(&EventRecord::flags,
                   rc::gen::element(make_flags(Phase::kBoth, Outcome::kOk, kHasValue),
                                    make_flags(Phase::kStart, Outcome::kOk))),
      rc::gen::set(&EventRecord::detail, rc::gen::inRange<std::uint16_t>(0, 10)));
}

rc::Gen<std::vector<EventRecord>> events() {
  return rc::gen::container<std::vector<EventRecord>>(
      rc::gen::weightedOneOf<EventRecord>({{3, tame_event()}, {1, wild_event()}}));
}

rc::Gen<Site> site() {
  return rc::gen::build<Site>(rc::gen::set(&Site::file, text()),
                              rc::gen::set(&Site::function, text()),
                              rc::gen::set(&Site::line, number_of<std::uint32_t>()));
}

rc::Gen<TaskInfo> task() {
  return rc::gen::build<TaskInfo>(
      rc::gen::set(&TaskInfo::parent, rc::gen::cast<TaskId>(number_of<std::uint32_t>())),
      rc::gen::set(&TaskInfo::label, text()),
      rc::gen::set(&TaskInfo::site, rc::gen::cast<SiteId>(number_of<std::uint32_t>())),
      rc::gen::set(&TaskInfo::is_host), rc::gen::set(&TaskInfo::is_body),
      rc::gen::set(&TaskInfo::os_thread, number()));
}

rc::Gen<ObjectInfo> object() {
  return rc::gen::build<ObjectInfo>(
      rc::gen::set(&ObjectInfo::kind, rc::gen::cast<ObjectKind>(rc::gen::inRange(0, 256))),
      rc::gen::set(&ObjectInfo::name, text()), rc::gen::set(&ObjectInfo::type, text()),
      rc::gen::set(&ObjectInfo::format, rc::gen::cast<ValueFormat>(rc::gen::inRange(0, 256))),
      rc::gen::set(&ObjectInfo::site, rc::gen::cast<SiteId>(number_of<std::uint32_t>())),
      rc::gen::set(&ObjectInfo::capacity, number()),
      rc::gen::set(&ObjectInfo::initial_size, number()),
      rc::gen::set(&ObjectInfo::initial_count, number_of<std::int64_t>()),
      rc::gen::set(&ObjectInfo::is_initially_closed),
      rc::gen::set(&ObjectInfo::channel, rc::gen::cast<ObjectId>(number_of<std::uint32_t>())),
      rc::gen::set(&ObjectInfo::initial_holders,
                   rc::gen::container<std::vector<TaskId>>(
                       rc::gen::cast<TaskId>(number_of<std::uint32_t>()))));
}

rc::Gen<Participant> participant() {
  return rc::gen::build<Participant>(
      rc::gen::set(&Participant::task, rc::gen::cast<TaskId>(number_of<std::uint32_t>())),
      rc::gen::set(&Participant::label, text()), rc::gen::set(&Participant::text, text()),
      rc::gen::set(&Participant::site, site()), rc::gen::set(&Participant::started_at, site()),
      rc::gen::set(&Participant::started_by, text()));
}

rc::Gen<FindingSite> finding_site() {
  return rc::gen::build<FindingSite>(rc::gen::set(&FindingSite::role, text()),
                                     rc::gen::set(&FindingSite::site, site()));
}

rc::Gen<Finding> finding() {
  return rc::gen::build<Finding>(
      rc::gen::set(&Finding::kind, rc::gen::element(FindingKind::kDeadlock, FindingKind::kLeaked,
                                                    FindingKind::kRace, FindingKind::kUncertain)),
      rc::gen::set(&Finding::certainty,
                   rc::gen::element(Certainty::kCertain, Certainty::kPossible, Certainty::kNote)),
      rc::gen::set(&Finding::task, rc::gen::cast<TaskId>(number_of<std::uint32_t>())),
      rc::gen::set(&Finding::object, rc::gen::cast<ObjectId>(number_of<std::uint32_t>())),
      rc::gen::set(&Finding::summary, text()),
      rc::gen::set(&Finding::participants,
                   rc::gen::resize(3, rc::gen::container<std::vector<Participant>>(participant()))),
      rc::gen::set(&Finding::behind,
                   rc::gen::resize(3, rc::gen::container<std::vector<Participant>>(participant()))),
      rc::gen::set(&Finding::reason, rc::gen::container<std::vector<std::string>>(text())),
      rc::gen::set(&Finding::sites, rc::gen::resize(3, rc::gen::container<std::vector<FindingSite>>(
                                                           finding_site()))));
}

rc::Gen<Schedule> schedule() {
  return rc::gen::apply(
      [](std::vector<std::pair<std::uint32_t, std::uint32_t>> segments,
         std::vector<std::uint32_t> choices, std::uint64_t fingerprint, int rules) {
        Schedule made;
        for (const auto& [task, operations] : segments) made.segments.push_back({task, operations});
        made.choices = std::move(choices);
        made.fingerprint = fingerprint;
        made.rules.time_mode = (rules & 1) != 0 ? TimeMode::kQuiescence : TimeMode::kChoice;
        made.rules.spawn_is_step = (rules & 2) != 0;
        made.rules.unlock_is_step = (rules & 4) != 0;
        made.rules.end_is_step = (rules & 8) != 0;
        return made;
      },
      rc::gen::arbitrary<std::vector<std::pair<std::uint32_t, std::uint32_t>>>(),
      rc::gen::arbitrary<std::vector<std::uint32_t>>(), number(), rc::gen::inRange(0, 16));
}

rc::Gen<Deed> deed() {
  // There are three tasks: see `explanation`.
  return rc::gen::build<Deed>(rc::gen::set(&Deed::step, number()),
                              rc::gen::set(&Deed::task, rc::gen::inRange(0u, 3u)),
                              rc::gen::set(&Deed::text, text()), rc::gen::set(&Deed::site, site()),
                              rc::gen::set(&Deed::preempted, text()));
}

rc::Gen<Explanation> any_explanation() {
  return rc::gen::build<Explanation>(
      rc::gen::set(&Explanation::tasks, rc::gen::container<std::vector<std::string>>(3, text())),
      rc::gen::set(&Explanation::deeds,
                   rc::gen::resize(3, rc::gen::container<std::vector<Deed>>(deed()))),
      rc::gen::set(&Explanation::orders,
                   rc::gen::resize(2, rc::gen::container<std::vector<DecisiveOrder>>(
                                          rc::gen::build<DecisiveOrder>(
                                              rc::gen::set(&DecisiveOrder::first, deed()),
                                              rc::gen::set(&DecisiveOrder::second, deed()),
                                              rc::gen::set(&DecisiveOrder::failed, number()),
                                              rc::gen::set(&DecisiveOrder::schedules, number()))))),
      rc::gen::set(
          &Explanation::choices,
          rc::gen::resize(
              2, rc::gen::container<std::vector<DecisiveChoice>>(rc::gen::build<DecisiveChoice>(
                     rc::gen::set(&DecisiveChoice::deed, deed()),
                     rc::gen::set(&DecisiveChoice::outcome, text()),
                     rc::gen::set(&DecisiveChoice::failed, number()),
                     rc::gen::set(&DecisiveChoice::schedules, number()))))),
      rc::gen::set(&Explanation::failed_nearby, number()),
      rc::gen::set(&Explanation::nearby, number()),
      rc::gen::set(&Explanation::decided_at, number()),
      rc::gen::set(&Explanation::continuations, number()));
}

rc::Gen<Explanation> explanation() {
  return rc::gen::map(any_explanation(), [](Explanation one) {
    one.decided_at %= one.deeds.size() + 1;  // There are no other steps.
    return one;
  });
}

template <typename T>
rc::Gen<std::optional<T>> maybe(rc::Gen<T> gen) {
  return rc::gen::apply(
      [](bool has_one, T made) {
        return has_one ? std::optional<T>(std::move(made)) : std::nullopt;
      },
      rc::gen::arbitrary<bool>(), std::move(gen));
}

rc::Gen<TraceEnd> end() {
  return rc::gen::build<TraceEnd>(
      rc::gen::set(&TraceEnd::passed), rc::gen::set(&TraceEnd::ended_ticks, number()),
      rc::gen::set(&TraceEnd::ticks_per_second, number()),
      rc::gen::set(&TraceEnd::findings,
                   rc::gen::resize(3, rc::gen::container<std::vector<Finding>>(finding()))),
      rc::gen::set(&TraceEnd::foreign_threads, number_of<std::uint32_t>()),
      rc::gen::set(&TraceEnd::body_ended), rc::gen::set(&TraceEnd::schedule, maybe(schedule())),
      rc::gen::set(&TraceEnd::explanation, maybe(explanation())));
}

rc::Gen<TraceHeader> header() {
  return rc::gen::build<TraceHeader>(
      rc::gen::set(&TraceHeader::format_version, rc::gen::just(kTraceFormatVersion)),
      rc::gen::set(&TraceHeader::program, text()),
      rc::gen::set(&TraceHeader::arguments, rc::gen::container<std::vector<std::string>>(text())),
      rc::gen::set(&TraceHeader::test, text()), rc::gen::set(&TraceHeader::build_id, text()),
      rc::gen::set(&TraceHeader::process_id, number()),
      rc::gen::set(&TraceHeader::started_unix_ns, number()),
      rc::gen::set(&TraceHeader::started_ticks, number()),
      rc::gen::set(&TraceHeader::ticks_per_second, number()),
      rc::gen::set(&TraceHeader::is_controlled), rc::gen::set(&TraceHeader::has_values),
      rc::gen::set(&TraceHeader::options,
                   rc::gen::container<std::vector<std::pair<std::string, std::string>>>(
                       rc::gen::pair(text(), text()))));
}

/// Gives each of `items` its own id, ascending.
template <typename Item, typename Id>
void number_ids(std::vector<Item>& items, Id Item::*id) {
  std::uint32_t next = 0;
  for (Item& item : items) item.*id = Id{next += 1 + next % 3};
}

/// Ascending gaps, at most one before each event and one at the end.
rc::Gen<std::vector<Gap>> gaps(std::uint64_t events_count) {
  return rc::gen::map(
      rc::gen::resize(
          4, rc::gen::container<std::vector<Gap>>(rc::gen::build<Gap>(
                 rc::gen::set(&Gap::before, rc::gen::inRange<std::uint64_t>(0, events_count + 1)),
                 rc::gen::set(&Gap::count, rc::gen::inRange<std::uint64_t>(1, 99'999))))),
      [](std::vector<Gap> drawn) {
        std::sort(drawn.begin(), drawn.end(),
                  [](const Gap& left, const Gap& right) { return left.before < right.before; });
        drawn.erase(std::unique(drawn.begin(), drawn.end(),
                                [](const Gap& left, const Gap& right) {
                                  return left.before == right.before;
                                }),
                    drawn.end());
        return drawn;
      });
}

Trace draw_trace() {
  Trace trace;
  trace.header = *header();
  trace.tasks = *rc::gen::container<std::vector<TaskInfo>>(task());
  number_ids(trace.tasks, &TaskInfo::id);
  trace.objects = *rc::gen::container<std::vector<ObjectInfo>>(object());
  number_ids(trace.objects, &ObjectInfo::id);
  for (const auto& place : *rc::gen::container<std::vector<Site>>(site()))
    trace.sites[static_cast<std::uint32_t>(7 * trace.sites.size() + 1)] = place;
  for (const auto& value : *rc::gen::container<std::vector<std::string>>(text()))
    trace.texts[trace.texts.size() + 1] = value;
  for (const auto& frames :
       *rc::gen::resize(5, rc::gen::container<std::vector<std::vector<std::uint64_t>>>(
                               rc::gen::container<std::vector<std::uint64_t>>(number()))))
    trace.stacks.push_back({trace.stacks.size() + 1, frames});
  for (const auto& path : *rc::gen::container<std::vector<std::string>>(text()))
    trace.modules.push_back({path, *number() << 8 | trace.modules.size() % 256, 4096, "ab12"});
  for (std::uint32_t id = 1; id <= *rc::gen::inRange<std::uint32_t>(1, 6); ++id) {
    TaskStream stream{.task = TaskId{id}, .events = *events(), .gaps = {}};
    stream.gaps = *gaps(stream.events.size());
    if (!stream.events.empty() || !stream.gaps.empty()) trace.streams.push_back(std::move(stream));
  }
  if (*rc::gen::arbitrary<bool>()) trace.end = *end();
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
  return gen::weightedOneOf<chantrace::EventRecord>(
      {{3, chantrace::tame_event()}, {1, chantrace::wild_event()}});
}

Gen<chantrace::Trace> Arbitrary<chantrace::Trace>::arbitrary() {
  return gen::exec([] { return chantrace::draw_trace(); });
}

}  // namespace rc
