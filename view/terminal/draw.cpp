#include "draw.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "details.h"
#include "draw_lanes.h"
#include "glyphs.h"

namespace chantrace::view {
namespace {

std::string verdict_of(const Trace& trace) {
  if (trace.is_incomplete()) return "incomplete";
  return trace.end->passed ? "passed" : "failed";
}

class Drawing {
 public:
  Drawing(const Browser& browser, Charset charset)
      : browser_(browser),
        subject_(browser.subject()),
        frame_(browser.rows(), browser.columns(), charset),
        glyphs_(glyphs_of(charset)) {}

  Frame draw() {
    if (browser_.is_too_small()) {
      draw_too_small();
      return std::move(frame_);
    }
    draw_bar();
    switch (browser_.show()) {
      case Show::kLanes:
        draw_lanes(browser_, frame_);
        if (subject_.timeline().lanes.empty()) say_nothing_there();
        break;
      case Show::kList:
        draw_list();
        break;
      case Show::kFindings:
        draw_findings();
        break;
      case Show::kHelp:
        draw_help();
        break;
    }
    const Layout& layout = browser_.layout();
    if (layout.detail.rows > 0) draw_panels(layout);
    draw_status();
    return std::move(frame_);
  }

 private:
  void draw_too_small() {
    const std::string sentence = fmt::format(
        "This takes a terminal of {} columns and {} rows; here are {} and {}. Enlarge "
        "it, or press q.",
        kColumnsMin, kRowsMin, frame_.columns(), frame_.rows());
    std::size_t row = 0;
    for (const std::string& line :
         wrap(sentence, std::max<std::size_t>(frame_.columns(), 1), frame_.charset()))
      frame_.put({row++, 0}, line, frame_.columns());
  }

  void draw_bar() {
    const Paint paint{Ink::kBar};
    const Area& area = browser_.layout().bar;
    frame_.fill(area, paint);
    std::string right;
    if (!browser_.query().empty())
      right += fmt::format("/{}: {}   ", printable(browser_.query(), frame_.charset()),
                           counted(browser_.matches().size(), "step"));
    right = fit(right, area.columns / 3, frame_.charset());
    right +=
        fmt::format("step {} of {} ", grouped(browser_.step()), grouped(subject_.steps_count()));
    std::string left = " " + fit(subject_.scene().title, area.columns / 2, frame_.charset());
    if (!browser_.is_live()) left += "  " + verdict_of(subject_.trace());
    if (!subject_.findings().empty()) left += "  " + counted(subject_.findings().size(), "finding");
    if (!subject_.scene().notice.empty()) left += "  " + subject_.scene().notice;
    const std::size_t width = std::min(width_of(right), area.columns);
    frame_.put(area.at, left, area.columns - width - 1, paint);
    frame_.put({area.at.row, area.end_column() - width}, right, width, paint);
  }

  void say_nothing_there() {
    const Area& area = browser_.layout().main;
    frame_.put({area.at.row + 1, area.at.column + 1}, "This trace has no tasks and no steps.",
               area.columns - 1);
  }

  /// A line with a name in it.
  void draw_heading(Place at, std::size_t columns, std::string_view text) {
    for (std::size_t column = 0; column < columns; ++column)
      frame_.put_character({at.row, at.column + column}, glyphs_.rule, {Ink::kFaint});
    frame_.put({at.row, at.column + 1}, fmt::format(" {} ", text), columns > 2 ? columns - 2 : 0,
               {Ink::kHeading});
  }

  void draw_panels(const Layout& layout) {
    const Area& detail = layout.detail;
    for (std::size_t row = detail.at.row; row < detail.end_row(); ++row)
      frame_.put_character({row, detail.at.column - 1}, glyphs_.column, {Ink::kFaint});
    draw_state(layout.state);
    draw_detail(detail, layout.is_wide);
  }

  struct StateColumns {
    std::size_t object = 0;
    std::size_t state = 0;
    std::size_t waiting = 0;
    bool has_kinds = true;  ///< Objects are called with their kinds.
  };

  /// What each wants, where there is room; else who waits is more to the point than the last values
  /// of a buffer, and either more than a long name.
  static StateColumns columns_of(const StateTable& table, std::size_t columns) {
    StateColumns wanted;
    std::size_t name = 0;
    for (const StateRow& row : table.rows) {
      name = std::max(name, width_of(row.name));
      wanted.object = std::max(wanted.object, width_of(row.object));
      wanted.state = std::max(wanted.state, width_of(row.state));
      wanted.waiting = std::max(wanted.waiting, width_of(row.waiting));
    }
    const auto left = [](std::size_t all, std::size_t used) { return all - std::min(all, used); };
    StateColumns given;
    given.has_kinds = wanted.object + wanted.state + wanted.waiting + 4 <= columns;
    if (!given.has_kinds) wanted.object = name;
    given.object = std::min(
        wanted.object, std::max(columns * 2 / 5, left(columns, wanted.state + wanted.waiting + 4)));
    const std::size_t rest = left(columns, given.object + 4);
    given.waiting = std::min(wanted.waiting, std::max(rest * 3 / 5, left(rest, wanted.state)));
    given.state = std::min(wanted.state, rest - given.waiting);
    return given;
  }

