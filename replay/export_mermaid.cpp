#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <iterator>
#include <unordered_map>

#include "export_formats.h"
#include "model/interleaving.h"
#include "model/naming.h"
#include "model/quantity.h"
#include "model/timeline.h"
#include "pattern.h"
#include "printable.h"
#include "verdict.h"

namespace chantrace::replay {

using view::cases_of;
using view::counted;
using view::event_at;
using view::kNoLane;
using view::Link;
using view::make_timeline;
using view::Names;
using view::rank_tasks;
using view::Span;
using view::state_before_unwinding;
using view::Step;
using view::Timeline;
using view::title_of;
namespace {

constexpr std::size_t kTasksMax = 10;       ///< That stand beside each other and can be read,
constexpr std::size_t kTasksAskedMax = 50;  ///< and where a user names them.
constexpr std::size_t kFindingsMax = 3;
constexpr std::size_t kTaskColumns = 30;
constexpr std::size_t kMessageColumns = 70;
constexpr std::size_t kNoteColumns = 36;
constexpr std::size_t kWideNoteColumns = 60;
constexpr std::size_t kNoteLinesMax = 6;
/// What participants and the notes at the end may take; messages have the rest.
constexpr std::size_t kFrameBytesMax = kDiagramBytesMax / 2;

bool is_word_end(std::string_view text, std::size_t at) {
  return at >= text.size() ||
         (std::isalnum(static_cast<unsigned char>(text[at])) == 0 && text[at] != '_');
}

/// `text` has the word `end` at `at`, which ends a block wherever it stands.
bool is_end(std::string_view text, std::size_t at) {
  const auto is_letter = [&](std::size_t offset, char letter) {
    return at + offset < text.size() &&
           std::tolower(static_cast<unsigned char>(text[at + offset])) == letter;
  };
  return is_letter(0, 'e') && is_letter(1, 'n') && is_letter(2, 'd') && is_word_end(text, at + 3) &&
         (at == 0 || is_word_end(text, at - 1));
}

/// `text` as Mermaid shows it and reads nothing in it: what may have a meaning stands as the number
/// of its character.
///
/// Source: the lexer of sequence diagrams (packages/mermaid/src/diagrams/sequence) and
/// `encodeEntities` of Mermaid, which marks entities by "ﬂ°" and "¶ß" while it reads a diagram.
std::string escaped(std::string_view text) {
  constexpr std::string_view kPlain = "_.,()=/+-*'[]";
  std::string safe;
  for (std::size_t at = 0; at < text.size();) {
    const detail::Character character = detail::first_character(text.substr(at));
    const char32_t code = character.is_valid ? character.code : U'?';
    const bool is_ascii = code < 0x80;
    const bool is_marker = code == U'ﬂ' || code == U'°' || code == U'¶' || code == U'ß';
    const char letter = is_ascii ? static_cast<char>(code) : '\0';
    const bool is_plain = is_ascii ? std::isalnum(static_cast<unsigned char>(letter)) != 0 ||
                                         kPlain.find(letter) != std::string_view::npos ||
                                         (letter == ' ' && at > 0)
                                   : !is_marker;
    if (is_plain && !is_end(text, at))
      safe += text.substr(at, character.bytes);
    else
      safe += fmt::format("#{};", static_cast<std::uint32_t>(code == U' ' ? U'\u00a0' : code));
    at += character.bytes;
  }
  return safe;
}

/// `parts` in lines that fit a note, each on lines of its own.
std::string in_lines(const std::vector<std::string>& parts, std::size_t columns) {
  std::vector<std::string> lines;
  for (const std::string& part : parts)
    for (std::string& line : wrap(part, columns)) lines.push_back(std::move(line));
  if (lines.size() > kNoteLinesMax) {
    lines.resize(kNoteLinesMax);
    lines.emplace_back("…");
  }
  std::string joined;
  for (const std::string& line : lines) {
    if (!joined.empty()) joined += "<br/>";
    joined += escaped(line);
  }
  return joined;
}

/// A line of the diagram, and the participants that it is about.
struct Row {
  std::size_t first = 0;
  std::size_t second = 0;
  std::string text;
};

class DiagramMaker {
 public:
  DiagramMaker(const Trace& trace, const DiagramOptions& options)
      : trace_(trace),
        options_(options),
        names_(trace),
        order_(order_events(trace)),
        timeline_(make_timeline(trace, order_)),
        state_(state_before_unwinding(trace, order_)),
        findings_(findings_of(trace)),
        next_gap_(trace.streams.size()) {}

