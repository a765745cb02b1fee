#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "diff_report.h"
#include "model/interleaving.h"
#include "model/quantity.h"
#include "step_cell.h"
#include "text_table.h"

namespace chantrace::replay {

using view::counted;
using view::event_at;
using view::grouped;
using view::title_of;
namespace {

constexpr std::size_t kTaskNameMax = 24;

/// One line of the picture: a step of one trace or of both, or words.
struct Line {
  std::string left_number;
  std::string right_number;
  TaskId task{};
  Cell cell;
  std::string words;  ///< Instead of all else.
};

class DiffText {
 public:
  DiffText(const DiffReport& report, const DiffOptions& options)
      : report_(report),
        comparison_(report.comparison),
        options_(options),
        rows_max_(options.rows_max == 0 ? std::string::npos : options.rows_max) {}

  std::string draw() {
    text_ = head();
    if (!comparison_.alignment.partings.empty()) {
      draw_parting(comparison_.alignment.partings.front());
      draw_other_partings();
      draw_tasks();
    }
    draw_ends();
    draw_findings("A", comparison_.only_left);
    draw_findings("B", comparison_.only_right);
    draw_next();
    return std::move(text_);
  }

 private:
  const Palette& palette() const { return options_.drawing.palette; }
  std::string_view omission() const {
    return options_.drawing.charset == Charset::kUtf8 ? "…" : "...";
  }
  void add_wrapped(const std::string& text, std::size_t indent) {
    const std::size_t width = options_.drawing.width;
    for (const std::string& line :
         wrap(text, width > indent ? width - indent : 1, options_.drawing.charset))
      text_ += std::string(indent, ' ') + line + "\n";
  }
  void add_more(std::size_t count, std::string_view what) {
    if (count == 0) return;
    text_ += palette().paint(Style::kFaint, fmt::format("    {} {} (--rows 0 shows all)",
                                                        omission(), counted(count, what))) +
             "\n";
  }
  void add_heading(const std::string& heading) {
    text_ += "\n  " + palette().paint(Style::kHeading, heading) + "\n";
  }

  std::string head();
  std::string side(std::string_view name, const DiffSide& side, const Trace& trace) const;
  std::string difference() const;
  std::vector<Line> lines_of(const Parting& parting) const;
  void draw_parting(const Parting& parting);
  void draw_other_partings();
  void draw_tasks();
  void draw_ends();
  void draw_findings(std::string_view name, const std::vector<Finding>& findings);
  void draw_next();