  void draw_state(const Area& area) {
    const std::uint64_t step = browser_.step();
    draw_heading(area.at, area.columns,
                 step == 0 ? std::string("State") : "State after step " + grouped(step));
    std::size_t room = area.rows - 1;
    StateTable table = state_table(subject_, step, room);
    if (table.more_count > 0 && room > 1) table = state_table(subject_, step, --room);
    if (table.rows.empty()) {
      frame_.put({area.at.row + 1, area.at.column + 1}, "no channels or locks", area.columns - 1,
                 {Ink::kFaint});
      return;
    }
    const StateColumns columns = columns_of(table, area.columns - 1);
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      const StateRow& row = table.rows[i];
      const Place at{area.at.row + 1 + i, area.at.column};
      const Paint paint{row.is_touched ? Ink::kHeading : Ink::kPlain};
      if (row.is_touched) frame_.put_character(at, glyphs_.chosen, paint);
      std::size_t column = at.column + 1;
      frame_.put({at.row, column}, columns.has_kinds ? row.object : row.name, columns.object,
                 paint);
      column += columns.object + 2;
      frame_.put({at.row, column}, row.state, columns.state, paint);
      column += columns.state + 2;
      frame_.put({at.row, column}, row.waiting, columns.waiting, {Ink::kWarning});
    }
    if (table.more_count > 0)
      frame_.put({area.end_row() - 1, area.at.column + 1},
                 fmt::format("and {} more", table.more_count), area.columns - 1, {Ink::kFaint});
  }

  /// Returns: the rows that they take.
  std::size_t draw_rows(const Area& area, const std::vector<DetailRow>& rows,
                        std::size_t scroll = 0) {
    const std::size_t labels = label_columns_of(rows);
    const std::size_t columns = area.columns > 1 ? area.columns - 1 : 0;
    std::vector<DetailRow> lines = wrapped(rows, labels, columns, frame_.charset());
    lines.erase(lines.begin(),
                lines.begin() + static_cast<std::ptrdiff_t>(std::min(scroll, lines.size())));
    for (std::size_t i = 0; i < std::min(lines.size(), area.rows); ++i) {
      const Place at{area.at.row + i, area.at.column + 1};
      if (i + 1 == area.rows && lines.size() > area.rows) {
        frame_.put(at, fmt::format("and {}", counted(lines.size() - i, "more line")), columns,
                   {Ink::kFaint});
        return area.rows;
      }
      frame_.put(at, lines[i].label, labels - 1, {Ink::kFaint});
      if (columns > labels)
        frame_.put({at.row, at.column + labels}, lines[i].text, columns - labels, {lines[i].ink});
    }
    return std::min(lines.size(), area.rows);
  }

  void draw_detail(const Area& area, bool is_wide) {
    const std::uint64_t step = browser_.step();
    const bool is_of_step = browser_.lane() == subject_.lane_of_step(step);
    const std::string heading = step == 0    ? std::string("No step")
                                : is_of_step ? "Step " + grouped(step)
                                             : "Task at step " + grouped(step);
    draw_heading(area.at, area.columns, heading);
    const std::vector<DetailRow> rows =
        is_of_step ? rows_of_step(subject_, step) : rows_of_lane(subject_, browser_.lane(), step);
    const std::size_t findings = subject_.findings().size();
    Area body{{area.at.row + 1, area.at.column}, area.rows - 1, area.columns};
    const bool has_findings = is_wide && findings > 0 && body.rows > 16;
    if (has_findings) body.rows -= std::min(findings, std::size_t{4}) * 2 + 2;
    const std::size_t used = draw_rows(body, rows);
    if (!has_findings) return;
    const std::size_t row = body.at.row + used + 1;
    draw_heading({row, area.at.column}, area.columns, "Findings (e)");
    std::vector<DetailRow> summaries;
    for (std::size_t i = 0; i < std::min(findings, std::size_t{9}); ++i)
      summaries.push_back(summary_row(i));
    const std::size_t left =
        draw_rows({{row + 1, area.at.column}, area.end_row() - row - 1, area.columns}, summaries);
    if (browser_.finding()) {
      const Area rest{
          {row + 1 + left, area.at.column}, area.end_row() - row - 1 - left, area.columns};
      std::vector<DetailRow> cycle;
      for (const std::string& line : cycle_in_words(subject_, *browser_.finding()))
        cycle.push_back({"", line, Ink::kBad});
      if (rest.rows > 0) draw_rows(rest, cycle);
    }
  }

