#include "screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "step_cell.h"
#include "verdict.h"

namespace chantrace::replay {

using view::counted;
using view::event_at;
using view::grouped;
using view::Step;
using view::Stuck;
using view::stuck_in;
using view::title_of;
namespace {

// A name in front of each line, in columns of the terminal.
constexpr std::size_t kTaskNameMax = 24;
constexpr std::size_t kUnnamedObjectsMax = 8;

/// Draws one `Subject`.
class Screen {
 public:
  Screen(const Subject& subject, const ScreenOptions& options)
      : subject_(subject),
        options_(options),
        drawing_(options.drawing),
        picture_(make_picture(subject, options)) {}

  std::string draw(std::string_view fallback_title);

 private:
  const Palette& palette() const { return drawing_.palette; }
  std::string_view omission() const { return drawing_.charset == Charset::kUtf8 ? "…" : "..."; }

  std::string header(std::string_view fallback_title) const;

  Cell cell_of(const Step& step) const;
  std::string mark_of(const Step& step) const;
  std::vector<std::vector<Cell>> end_cells() const;
  std::string step_number(std::string_view text) const;
  std::string words_line(std::string_view words) const;

  std::string draw_columns() const;
  std::string draw_lines() const;
  std::string draw_unnamed() const;
  std::string draw_not_shown() const;
  std::string draw_findings() const;

