#include "details.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "chantrace/detail/printable.h"

namespace chantrace::view {
namespace {

/// Links of one step that are shown; a close can wake thousands.
constexpr std::size_t kLinksMax = 20;
constexpr std::size_t kWaitersMax = 12;
/// Of one text that a trace brings.
constexpr std::size_t kTextMax = 1'000;

struct LinkWords {
  const char* from;
  const char* to;
};

LinkWords words_of(Link::Kind kind) {
  switch (kind) {
    case Link::Kind::kValue:
      return {"value from", "value to"};
    case Link::Kind::kWakeUp:
      return {"woken by", "wakes"};
    case Link::Kind::kLock:
      return {"lock from", "lock to"};
    case Link::Kind::kSpawn:
      return {"started by", "starts"};
    case Link::Kind::kJoin:
      return {"waited for", "waited by"};
  }
  return {"", ""};
}

class Rows {
 public:
  explicit Rows(const Subject& subject) : subject_(subject) {}

  void add(std::string label, std::string_view text, Ink ink = Ink::kPlain) {
    if (!text.empty())
      rows_.push_back({std::move(label), detail::cut_to_code_points(text, kTextMax), ink});
  }
  void add_step(const char* label, std::uint64_t step) {
    add(label,
        fmt::format("{}: {} (step {})", subject_.lane_name(subject_.lane_of_step(step)),
                    subject_.words(step, true), grouped(step)),
        Ink::kLink);
  }
  std::vector<DetailRow> take() { return std::move(rows_); }