  DetailRow summary_row(std::size_t finding) const {
    const Finding& one = subject_.findings()[finding];
    return {std::to_string(finding + 1), detail::cut_to_code_points(one.summary, 600),
            one.certainty == Certainty::kNote       ? Ink::kPlain
            : one.certainty == Certainty::kPossible ? Ink::kWarning
                                                    : Ink::kBad};
  }

  void draw_list() {
    const Area& area = browser_.layout().main;
    const std::size_t number = std::max<std::size_t>(grouped(subject_.steps_count()).size(), 4);
    const std::size_t task = std::clamp<std::size_t>(subject_.names_width(), 4, area.columns / 4);
    const std::size_t place = area.columns / 4;
    const std::size_t words = area.columns - number - task - place - 7;
    const std::size_t task_at = area.at.column + 1 + number + 2;
    const std::size_t words_at = task_at + task + 2;
    const std::size_t place_at = words_at + words + 2;
    frame_.put({area.at.row, area.at.column + 1}, pad_left("step", number), number, {Ink::kFaint});
    frame_.put({area.at.row, task_at}, "task", task, {Ink::kFaint});
    frame_.put({area.at.row, words_at}, "operation", words, {Ink::kFaint});
    frame_.put({area.at.row, place_at}, "place", place, {Ink::kFaint});
    for (std::size_t i = 0; i + 1 < area.rows; ++i) {
      const std::uint64_t step = browser_.first_row() + i;
      if (step > subject_.steps_count()) break;
      const std::size_t row = area.at.row + 1 + i;
      const bool is_selected = step == browser_.step();
      const Ink ink = is_selected               ? Ink::kSelected
                      : browser_.is_match(step) ? Ink::kMatch
                                                : Ink::kPlain;
      if (is_selected) {
        frame_.fill({{row, area.at.column}, 1, area.columns}, {ink});
        frame_.put_character({row, area.at.column}, glyphs_.chosen, {ink});
      }
      frame_.put({row, area.at.column + 1}, pad_left(grouped(step), number), number, {ink});
      frame_.put({row, task_at}, subject_.lane_name(subject_.lane_of_step(step)), task, {ink});
      draw_operation({row, words_at}, words, step, ink);
      const std::string site = subject_.names().place(SiteId{subject_.event(step).site});
      frame_.put({row, place_at}, fit_end(site, place, frame_.charset()), place,
                 {is_selected ? ink : Ink::kFaint});
    }
    if (subject_.steps_count() == 0)
      frame_.put({area.at.row + 1, area.at.column + 1}, "This trace has no steps.",
                 area.columns - 1);
  }

  /// Its words, and whether it parks or goes on, which is never cut off.
  void draw_operation(Place at, std::size_t columns, std::uint64_t step, Ink ink) {
    const Span* const span = subject_.index().span_at(subject_.lane_of_step(step), step);
    std::string mark;
    Ink mark_ink = ink;
    if (span != nullptr && span->begin == step && span->kind == Span::Kind::kBlocked) {
      mark = "parks for ever";
      mark_ink = Ink::kBad;
    } else if (phase_of(subject_.event(step)) == Phase::kStart) {
      mark = "parks";
    } else if (phase_of(subject_.event(step)) == Phase::kDone) {
      mark = "goes on";
    } else if (subject_.index().is_preemption(step)) {
      mark = "preempts";
    }
    if (ink == Ink::kSelected) mark_ink = ink;
    const std::size_t mark_columns = mark.empty() ? 0 : mark.size() + 2;
    const std::size_t room = columns > mark_columns ? columns - mark_columns : 0;
    const std::size_t used = frame_.put(at, subject_.words(step, true), room, {ink});
    frame_.put({at.row, at.column + used + 2}, mark, columns - std::min(columns, used + 2),
               {mark_ink});
  }