  void write(std::string_view fallback_title, const LineSink& sink) {
    choose_tasks();
    // Messages name their lines alone where all are in one file.
    const std::string& file = names_.only_file();
    const std::string head =
        fmt::format("sequenceDiagram\n  title {}{}\n",
                    escaped(fit(title_of(trace_, fallback_title), kMessageColumns)),
                    file.empty() ? "" : fmt::format(" ({})", escaped(fit(file, kTaskColumns))));

    // All tasks and notes have to fit, though some tasks may turn out to have no part in it.
    const std::size_t frame_bytes = head.size() + participants().size();
    const std::size_t tail_bytes = end_notes(frame_bytes).size();
    room_bytes_ = kDiagramBytesMax - std::min(kDiagramBytesMax, frame_bytes + tail_bytes + 500);
    add_messages();
    if (options_.tasks.empty()) leave_out_idle_tasks();

    if (!sink(head + participants() + left_out())) return;
    for (const Row& row : rows_)
      if (!sink(row.text)) return;
    sink(end_notes(frame_bytes));
  }

 private:
  void choose_tasks() {
    const view::RankedTasks ranked = rank_tasks(trace_, state_, findings_);
    tasks_ = ranked.tasks;
    if (!options_.tasks.empty()) {
      std::erase_if(tasks_, [&](TaskId task) {
        return !matches_any(options_.tasks, names_.task(task), to_number(task));
      });
      tasks_.resize(std::min(tasks_.size(), kTasksAskedMax));
    } else if (tasks_.size() > kTasksMax) {
      const std::size_t telling = ranked.telling_count;
      tasks_.resize(telling > 1 ? std::min(telling, kTasksMax) : kTasksMax);
    }
    hidden_count_ = ranked.tasks.size() - tasks_.size();
    // In the order of the tree of who started whom.
    std::sort(tasks_.begin(), tasks_.end(), [&](TaskId left, TaskId right) {
      return std::pair{timeline_.lane_of(left), left} < std::pair{timeline_.lane_of(right), right};
    });
    for (std::size_t index = 0; index < tasks_.size(); ++index)
      participants_.emplace(to_number(tasks_[index]), index + 1);
    is_idle_.assign(tasks_.size(), false);
    last_ = tasks_.size();
  }

  std::string participants() const {
    std::string lines;
    for (std::size_t index = 0; index < tasks_.size(); ++index) {
      if (is_idle_[index]) continue;
      lines += fmt::format("  participant p{} as {}\n", index + 1,
                           escaped(fit(names_.task(tasks_[index]), kTaskColumns)));
    }
    return lines.empty() ? "  participant p1 as no task\n" : lines;
  }

  /// Those without a message and a note; all stay where that would be all.
  void leave_out_idle_tasks() {
    std::vector<bool> is_idle(tasks_.size(), true);
    for (const Row& row : rows_)
      for (const std::size_t participant : {row.first, row.second})
        is_idle[participant - 1] = false;
    for (const TaskState& task : state_.tasks)
      if (const std::size_t participant = participant_of(task.id);
          participant != 0 && task.status == TaskStatus::kParked)
        is_idle[participant - 1] = false;
    const auto first = std::find(is_idle.begin(), is_idle.end(), false);
    if (first == is_idle.end()) return;
    is_idle_ = is_idle;
    first_ = static_cast<std::size_t>(first - is_idle.begin()) + 1;
    while (is_idle_[last_ - 1]) --last_;
    hidden_count_ += static_cast<std::size_t>(std::count(is_idle.begin(), is_idle.end(), true));
  }

  /// 0: it is not shown.
  std::size_t participant_of(TaskId task) const {
    const auto found = participants_.find(to_number(task));
    return found == participants_.end() ? 0 : found->second;
  }

  bool is_asked_for(std::uint64_t step) const {
    return step >= options_.from && step <= options_.to;
  }