  const Subject& subject_;
  const ScreenOptions& options_;
  const Drawing& drawing_;
  Picture picture_;
};

std::string Screen::draw(std::string_view fallback_title) {
  std::string text = header(fallback_title);
  text += '\n';
  text += picture_.is_in_columns ? draw_columns() : draw_lines();
  text += draw_not_shown();
  text += draw_findings();
  return text;
}

std::string Screen::header(std::string_view fallback_title) const {
  const Trace& trace = subject_.trace;
  const auto is_fault = [](const Finding& finding) {
    return finding.certainty != Certainty::kNote;
  };
  std::vector<Finding> faults;
  std::copy_if(subject_.findings.begin(), subject_.findings.end(), std::back_inserter(faults),
               is_fault);

  Style style = Style::kGood;
  std::string verdict = "ok";
  if (!faults.empty()) {
    style = Style::kBad;
    verdict = faults.size() == 1 ? faults.front().summary : summarize(faults);
  } else if (trace.is_incomplete()) {
    style = Style::kWarning;
    verdict = "incomplete";
  } else if (!trace.end->passed) {
    style = Style::kBad;
    verdict = "the test itself failed; nothing is blocked or leaked";
  }
  const std::string title = title_of(trace, fallback_title);
  std::string text = palette().paint(Style::kHeading, title);
  if (width_of(title) + 2 + width_of(verdict) <= drawing_.width) {
    text += "  " + palette().paint(style, verdict) + "\n";
  } else {
    text += '\n';
    for (const std::string& line : wrap(verdict, drawing_.width, drawing_.charset)) {
      text += palette().paint(style, line) + "\n";
    }
  }

  std::uint64_t last = 0;
  for (const TaskStream& stream : trace.streams) {
    if (!stream.events.empty()) last = std::max(last, stream.events.back().time);
  }
  std::string facts = fmt::format(
      "{}, {}, {}, {}", counted(trace.tasks.size(), "task"),
      counted(trace.objects.size(), "object"), counted(trace.events_count(), "event"),
      trace.header.is_controlled ? "controlled"
                                 : subject_.clock.text(subject_.clock.since_start(last)));
  const std::string& where =
      subject_.names.only_file().empty() ? subject_.names.directory() : subject_.names.only_file();
  if (!subject_.names.only_file().empty()) {
    facts += fmt::format("; all in {}{}", subject_.names.directory(), subject_.names.only_file());
  } else if (!where.empty()) {
    facts += fmt::format("; files in {}", where);
  }
  for (const std::string& line : wrap(facts, drawing_.width, drawing_.charset)) {
    text += palette().paint(Style::kFaint, line) + "\n";
  }
  if (trace.is_incomplete()) {
    for (const std::string& line : wrap(incomplete_in_words(), drawing_.width, drawing_.charset)) {
      text += palette().paint(Style::kWarning, line) + "\n";
    }
  }
  return text + draw_unnamed();
}

Cell Screen::cell_of(const Step& step) const {
  const EventRecord& event = event_at(subject_.trace, step.place);
  Cell cell = step_cell(subject_.trace, subject_.names, step.place,
                        {.is_in_columns = picture_.is_in_columns,
                         .with_values = options_.with_values,
                         .charset = drawing_.charset});
  if (phase_of(event) == Phase::kDone && !picture_.is_in_columns) {
    cell.mark = mark_of(step);
    cell.mark_style = Style::kFaint;
  }
  return cell;
}

/// "after 1.2 ms" for the end of a wait.
std::string Screen::mark_of(const Step& step) const {
  const EventRecord& done = event_at(subject_.trace, step.place);
  for (std::uint32_t index = step.place.index; index-- > 0;) {
    const EventRecord& start = event_at(subject_.trace, {step.place.stream, index});
    if (start.operation == Operation::kStack || start.operation == Operation::kSelectCase) continue;
    if (phase_of(start) != Phase::kStart || start.operation != done.operation) break;
    return "after " + subject_.clock.text(done.time > start.time ? done.time - start.time : 0);
  }
  return "resumes";
}

/// What to write below each task at the end, a cell a line.
std::vector<std::vector<Cell>> Screen::end_cells() const {
  std::vector<std::vector<Cell>> columns(picture_.tasks.size());
  if (options_.to < subject_.last_step) return columns;
  for (const TaskState& task : subject_.state.tasks) {
    const auto column = picture_.column_of.find(to_number(task.id));
    if (column == picture_.column_of.end()) continue;
    std::vector<Cell>& cells = columns[column->second];
    if (task.status == TaskStatus::kRunning && !task.is_host && !task.is_body) {
      cells.push_back({.text = "still running", .style = Style::kWarning});
    }
    const Stuck stuck = stuck_in(subject_.state, task, subject_.names);
    if (stuck.what.empty()) continue;
    Cell cell;
    cell.text = stuck.what + " parked";
    cell.brief = stuck.what;
    cell.style = Style::kBad;
    cell.place = subject_.names.only_file().empty() || task.waiting_at.line == 0
                     ? subject_.names.place(task.waiting_at)
                     : fmt::format(":{}", task.waiting_at.line);
    cells.push_back(std::move(cell));
    for (const std::string& line : stuck.because) cells.push_back({.text = line});
  }
  return columns;
}

std::string Screen::step_number(std::string_view text) const {
  return palette().paint(Style::kFaint, "  " + pad_left(text, picture_.number_columns) + "  ");
}

std::string Screen::words_line(std::string_view words) const {
  const std::size_t indent = picture_.number_columns + 4;
  const std::size_t room = drawing_.width > indent ? drawing_.width - indent : 1;
  return step_number("") + palette().paint(Style::kFaint, fit(words, room, drawing_.charset)) +
         "\n";
}

void trim_right(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

std::string Screen::draw_columns() const {
  std::vector<Cell> cells;
  std::vector<std::size_t> wanted;
  for (const TaskId task : picture_.tasks) {
    wanted.push_back(std::min(width_of(subject_.names.task(task)), kTaskNameMax));
  }
  for (const Row& row : picture_.rows) {
    if (!row.step) continue;
    const Step& step = *picture_.steps[*row.step];
    std::size_t& column = wanted[picture_.column_of.at(to_number(step.task))];
    column = std::max(column, cell_of(step).width());
  }
  const std::vector<std::vector<Cell>> ends = end_cells();
  for (std::size_t column = 0; column < ends.size(); ++column) {
    if (!ends[column].empty())
      wanted[column] = std::max(wanted[column], ends[column].front().width());
  }
  const std::size_t indent = picture_.number_columns + 4;
  const std::vector<std::size_t> widths =
      share_width(wanted, drawing_.width > indent ? drawing_.width - indent : 1);

  // Draws a line whose cells are at the given columns; tasks that are parked get a mark elsewhere.
  std::vector<bool> is_parked(picture_.tasks.size());
  const std::string bar =
      palette().paint(Style::kFaint, drawing_.charset == Charset::kUtf8 ? "┊" : ":");
  const auto line_of = [&](std::string_view number,
                           const std::map<std::size_t, std::string>& drawn) {
    std::string line = step_number(number);
    std::size_t owed = 0;
    for (std::size_t column = 0; column < widths.size(); ++column) {
      const auto cell = drawn.find(column);
      if (cell != drawn.end()) {
        line.append(owed, ' ').append(cell->second);
        owed = kColumnGap;
      } else if (is_parked[column]) {
        line.append(owed, ' ').append(bar);
        owed = widths[column] - 1 + kColumnGap;
      } else {
        owed += widths[column] + kColumnGap;
      }
    }
    trim_right(line);
    return line + "\n";
  };

  std::map<std::size_t, std::string> heads;
  for (std::size_t column = 0; column < picture_.tasks.size(); ++column) {
    heads[column] = replay::draw(
        {.text = subject_.names.task(picture_.tasks[column]), .style = Style::kHeading},
        widths[column], drawing_);
  }
  std::string text = line_of("step", heads);

  // Steps that are not drawn park and resume tasks too.
  std::size_t followed = 0;
  const auto follow_up_to = [&](std::uint64_t number) {
    for (; followed < subject_.steps.size() && subject_.steps[followed].number <= number;
         ++followed) {
      const Step& step = subject_.steps[followed];
      const auto column = picture_.column_of.find(to_number(step.task));
      if (column == picture_.column_of.end()) continue;
      is_parked[column->second] = phase_of(event_at(subject_.trace, step.place)) == Phase::kStart;
    }
  };
  for (const Row& row : picture_.rows) {
    if (!row.step) {
      text += words_line(row.words);
      continue;
    }
    const Step& step = *picture_.steps[*row.step];
    follow_up_to(step.number - 1);
    const std::size_t column = picture_.column_of.at(to_number(step.task));
    text += line_of(fmt::format("{}", step.number),
                    {{column, replay::draw(cell_of(step), widths[column], drawing_)}});
  }

  // The end: what each waits for, and below it why, in as many lines as that takes.
  std::vector<std::vector<std::string>> lines(ends.size());
  std::size_t height = 0;
  for (std::size_t column = 0; column < ends.size(); ++column) {
    for (std::size_t index = 0; index < ends[column].size(); ++index) {
      const Cell& cell = ends[column][index];
      if (index == 0) {
        lines[column].push_back(replay::draw(cell, widths[column], drawing_));
        continue;
      }
      for (const std::string& piece : wrap(cell.text, widths[column], drawing_.charset)) {
        lines[column].push_back(pad_right(piece, widths[column]));
      }
    }
    height = std::max(height, lines[column].size());
  }
  std::fill(is_parked.begin(), is_parked.end(), false);
  for (std::size_t index = 0; index < height; ++index) {
    std::map<std::size_t, std::string> drawn;
    for (std::size_t column = 0; column < lines.size(); ++column) {
      if (index < lines[column].size()) drawn[column] = lines[column][index];
    }
    text += line_of(index == 0 ? "end" : "", drawn);
  }
  return text;
}

std::string Screen::draw_lines() const {
  std::size_t name_columns = 4;
  for (const TaskId task : picture_.tasks)
    name_columns = std::max(name_columns, width_of(subject_.names.task(task)));
  name_columns =
      std::min({name_columns, kTaskNameMax, std::max<std::size_t>(4, drawing_.width / 4)});
  const std::size_t indent = picture_.number_columns + 4 + name_columns + kColumnGap;
  const std::size_t room = drawing_.width > indent ? drawing_.width - indent : 1;

  std::size_t wanted = 0;
  for (const Row& row : picture_.rows) {
    if (row.step) wanted = std::max(wanted, cell_of(*picture_.steps[*row.step]).width());
  }
  const std::vector<std::vector<Cell>> ends = end_cells();
  for (const std::vector<Cell>& cells : ends) {
    for (const Cell& cell : cells) wanted = std::max(wanted, cell.width());
  }
  const std::size_t width = std::min(room, std::max(wanted, kColumnWidthMin));

  const auto line_of = [&](std::string_view number, TaskId task, bool is_named, const Cell& cell) {
    const std::string name =
        is_named ? fit(subject_.names.task(task), name_columns, drawing_.charset) : "";
    std::string line = step_number(number) + pad_right(name, name_columns + kColumnGap) +
                       replay::draw(cell, width, drawing_);
    trim_right(line);
    return line + "\n";
  };
  std::string text = step_number("step") + palette().paint(Style::kHeading, "task") + "\n";
  for (const Row& row : picture_.rows) {
    if (!row.step) {
      text += words_line(row.words);
      continue;
    }
    const Step& step = *picture_.steps[*row.step];
    text += line_of(fmt::format("{}", step.number), step.task, true, cell_of(step));
  }
  bool is_first = true;
  for (std::size_t column = 0; column < ends.size(); ++column) {
    for (std::size_t index = 0; index < ends[column].size(); ++index) {
      const Cell& cell = ends[column][index];
      if (index == 0) {
        text += line_of(is_first ? "end" : "", picture_.tasks[column], true, cell);
        is_first = false;
        continue;
      }
      for (const std::string& piece : wrap(cell.text, width, drawing_.charset)) {
        text += line_of("", picture_.tasks[column], false, {.text = piece});
      }
    }
  }
  return text;
}

/// Where the objects without a name were made, since cells say only their numbers.
std::string Screen::draw_unnamed() const {
  std::set<std::uint32_t> used;
  for (const Step* step : picture_.steps) {
    const EventRecord& event = event_at(subject_.trace, step->place);
    if (!is_on_task(event.operation)) used.insert(event.object);
    if (used.size() > kUnnamedObjectsMax * 4) break;
  }
  std::string text;
  std::size_t count = 0;
  for (const std::uint32_t id : used) {
    const ObjectInfo* const object = subject_.trace.find_object(ObjectId{id});
    const bool is_unnamed = object != nullptr && object->name.empty();
    const std::string made_at = is_unnamed ? subject_.names.place(object->site) : "";
    if (made_at.empty() || count == kUnnamedObjectsMax) continue;
    text += fmt::format("{}{} of {}", count == 0 ? "" : ", ", subject_.names.object(ObjectId{id}),
                        made_at);
    ++count;
  }
  std::string lines;
  for (const std::string& line : wrap(text, drawing_.width, drawing_.charset)) {
    lines += palette().paint(Style::kFaint, line) + "\n";
  }
  return lines;
}

std::string Screen::draw_not_shown() const {
  std::vector<std::string> facts;
  std::set<TaskId> others;
  std::uint64_t steps_count = 0;
  for (const Step& step : subject_.steps) {
    if (picture_.column_of.contains(to_number(step.task))) continue;
    others.insert(step.task);
    ++steps_count;
  }
  if (!others.empty()) {
    const auto parked = static_cast<std::uint64_t>(std::count_if(
        subject_.state.tasks.begin(), subject_.state.tasks.end(), [&](const TaskState& task) {
          return others.contains(task.id) && task.status == TaskStatus::kParked;
        }));
    facts.push_back(
        fmt::format("{} not shown, with {}{}; --task NAME shows one",
                    counted(others.size(), "task"), counted(steps_count, "step"),
                    parked == 0 ? "" : fmt::format("; {} parked at the end", grouped(parked))));
  }
  const std::uint64_t unwinding = subject_.steps.size() - subject_.last_step;
  if (unwinding > 0 && !options_.with_unwinding && options_.to > subject_.last_step) {
    facts.push_back(
        fmt::format("{} not shown in which the test was over and what waited was unwound; "
                    "--unwinding shows them",
                    counted(unwinding, "step")));
  }

  std::string text = facts.empty() ? "" : "\n";
  for (const std::string& fact : facts) {
    for (const std::string& line : wrap(fact, drawing_.width - 2, drawing_.charset)) {
      text += "  " + palette().paint(Style::kFaint, line) + "\n";
    }
  }
  return text;
}

std::string Screen::draw_findings() const {
  std::string text;
  const std::size_t most =
      options_.findings_max == 0 ? subject_.findings.size() : options_.findings_max;
  for (std::size_t index = 0; index < std::min(most, subject_.findings.size()); ++index) {
    text += "\n" + reflow(to_text(subject_.findings[index], 2), drawing_.width, drawing_.charset);
  }
  if (subject_.findings.size() > most) {
    text += fmt::format("\n  {} and {} (--findings 0 shows all)\n", omission(),
                        counted(subject_.findings.size() - most, "more finding"));
  }
  for (const std::string& warning : subject_.trace.warnings) {
    text += fmt::format("\n  {} {}\n", palette().paint(Style::kWarning, "warning:"), warning);
  }
  return text;
}

}  // namespace

std::string draw_trace(const Trace& trace, std::string_view fallback_title,
                       const ScreenOptions& options) {
  const Subject subject{trace};
  return Screen{subject, options}.draw(fallback_title);
}

}  // namespace chantrace::replay