 private:
  const Subject& subject_;
  std::vector<DetailRow> rows_;
};

std::string time_of(const Subject& subject, std::uint64_t step) {
  const TraceClock& clock = subject.clock();
  const std::uint64_t time = subject.event(step).time;
  if (clock.is_steps()) return fmt::format("step {} of the execution", grouped(time));
  return fmt::format("{} after the start", clock.text(clock.since_start(time)));
}

void add_wait(const Subject& subject, std::uint64_t step, Rows& rows) {
  const Span* const span = subject.index().span_at(subject.lane_of_step(step), step);
  if (span == nullptr || span->begin != step || span->kind == Span::Kind::kRunning) return;
  if (span->end > subject.steps_count()) {
    const bool is_blocked = span->kind == Span::Kind::kBlocked;
    rows.add("waits", is_blocked ? "for ever" : "to the end", is_blocked ? Ink::kBad : Ink::kPlain);
    return;
  }
  const std::uint64_t began = subject.event(step).time;
  const std::uint64_t ended = subject.event(span->end).time;
  const std::uint64_t steps = span->end - step;
  const std::string for_steps = counted(steps, "step");
  rows.add("waits", subject.clock().is_steps()
                        ? for_steps
                        : fmt::format("{}, {}", for_steps,
                                      subject.clock().text(ended > began ? ended - began : 0)));
  rows.add_step("goes on", span->end);
}

void add_cases(const Subject& subject, std::uint64_t step, Rows& rows) {
  const EventRecord& event = subject.event(step);
  if (event.operation != Operation::kSelect) return;
  std::size_t shown = 0;
  const std::vector<const EventRecord*> cases = cases_of(subject.trace(), subject.step(step).place);
  for (const EventRecord* one : cases) {
    if (shown == kLinksMax) {
      rows.add("", fmt::format("and {} more", cases.size() - shown));
      break;
    }
    const bool is_taken = phase_of(event) != Phase::kStart && event.detail != kNoCase &&
                          case_index(event) == case_index(*one);
    rows.add(shown == 0 ? "cases" : "",
             fmt::format("{} {}{}", is_send_case(*one) ? "send" : "recv",
                         one->object == 0 ? "nil" : subject.names().object(ObjectId{one->object}),
                         is_taken ? ", taken" : ""));
    ++shown;
  }
  if (cases.empty() && event.detail != kNoCase)
    rows.add("case", fmt::format("number {}", case_index(event) + 1));
}

void add_object(const Subject& subject, std::uint64_t step, Rows& rows) {
  const std::uint32_t object = subject.index().object_of(step);
  const ObjectInfo* const info = subject.trace().find_object(ObjectId{object});
  if (info == nullptr) return;
  const std::string made_at = subject.names().place(info->site);
  rows.add("on", fmt::format("{} {}{}", to_string(info->kind), subject.names().object(info->id),
                             made_at.empty() ? "" : ", made at " + made_at));
  std::vector<TaskId> waiters = subject.standings().at(object, step).waiters;
  std::erase(waiters, subject.step(step).task);
  if (waiters.empty()) return;
  std::string names;
  for (std::size_t i = 0; i < std::min(waiters.size(), kWaitersMax); ++i)
    names += (i == 0 ? "" : ", ") + subject.names().task(waiters[i]);
  if (waiters.size() > kWaitersMax)
    names += fmt::format(" and {} more", waiters.size() - kWaitersMax);
  rows.add(phase_of(subject.event(step)) == Phase::kStart ? "also wait" : "wait there", names);
}

void add_links(const Subject& subject, std::uint64_t step, Rows& rows) {
  const std::span<const Link> to = subject.index().links_to(step);
  for (const Link& link : to.first(std::min(to.size(), kLinksMax)))
    rows.add_step(words_of(link.kind).from, link.from);
  const std::vector<Link> from = subject.index().links_from(step);
  for (std::size_t i = 0; i < std::min(from.size(), kLinksMax); ++i)
    rows.add_step(words_of(from[i].kind).to, from[i].to);
  if (from.size() > kLinksMax) rows.add("", fmt::format("and {} more", from.size() - kLinksMax));
}

/// Paths as they are shown elsewhere.
std::string without(std::string_view text, const std::string& directory) {
  std::string result(text);
  if (directory.size() < 2) return result;
  for (std::size_t at = 0; (at = result.find(directory, at)) != std::string::npos;)
    result.erase(at, directory.size());
  return result;
}

const TaskState* find_state(const Subject& subject, TaskId task) {
  const std::vector<TaskState>& tasks = subject.end_state().tasks;
  const auto found =
      std::lower_bound(tasks.begin(), tasks.end(), task,
                       [](const TaskState& left, TaskId right) { return left.id < right; });
  return found != tasks.end() && found->id == task ? &*found : nullptr;
}

/// "lock(nu), held by right since a.cpp:71"
std::string stuck_in_words(const Subject& subject, TaskId task) {
  const TaskState* const state = find_state(subject, task);
  if (state == nullptr) return {};
  const Stuck stuck = stuck_in(subject.end_state(), *state, subject.names());
  std::string words = stuck.what;
  for (const std::string& because : stuck.because) words += ", " + because;
  return words;
}

}  // namespace

std::size_t label_columns_of(const std::vector<DetailRow>& rows) {
  constexpr std::size_t kLabelColumnsMax = 20;
  std::size_t columns = 0;
  for (const DetailRow& row : rows) columns = std::max(columns, width_of(row.label));
  return std::min(columns, kLabelColumnsMax) + 2;
}

std::vector<DetailRow> wrapped(const std::vector<DetailRow>& rows, std::size_t label_columns,
                               std::size_t columns, Charset charset) {
  // Where the label leaves hardly anything, words are cut off all the same.
  const std::size_t room = columns > label_columns + 8 ? columns - label_columns : 8;
  std::vector<DetailRow> lines;
  for (const DetailRow& row : rows) {
    std::string label = row.label;
    for (std::string& piece : wrap(row.text, room, charset)) {
      lines.push_back({std::move(label), std::move(piece), row.ink});
      label.clear();
    }
  }
  return lines;
}

std::vector<DetailRow> rows_of_help(bool is_controlled, Charset charset) {
  const bool is_utf8 = charset == Charset::kUtf8;
  std::vector<DetailRow> rows = {
      {is_utf8 ? "← →  h l" : "left right h l", "one step back, one forward"},
      {is_utf8 ? "↑ ↓  k j" : "up down k j", "another lane; in the list, one step"},
      {"Home End", "the first step, the last one"},
      {"PgUp PgDn", "a screen of lanes, or of the list"},
      {"( )", "half a screen of steps back, forward"},
      {"[ ]", "previous, next operation of this task"},
      {"{ }", "previous, next one on this channel or lock"}};
  if (is_controlled) rows.push_back({"< >", "previous, next preemption"});
  const std::vector<DetailRow> more = {
      {"Enter",
       "to what led to this step, or what it led to; from another lane, to what its task "
       "did last"},
      {"b", "back to where Enter, a finding or a search led away from"},
      {"Tab v", "lanes, or a list of the steps"},
      {"+ - 0", "lanes larger, smaller, all of them"},
      {"/", "search: words, or task:worker on:results op:send at:pool.cpp"},
      {"n N", "next, previous step that the search finds"},
      {"e", "findings, and who waits for whom"},
      {"1 ... 9", "to the place of that finding"},
      {"g", "to the step of a number"},
      {"f", "to the end, and along with it while a process goes on"},
      {"Esc", "forgets the search, and which finding is shown"},
      {"q", "out of here; ^Z leaves for a while"},
      {},
      {is_utf8 ? "───" : "---", "runs; a mark is a step"},
      {is_utf8 ? "▒▒▒" : "===", "parked in what the words say"},
      {is_utf8 ? "▓▓▓✗" : "###X", "parked for ever", Ink::kBlocked},
      {is_utf8 ? "░ ━" : "~ +", "where many steps share a column: parked at some, busy"}};
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

std::vector<DetailRow> rows_of_step(const Subject& subject, std::uint64_t step) {
  Rows rows(subject);
  if (step == 0 || step > subject.steps_count()) return {};
  const std::uint32_t lane = subject.lane_of_step(step);
  rows.add("task", subject.lane_name(lane));
  rows.add("does", subject.words(step, true), Ink::kHeading);
  rows.add("at", subject.names().place(SiteId{subject.event(step).site}), Ink::kFaint);
  rows.add("time", time_of(subject, step), Ink::kFaint);
  add_wait(subject, step, rows);
  add_cases(subject, step, rows);
  add_object(subject, step, rows);
  add_links(subject, step, rows);
  if (subject.index().is_preemption(step))
    rows.add("preempts", subject.lane_name(subject.lane_of_step(step - 1)), Ink::kWarning);
  const Span* const span = subject.index().span_at(lane, step);
  if (span != nullptr && span->kind == Span::Kind::kBlocked)
    rows.add("stuck", stuck_in_words(subject, subject.timeline().lanes[lane].task), Ink::kBad);
  return rows.take();
}

std::vector<DetailRow> rows_of_lane(const Subject& subject, std::uint32_t lane,
                                    std::uint64_t step) {
  if (lane >= subject.timeline().lanes.size()) return {};
  Rows rows(subject);
  const Lane& one = subject.timeline().lanes[lane];
  rows.add("task", subject.lane_name(lane), Ink::kHeading);
  if (const TaskInfo* const info = subject.trace().find_task(one.task); info != nullptr) {
    const std::string place = subject.names().place(info->site);
    if (one.parent != kNoLane)
      rows.add("started by", subject.lane_name(one.parent) + (place.empty() ? "" : " at " + place));
  }
  const Span* const span = subject.index().span_at(lane, step);
  if (one.first == 0) {
    rows.add("now", "makes no step in this trace");
  } else if (step < one.first) {
    rows.add("now", fmt::format("has not begun; its first step is {}", grouped(one.first)));
  } else if (span == nullptr) {
    rows.add("now", fmt::format("has ended, at step {}", grouped(one.last)));
  } else if (span->kind == Span::Kind::kRunning) {
    rows.add("now", "runs");
  } else {
    rows.add("now",
             fmt::format("parked in {} since step {}", subject.words(span->begin, false),
                         grouped(span->begin)),
             span->kind == Span::Kind::kBlocked ? Ink::kBad : Ink::kPlain);
    if (span->kind == Span::Kind::kBlocked)
      rows.add("for ever", stuck_in_words(subject, one.task), Ink::kBad);
    else if (span->end <= subject.steps_count())
      rows.add_step("goes on", span->end);
  }
  const std::uint64_t last = previous_of(subject.index().steps_of_lane(lane), step + 1);
  if (last != 0) rows.add_step("last did", last);
  return rows.take();
}

std::vector<DetailRow> rows_of_finding(const Subject& subject, std::size_t finding) {
  Rows rows(subject);
  bool is_first = true;
  for (const std::string& line : cycle_in_words(subject, finding)) {
    rows.add(is_first ? "cycle" : "", line, Ink::kBad);
    is_first = false;
  }
  const std::string text = to_text(subject.findings()[finding], 0);
  std::string_view rest = text;
  // Its head stands above.
  rest.remove_prefix(std::min(rest.find('\n') + 1, rest.size()));
  constexpr std::size_t kLinesMax = 60;
  for (std::size_t lines = 0; !rest.empty() && lines < kLinesMax; ++lines) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    // "  label  text"; where the label is that of the line above there are spaces.
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    const std::size_t gap = begin <= 2 ? line.find("  ", begin) : std::string_view::npos;
    const std::size_t words =
        gap == std::string_view::npos ? begin : line.find_first_not_of(' ', gap);
    rows.add(gap == std::string_view::npos ? "" : std::string(line.substr(begin, gap - begin)),
             without(line.substr(std::min(words, line.size())), subject.names().directory()));
  }
  return rows.take();
}

std::uint32_t next_in_cycle(const Subject& subject, std::size_t finding, std::size_t index) {
  const std::vector<std::uint64_t>& steps = subject.finding_steps(finding);
  if (!is_cycle(subject.findings()[finding], steps)) return kNoLane;
  return subject.lane_of_step(steps[(index + 1) % steps.size()]);
}

std::vector<std::string> cycle_in_words(const Subject& subject, std::size_t finding) {
  const std::vector<std::uint64_t>& steps = subject.finding_steps(finding);
  std::vector<std::string> lines;
  if (!is_cycle(subject.findings()[finding], steps)) return lines;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const TaskId task = subject.step(steps[i]).task;
    lines.push_back(fmt::format("{} waits for {}: {}", subject.names().task(task),
                                subject.lane_name(next_in_cycle(subject, finding, i)),
                                stuck_in_words(subject, task)));
  }
  return lines;
}