  void add_row(Row row) {
    rows_bytes_ += row.text.size();
    rows_.push_back(std::move(row));
    while (rows_bytes_ > room_bytes_ ||
           (options_.rows_max != 0 && rows_.size() > options_.rows_max)) {
      rows_bytes_ -= rows_.front().text.size();
      rows_.pop_front();
      ++left_out_count_;
    }
  }

  void add_messages() {
    auto link = timeline_.links.begin();
    for (const Step& step : timeline_.steps) {
      tell_lost(step.place.stream, step.place.index, step);
      for (; link != timeline_.links.end() && link->to == step.number; ++link)
        if (is_asked_for(step.number)) add_message(*link);
    }
    if (options_.to < timeline_.steps.size()) return;
    for (std::size_t stream = 0; stream < trace_.streams.size(); ++stream)
      tell_lost(stream, UINT64_MAX,
                {.number = options_.from, .place = {}, .task = trace_.streams[stream].task});
  }

  void add_message(const Link& link) {
    const Step& from = timeline_.steps[link.from - 1];
    const Step& to = timeline_.steps[link.to - 1];
    const std::size_t sender = participant_of(from.task);
    const std::size_t receiver = participant_of(to.task);
    if (sender == 0 || receiver == 0) return;
    const bool is_thing = link.kind == Link::Kind::kValue || link.kind == Link::Kind::kSpawn;
    add_row({sender, receiver,
             fmt::format("  p{}{}p{}: {}\n", sender, is_thing ? "->>" : "-->>", receiver,
                         escaped(fit(message_text(link, from, to), kMessageColumns)))});
  }

  std::string message_text(const Link& link, const Step& from, const Step& to) const {
    const EventRecord& first = event_at(trace_, from.place);
    const EventRecord& second = event_at(trace_, to.place);
    const auto in_words = [&](const Step& step, const EventRecord& event) {
      return describe(trace_, names_, event, trace_.header.has_values,
                      cases_of(trace_, step.place));
    };
    const bool is_by_receiver = link.kind == Link::Kind::kJoin || link.kind == Link::Kind::kLock;
    std::string words = is_by_receiver ? in_words(to, second) : in_words(from, first);
    if (link.kind == Link::Kind::kWakeUp) words += " wakes";
    const std::string place = names_.brief_place(SiteId{is_by_receiver ? second.site : first.site});
    return fmt::format("{}-{} {}{}{}", link.from, link.to, words, place.empty() ? "" : " ", place);
  }

  void tell_lost(std::size_t stream, std::uint64_t index, const Step& step) {
    const std::vector<Gap>& gaps = trace_.streams[stream].gaps;
    std::size_t& next = next_gap_[stream];
    for (; next < gaps.size() && gaps[next].before <= index; ++next) {
      const std::size_t participant = participant_of(step.task);
      if (!is_asked_for(step.number)) continue;
      if (participant == 0)
        lost_elsewhere_ += gaps[next].count;
      else
        add_row({participant, participant,
                 fmt::format("  Note over p{}: {}\n", participant,
                             escaped(counted(gaps[next].count, "event") + " lost"))});
    }
  }

  /// A note over all tasks.
  std::string wide_note(const std::vector<std::string>& parts) const {
    const std::size_t columns = last_ > first_ + 1 ? kWideNoteColumns : kNoteColumns;
    return last_ > first_
               ? fmt::format("  Note over p{},p{}: {}\n", first_, last_, in_lines(parts, columns))
               : fmt::format("  Note over p{}: {}\n", first_, in_lines(parts, columns));
  }

  std::string left_out() const {
    std::vector<std::string> facts;
    const auto add = [&](const std::string& fact) { facts.push_back(fact); };
    if (left_out_count_ > 0)
      add(counted(left_out_count_, "message") + " before these left out (--from, --to, --rows)");
    if (hidden_count_ > 0) add(counted(hidden_count_, "task") + " not shown (--task NAME)");
    if (lost_elsewhere_ > 0) add(counted(lost_elsewhere_, "event") + " of those lost");
    return facts.empty() ? "" : wide_note(facts);
  }