  void draw_findings() {
    const Area& area = browser_.layout().main;
    const std::size_t count = subject_.findings().size();
    draw_heading(area.at, area.columns, counted(count, "finding"));
    if (count == 0) {
      frame_.put({area.at.row + 1, area.at.column + 1}, "Nothing is wrong in this trace.",
                 area.columns - 1, {Ink::kGood});
      return draw_warnings(area.at.row + 3);
    }
    const std::size_t chosen = browser_.chosen_finding();
    const std::size_t rows = std::min(count, std::max<std::size_t>(area.rows / 3, 2));
    const std::size_t first = chosen < rows ? 0 : std::min(chosen + 1 - rows, count - rows);
    const std::size_t number = std::to_string(count).size();
    for (std::size_t i = 0; i < rows; ++i) {
      const std::size_t row = area.at.row + 1 + i;
      const DetailRow summary = summary_row(first + i);
      const bool is_chosen = first + i == chosen;
      const Ink ink = is_chosen ? Ink::kSelected : summary.ink;
      if (is_chosen) frame_.fill({{row, area.at.column}, 1, area.columns}, {ink});
      if (is_chosen) frame_.put_character({row, area.at.column}, glyphs_.chosen, {ink});
      frame_.put({row, area.at.column + 1}, pad_left(summary.label, number), number, {ink});
      frame_.put({row, area.at.column + number + 3}, summary.text, area.columns - number - 3,
                 {ink});
    }
    const std::size_t body = area.at.row + 1 + rows;
    const Finding& finding = subject_.findings()[chosen];
    draw_heading({body, area.at.column}, area.columns,
                 fmt::format("{}, {}", to_string(finding.kind), to_string(finding.certainty)));
    // The summary once more, whole.
    std::vector<DetailRow> lines{{"", summary_row(chosen).text, Ink::kHeading}};
    const std::vector<DetailRow> more = rows_of_finding(subject_, chosen);
    lines.insert(lines.end(), more.begin(), more.end());
    const std::size_t used =
        draw_rows({{body + 1, area.at.column}, area.end_row() - body - 1, area.columns}, lines,
                  browser_.scroll());
    draw_warnings(body + 2 + used);
  }

  /// What is wrong with the trace itself, from that row on.
  void draw_warnings(std::size_t row) {
    const Area& area = browser_.layout().main;
    const std::vector<std::string>& warnings = subject_.trace().warnings;
    if (warnings.empty() || row + 1 >= area.end_row()) return;
    draw_heading({row, area.at.column}, area.columns, "Of the trace");
    std::vector<DetailRow> lines;
    for (std::size_t i = 0; i < std::min<std::size_t>(warnings.size(), 20); ++i)
      lines.push_back({"", detail::cut_to_code_points(warnings[i], 400), Ink::kWarning});
    draw_rows({{row + 1, area.at.column}, area.end_row() - row - 1, area.columns}, lines);
  }

  void draw_help() {
    const Area& area = browser_.layout().main;
    draw_heading(area.at, area.columns, "Keys");
    draw_rows({{area.at.row + 1, area.at.column}, area.rows - 1, area.columns},
              rows_of_help(subject_.trace().header.is_controlled, frame_.charset()),
              browser_.scroll());
  }

  void draw_status() {
    const Area& area = browser_.layout().status;
    if (const auto& prompt = browser_.prompt()) {
      const std::string head = prompt->kind == Prompt::Kind::kSearch ? "/" : "step: ";
      // The end is where one types.
      const std::string text = fit_end(printable(prompt->text, frame_.charset()),
                                       area.columns - head.size() - 2, frame_.charset());
      const std::size_t used = frame_.put(area.at, head + text, area.columns - 1);
      frame_.put_character({area.at.row, used}, " ", {Ink::kSelected});
      return;
    }
    if (!browser_.message().empty()) {
      frame_.put({area.at.row, 1}, browser_.message(), area.columns - 1, {Ink::kWarning});
      return;
    }
    if (browser_.is_live() && !browser_.is_following()) {
      frame_.put({area.at.row, 1},
                 browser_.news_count() == 0 ? std::string("paused   f follows what goes on")
                                            : fmt::format("paused   {} since   f follows",
                                                          counted(browser_.news_count(), "step")),
                 area.columns - 1, {Ink::kWarning});
      return;
    }
    frame_.put({area.at.row, 1}, hint(), area.columns - 1, {Ink::kFaint});
  }

  std::string hint() const {
    switch (browser_.show()) {
      case Show::kHelp:
        return "q back   PgDn more";
      case Show::kFindings:
        return "Enter to its place   PgDn more of it   q back   ? help";
      case Show::kLanes:
      case Show::kList:
        break;
    }
    const char* const other = browser_.show() == Show::kLanes ? "list" : "lanes";
    return fmt::format("? help   / search   e findings   Tab {}   Enter partner   q quit", other);
  }

  const Browser& browser_;
  const Subject& subject_;
  Frame frame_;
  const Glyphs glyphs_;
};

}  // namespace

Frame draw(const Browser& browser, Charset charset) { return Drawing(browser, charset).draw(); }

}  // namespace chantrace::view