StateTable state_table(const Subject& subject, std::uint64_t step, std::size_t rows_max) {
  const Standings& standings = subject.standings();
  const std::vector<std::uint32_t>& all = standings.objects();
  const std::vector<std::uint32_t> touched = standings.touched_by(step);
  const auto is_touched = [&](std::uint32_t object) {
    return std::binary_search(touched.begin(), touched.end(), object);
  };
  std::vector<std::uint32_t> shown;
  if (all.size() > rows_max)
    shown.assign(touched.begin(),
                 touched.begin() + static_cast<std::ptrdiff_t>(std::min(touched.size(), rows_max)));
  const bool has_all = all.size() <= rows_max;
  for (const std::uint32_t object : all) {
    if (shown.size() >= rows_max) break;
    if (has_all || !is_touched(object)) shown.push_back(object);
  }
  StateTable table{.rows = {}, .more_count = all.size() - shown.size()};
  for (const std::uint32_t object : shown) {
    const ObjectInfo* const info = subject.trace().find_object(ObjectId{object});
    const std::string_view kind = to_string(info == nullptr ? ObjectKind::kNone : info->kind);
    const std::string& name = subject.names().object(ObjectId{object});
    StandingWords words = in_words(subject.trace(), subject.timeline().steps, subject.names(),
                                   object, standings.at(object, step));
    table.rows.push_back(
        {// An object without a name is called by its kind.
         .object = name.starts_with(kind) ? name : fmt::format("{} {}", kind, name),
         .name = name,
         .state = std::move(words.state),
         .waiting = words.waiting.empty() ? std::string() : "waits: " + words.waiting,
         .is_touched = is_touched(object)});
  }
  return table;
}

std::uint64_t partner_of(const Subject& subject, std::uint64_t step) {
  if (step == 0 || step > subject.steps_count()) return 0;
  const std::span<const Link> to = subject.index().links_to(step);
  if (!to.empty()) return to.front().from;
  const std::vector<Link> from = subject.index().links_from(step);
  if (!from.empty()) return from.front().to;
  const Span* const span = subject.index().span_at(subject.lane_of_step(step), step);
  const bool waits = span != nullptr && span->begin == step && span->kind == Span::Kind::kParked;
  return waits && span->end <= subject.steps_count() ? span->end : 0;
}

}  // namespace chantrace::view