  /// What is so at the end, as far as there is room behind `taken_bytes`.
  std::string end_notes(std::size_t taken_bytes) const {
    if (options_.to < timeline_.steps.size()) return {};
    std::string notes;
    std::size_t left_out_count = 0;
    const auto add = [&](const std::string& note) {
      if (taken_bytes + notes.size() + note.size() <= kFrameBytesMax)
        notes += note;
      else if (!note.empty())
        ++left_out_count;
    };
    for (const TaskState& task : state_.tasks) add(waits_of(task));
    std::size_t more_count = 0;
    for (std::size_t index = 0; index < findings_.size(); ++index) {
      const Finding& finding = findings_[index];
      // That something was lost, or the trace cut off, bears on all of it.
      if (index < kFindingsMax || finding.kind == FindingKind::kUncertain)
        add(wide_note({fmt::format("{} ({})", finding.summary, to_string(finding.certainty))}));
      else
        ++more_count;
    }
    if (more_count > 0) add(wide_note({"and " + counted(more_count, "more finding")}));
    if (left_out_count > 0) notes += wide_note({counted(left_out_count, "note") + " left out"});
    return notes;
  }

  /// An arrow to each task that a parked one waits for, and a note that says so.
  std::string waits_of(const TaskState& task) const {
    const std::size_t participant = participant_of(task.id);
    const view::Stuck stuck = stuck_in(state_, task, names_);
    if (participant == 0 || stuck.what.empty()) return {};
    std::string rows;
    for (const Wait& wait : task.waits) {
      const auto point_at = [&](TaskId other, const std::string& what) {
        if (const std::size_t to = participant_of(other); to != 0)
          rows += fmt::format("  p{}--xp{}: {}\n", participant, to,
                              escaped(fit("waits for " + what, kMessageColumns)));
      };
      if (wait.operation == Operation::kTaskJoin) {
        point_at(wait.task, "its end");
        continue;
      }
      const ObjectState* const object = find_object(wait.object);
      if (object == nullptr) continue;
      for (const Holder& holder : object->holders) {
        point_at(holder.task, names_.object(wait.object));
        if (rows.size() > kFrameBytesMax / 8) return rows;
      }
    }
    std::vector<std::string> parts{
        (is_blocked(task.id) ? "blocked for ever: " : "waits: ") + stuck.what,
        names_.place(task.waiting_at)};
    parts.insert(parts.end(), stuck.because.begin(), stuck.because.end());
    return rows + fmt::format("  Note over p{}: {}\n", participant, in_lines(parts, kNoteColumns));
  }

  const ObjectState* find_object(ObjectId id) const {
    const auto found = std::lower_bound(
        state_.objects.begin(), state_.objects.end(), id,
        [](const ObjectState& object, ObjectId wanted) { return object.id < wanted; });
    return found != state_.objects.end() && found->id == id ? &*found : nullptr;
  }

  bool is_blocked(TaskId task) const {
    const std::uint32_t lane = timeline_.lane_of(task);
    const auto behind =
        std::upper_bound(timeline_.spans.begin(), timeline_.spans.end(), lane,
                         [](std::uint32_t wanted, const Span& span) { return wanted < span.lane; });
    return lane != kNoLane && behind != timeline_.spans.begin() &&
           std::prev(behind)->lane == lane && std::prev(behind)->kind == Span::Kind::kBlocked;
  }

  const Trace& trace_;
  const DiagramOptions& options_;
  const Names names_;
  const TraceOrder order_;
  const Timeline timeline_;
  const EndState state_;
  const std::vector<Finding> findings_;
  std::vector<TaskId> tasks_;  ///< In the order in which they stand.
  std::unordered_map<std::uint32_t, std::size_t> participants_;  ///< By task, from 1.
  std::size_t hidden_count_ = 0;
  std::vector<std::size_t> next_gap_;  ///< By stream.
  std::vector<bool> is_idle_;          ///< By participant less one: it is left out.
  std::size_t first_ = 1;              ///< The first and the last one that is not.
  std::size_t last_ = 1;
  std::deque<Row> rows_;  ///< The last ones.
  std::size_t rows_bytes_ = 0;
  std::size_t room_bytes_ = 0;
  std::uint64_t left_out_count_ = 0;
  std::uint64_t lost_elsewhere_ = 0;
};

}  // namespace

void write_mermaid(const Trace& trace, std::string_view fallback_title,
                   const DiagramOptions& options, const LineSink& sink) {
  DiagramMaker(trace, options).write(fallback_title, sink);
}

}  // namespace chantrace::replay