  const DiffReport& report_;
  const Comparison& comparison_;
  const DiffOptions& options_;
  const std::size_t rows_max_;
  std::string text_;
};

std::string DiffText::difference() const {
  const bool is_all = comparison_.alignment.is_same();
  const std::uint64_t common =
      is_all ? comparison_.left.events_count() : comparison_.alignment.common.size();
  std::string words = common == 0 ? "different from the first event on"
                                  : fmt::format("the same {}", counted(common, "event"));
  if (!is_all) return common == 0 ? words : words + ", then different";
  words += " in the same order";
  if (comparison_.right.events_count() != common)
    words = "all is done in the same order, but waited for in another";
  return comparison_.is_same() ? words : words + ", but they ended otherwise";
}

std::string DiffText::side(std::string_view name, const DiffSide& side, const Trace& trace) const {
  return fmt::format("  {}  {}; {}, {}; {}\n", palette().paint(Style::kHeading, name), side.verdict,
                     counted(trace.tasks.size(), "task"), counted(trace.events_count(), "event"),
                     printable(side.path));
}

std::string DiffText::head() {
  const std::string title = title_of(comparison_.left, "traces");
  std::string text =
      palette().paint(Style::kHeading, title) + "  " +
      palette().paint(comparison_.is_same() ? Style::kGood : Style::kBad, difference()) + "\n";
  std::string sides =
      side("A", report_.left, comparison_.left) + side("B", report_.right, comparison_.right);
  text += reflow(sides, options_.drawing.width, options_.drawing.charset);
  const auto remark = [&](const std::string& words) {
    text += "  " + palette().paint(Style::kWarning, words) + "\n";
  };
  if (!comparison_.is_same_test())
    remark(fmt::format("these are different tests: B is of {}; places are not compared",
                       title_of(comparison_.right, "none")));
  else if (!comparison_.same.has_same_build())
    remark("the program was built anew between them: lines are not compared");
  for (const Trace* const trace : {&comparison_.left, &comparison_.right}) {
    const std::string_view name = trace == &comparison_.left ? "A" : "B";
    if (trace->lost_count() > 0)
      remark(fmt::format("{} lost {}", name, counted(trace->lost_count(), "event")));
    for (const std::string& warning : trace->warnings) remark(fmt::format("{}: {}", name, warning));
  }
  return text;
}

std::vector<Line> DiffText::lines_of(const Parting& parting) const {
  const PartingSteps steps = steps_around(comparison_, parting, rows_max_);
  const auto left_numbers = step_numbers(comparison_.left, comparison_.left_order);
  const auto right_numbers = step_numbers(comparison_.right, comparison_.right_order);
  const auto number = [](const auto& numbers, const EventPlace& place) {
    return fmt::format("{}", numbers[place.stream][place.index]);
  };
  const auto line = [&](const Trace& trace, const EventPlace& place) {
    return Line{.left_number = {},
                .right_number = {},
                .task = trace.streams[place.stream].task,
                .cell = step_cell(trace, comparison_.names, place,
                                  {.is_in_columns = false, .charset = options_.drawing.charset}),
                .words = {}};
  };
  std::vector<Line> lines;
  for (const CommonRecord& common : steps.before) {
    lines.push_back(line(comparison_.left, common.left));
    lines.back().left_number = number(left_numbers, common.left);
    lines.back().right_number = number(right_numbers, common.right);
  }
  const auto words = [&](std::string text) {
    lines.push_back(
        {.left_number = {}, .right_number = {}, .task = {}, .cell = {}, .words = std::move(text)});
  };
  words("A goes on with " + left_in_words(comparison_, parting));
  for (const EventPlace& place : steps.left) {
    lines.push_back(line(comparison_.left, place));
    lines.back().left_number = number(left_numbers, place);
  }
  words("B goes on with " + right_in_words(comparison_, parting));
  for (const EventPlace& place : steps.right) {
    lines.push_back(line(comparison_.right, place));
    lines.back().right_number = number(right_numbers, place);
  }
  return lines;
}

void DiffText::draw_parting(const Parting& parting) {
  const std::vector<Line> lines = lines_of(parting);
  const Drawing& drawing = options_.drawing;
  std::map<TaskId, std::size_t> wanted;  // By task, in the order in which they were started.
  std::size_t number_columns = 4;
  for (const Line& line : lines) {
    number_columns = std::max({number_columns, line.left_number.size(), line.right_number.size()});
    if (!line.words.empty()) continue;
    std::size_t& column = wanted[line.task];
    column = std::max({column, line.cell.width(),
                       std::min(width_of(comparison_.names.task(line.task)), kTaskNameMax)});
  }
  const std::size_t indent = 2 * number_columns + 4;
  const std::size_t room = drawing.width > indent ? drawing.width - indent : 1;
  const bool is_in_columns = wanted.size() <= columns_that_fit(room);
  const auto numbers = [&](std::string_view left, std::string_view right) {
    return palette().paint(Style::kFaint, pad_left(left, number_columns) + " " +
                                              pad_left(right, number_columns + 1) + "  ");
  };
  const auto finish = [&](std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    text_ += line + "\n";
  };

  std::vector<TaskId> tasks;
  std::vector<std::size_t> widths;
  std::size_t name_columns = 4;
  for (const auto& [task, width] : wanted) {
    tasks.push_back(task);
    widths.push_back(width);
    name_columns =
        std::max(name_columns, std::min(width_of(comparison_.names.task(task)), kTaskNameMax));
  }
  widths = share_width(widths, room);
  text_ += '\n';
  std::string heads = numbers("A", "B");
  if (is_in_columns) {
    for (std::size_t column = 0; column < tasks.size(); ++column)
      heads +=
          replay::draw({.text = comparison_.names.task(tasks[column]), .style = Style::kHeading},
                       widths[column], drawing) +
          std::string(kColumnGap, ' ');
  } else {
    heads += palette().paint(Style::kHeading, "task");
  }
  finish(heads);
  for (const Line& line : lines) {
    if (!line.words.empty()) {
      add_wrapped(line.words, 2);
      continue;
    }
    std::string drawn = numbers(line.left_number, line.right_number);
    if (is_in_columns) {
      const auto column = static_cast<std::size_t>(
          std::find(tasks.begin(), tasks.end(), line.task) - tasks.begin());
      for (std::size_t before = 0; before < column; ++before)
        drawn.append(widths[before] + kColumnGap, ' ');
      drawn += replay::draw(line.cell, widths[column], drawing);
    } else {
      const std::size_t used = name_columns + kColumnGap;
      drawn +=
          pad_right(fit(comparison_.names.task(line.task), name_columns, drawing.charset), used) +
          replay::draw(line.cell, room > used ? room - used : 1, drawing);
    }
    finish(drawn);
  }
}

void DiffText::draw_other_partings() {
  const std::vector<Parting>& partings = comparison_.alignment.partings;
  if (partings.size() < 2) return;
  add_heading("other first differences, that do not follow from this one");
  const std::size_t shown = std::min(partings.size() - 1, rows_max_);
  for (std::size_t index = 1; index <= shown; ++index)
    add_wrapped(
        fmt::format("A goes on with {}, B with {}", left_in_words(comparison_, partings[index]),
                    right_in_words(comparison_, partings[index])),
        4);
  add_more(partings.size() - 1 - shown, "more difference");
}

void DiffText::draw_tasks() {
  if (comparison_.tasks.empty()) {
    add_heading("each task did the same, in another order");
    return;
  }
  add_heading("what each task first did otherwise");
  TextTable table{{{"    task", TextTable::Align::kLeft},
                   {"same"},
                   {"then in A", TextTable::Align::kLeft},
                   {"then in B", TextTable::Align::kLeft}}};
  const auto words = [&](const Trace& trace, bool is_there,
                         const std::optional<DoneOperation>& operation) {
    if (!is_there) return std::string("never started");
    std::string text = in_words(trace, comparison_.names, operation);
    if (operation)
      text += "  " + comparison_.names.brief_place(SiteId{event_at(trace, operation->first).site});
    return text;
  };
  const std::size_t shown = std::min(comparison_.tasks.size(), rows_max_);
  for (std::size_t index = 0; index < shown; ++index) {
    const TaskDifference& one = comparison_.tasks[index];
    table.add({"    " + comparison_.names.task(one.task), grouped(one.same_count),
               words(comparison_.left, one.is_in_left, one.left),
               words(comparison_.right, one.is_in_right, one.right)});
  }
  text_ += table.draw(options_.drawing);
  add_more(comparison_.tasks.size() - shown, "more task");
  if (!comparison_.same_tasks.empty())
    text_ += fmt::format("    {} did the same in both\n",
                         counted(comparison_.same_tasks.size(), "task"));
}

void DiffText::draw_ends() {
  if (comparison_.ends.empty()) return;
  add_heading("what ended otherwise");
  TextTable table{{{"    at the end", TextTable::Align::kLeft},
                   {"in A", TextTable::Align::kLeft},
                   {"in B", TextTable::Align::kLeft}}};
  const std::size_t shown = std::min(comparison_.ends.size(), rows_max_);
  for (std::size_t index = 0; index < shown; ++index) {
    const EndDifference& end = comparison_.ends[index];
    table.add({"    " + end.name, end.left, end.right});
  }
  text_ += table.draw(options_.drawing);
  add_more(comparison_.ends.size() - shown, "more");
}

void DiffText::draw_findings(std::string_view name, const std::vector<Finding>& findings) {
  if (findings.empty()) return;
  add_heading(fmt::format("found only in {}", name));
  const std::size_t shown = std::min(findings.size(), rows_max_);
  for (std::size_t index = 0; index < shown; ++index)
    add_wrapped(
        fmt::format("{} ({})", findings[index].summary, to_string(findings[index].certainty)), 4);
  add_more(findings.size() - shown, "more finding");
}

void DiffText::draw_next() {
  if (comparison_.is_same()) return;
  for (const DiffSide* const side : {&report_.left, &report_.right})
    text_ += fmt::format("{}  {}  chantrace show {}\n", side == &report_.left ? "\n" : "",
                         side == &report_.left ? "look" : "    ", printable(side->path));
}

}  // namespace

std::string to_text(const DiffReport& report, const DiffOptions& options) {
  return DiffText{report, options}.draw();
}

}  // namespace chantrace::replay
