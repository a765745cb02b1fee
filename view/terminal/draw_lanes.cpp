#include "draw_lanes.h"

#include <algorithm>
#include <optional>
#include <string>

#include "details.h"
#include "glyphs.h"

namespace chantrace::view {
namespace {

/// Objects are told apart by so many colours.
constexpr std::uint32_t kHues = 12;

class LanesDrawing {
 public:
  LanesDrawing(const Browser& browser, Frame& frame)
      : browser_(browser),
        subject_(browser.subject()),
        frame_(frame),
        glyphs_(glyphs_of(frame.charset())),
        area_(browser.layout().main),
        left_(area_.at.column + browser.gutter() + 1),
        columns_(area_.end_column() > left_ ? area_.end_column() - left_ : 0) {}

  void draw() {
    draw_axis();
    for (std::size_t i = 0; i < browser_.lanes_shown(); ++i)
      draw_lane(static_cast<std::uint32_t>(browser_.first_lane() + i));
    draw_links();
    draw_cursor();
    draw_cycle();
    draw_overview();
  }

 private:
  /// The row of a lane; none: it is not seen.
  std::optional<std::size_t> row_of(std::uint32_t lane) const {
    const std::size_t first = browser_.first_lane();
    if (lane < first || lane >= first + browser_.lanes_shown()) return std::nullopt;
    return area_.at.row + 1 + (lane - first) * browser_.lane_pitch();
  }
  /// The column of a step; none: it is not seen.
  std::optional<std::size_t> column_of(std::uint64_t step) const {
    const std::int64_t column = browser_.scale().column_of(step);
    if (column < 0 || static_cast<std::size_t>(column) >= columns_) return std::nullopt;
    return left_ + static_cast<std::size_t>(column);
  }

  void draw_axis() {
    const std::size_t row = area_.at.row;
    frame_.put({row, area_.at.column}, " step", browser_.gutter(), {Ink::kFaint});
    // 1, 2, 5, 10, 20 ... steps apart, as far as numbers need.
    const LaneScale& scale = browser_.scale();
    std::uint64_t every = 1;
    for (int i = 0; every * scale.columns_per_step < 12 * scale.steps_per_column; ++i)
      every = i % 3 == 1 ? every / 2 * 5 : every * 2;
    const std::uint64_t end = std::min(scale.step_at(columns_), subject_.steps_count() + 1);
    for (std::uint64_t step = std::max(every, (scale.first + every - 1) / every * every);
         step < end; step += every) {
      const auto column = column_of(step);
      if (!column) continue;
      const std::string number = grouped(step);
      if (*column + number.size() <= area_.end_column())
        frame_.put({row, *column}, number, number.size(), {Ink::kFaint});
    }
    if (const auto column = column_of(browser_.step())) {
      const std::string mark = std::string(glyphs_.cursor) + grouped(browser_.step());
      // Of a number that it would stand in nothing is left.
      const std::size_t width = width_of(mark);
      const std::size_t from = *column > left_ + 6 ? *column - 6 : left_;
      frame_.fill({{row, from}, 1, std::min(*column + width + 6, area_.end_column()) - from});
      const std::size_t begin = std::min(*column, area_.end_column() - width);
      frame_.put({row, begin}, mark, width, {Ink::kSelected});
    }
  }

  void draw_name(std::uint32_t lane, std::size_t row) {
    const bool is_chosen = lane == browser_.lane();
    const bool makes_step = lane == subject_.lane_of_step(browser_.step());
    const Paint paint{is_chosen ? Ink::kSelected : makes_step ? Ink::kHeading : Ink::kPlain};
    const std::size_t indentation = indentation_of(subject_.timeline().lanes[lane]);
    if (is_chosen) frame_.put_character({row, area_.at.column}, glyphs_.chosen, {Ink::kSelected});
    const std::size_t room = browser_.gutter() - 1;
    if (room > indentation)
      frame_.put({row, area_.at.column + 1 + indentation}, subject_.lane_name(lane),
                 room - indentation, paint);
  }

  static Paint paint_of(const LaneCell& cell) {
    switch (cell.kind) {
      case LaneCell::Kind::kParked:
      case LaneCell::Kind::kPartlyParked:
        return {Ink::kParked, static_cast<std::uint8_t>(cell.object % kHues)};
      case LaneCell::Kind::kBlocked:
        return {Ink::kBlocked};
      case LaneCell::Kind::kNothing:
      case LaneCell::Kind::kRunning:
        break;
    }
    return {Ink::kPlain};
  }

  std::string_view glyph_of(const LaneCell& cell) const {
    if (cell.has_step && browser_.scale().steps_per_column == 1) return glyphs_.step;
    switch (cell.kind) {
      case LaneCell::Kind::kParked:
        return glyphs_.parked;
      case LaneCell::Kind::kPartlyParked:
        return glyphs_.partly;
      case LaneCell::Kind::kBlocked:
        return glyphs_.blocked;
      case LaneCell::Kind::kNothing:
      case LaneCell::Kind::kRunning:
        break;
    }
    if (cell.has_step || cell.has_steps) return glyphs_.busy;
    return cell.kind == LaneCell::Kind::kRunning ? glyphs_.running : " ";
  }

  void draw_lane(std::uint32_t lane) {
    const std::size_t row = *row_of(lane);
    draw_name(lane, row);
    const LaneRow drawn = lane_row(subject_, lane, browser_.scale(), columns_);
    for (std::size_t column = 0; column < columns_; ++column) {
      const LaneCell& cell = drawn.cells[column];
      frame_.put_character({row, left_ + column}, glyph_of(cell), paint_of(cell));
    }
    for (const LaneLabel& label : drawn.labels) draw_label(label, row, drawn);
    draw_matches(lane, row);
    if (columns_ > 0 && drawn.cells.back().kind == LaneCell::Kind::kBlocked)
      frame_.put_character({row, area_.end_column() - 1}, glyphs_.forever, {Ink::kBlocked});
  }

  void draw_label(const LaneLabel& label, std::size_t row, const LaneRow& drawn) {
    // A bar shows on both sides of its words.
    const std::size_t margin = label.is_parked ? 1 : 0;
    const std::size_t room = label.columns - 2 * margin;
    const Paint paint = label.is_parked ? paint_of(drawn.cells[label.column]) : Paint{Ink::kFaint};
    frame_.put({row, left_ + label.column + margin}, subject_.words(label.step, !label.is_parked),
               room, paint);
  }

  void draw_matches(std::uint32_t lane, std::size_t row) {
    const std::vector<std::uint64_t>& matches = browser_.matches();
    const LaneScale& scale = browser_.scale();
    if (matches.empty()) return;
    if (scale.steps_per_column > 1) return;
    auto match = std::lower_bound(matches.begin(), matches.end(), scale.first);
    for (; match != matches.end(); ++match) {
      const auto column = column_of(*match);
      if (!column) break;
      if (subject_.lane_of_step(*match) == lane) frame_.paint({row, *column}, {Ink::kMatch});
    }
  }

  void draw_cursor() {
    const auto row = row_of(subject_.lane_of_step(browser_.step()));
    const auto column = column_of(browser_.step());
    if (row && column) frame_.paint({*row, *column}, {Ink::kSelected});
  }

  /// From the lane of the cursor to that of a partner, in the column of the cursor.
  void draw_links() {
    const std::uint64_t step = browser_.step();
    for (const Link& link : subject_.index().links_to(step)) draw_link(step, link.from);
    constexpr std::size_t kLinksMax = 200;  // More lanes than any screen has.
    const std::vector<Link> links = subject_.index().links_from(step);
    for (std::size_t i = 0; i < std::min(links.size(), kLinksMax); ++i)
      draw_link(step, links[i].to);
  }

  void draw_link(std::uint64_t step, std::uint64_t partner) {
    const std::uint32_t from = subject_.lane_of_step(step);
    const std::uint32_t to = subject_.lane_of_step(partner);
    const auto column = column_of(step);
    if (column && browser_.lanes_shown() > 0) {
      // Lanes that are not seen are beyond an edge.
      const auto first = static_cast<std::uint32_t>(browser_.first_lane());
      const auto last = static_cast<std::uint32_t>(first + browser_.lanes_shown() - 1);
      const std::size_t begin = *row_of(std::clamp(std::min(from, to), first, last));
      const std::size_t end = *row_of(std::clamp(std::max(from, to), first, last));
      for (std::size_t row = begin + 1; row < end; ++row) cross({row, *column});
    }
    const auto partner_row = row_of(to);
    const auto partner_column = column_of(partner);
    if (!partner_row || !partner_column) return;
    if (partner_column == column) return;
    frame_.put_character({*partner_row, *partner_column}, glyphs_.partner, {Ink::kLink});
    if (column) cross({*partner_row, *column});
  }

  void cross(Place place) {
    const std::string& there = frame_.cell(place).text;
    if (there == glyphs_.running || there == glyphs_.crossed)
      frame_.put_character(place, glyphs_.crossed, {Ink::kLink});
    else if (there == " ")
      frame_.put_character(place, glyphs_.link, {Ink::kLink});
  }

  /// At the right edge, whom each task of a deadlock waits for.
  void draw_cycle() {
    if (!browser_.finding()) return;
    const std::vector<std::uint64_t>& steps = subject_.finding_steps(*browser_.finding());
    constexpr std::size_t kTasksMax = 200;
    for (std::size_t i = 0; i < std::min(steps.size(), kTasksMax); ++i) {
      const std::uint32_t next = next_in_cycle(subject_, *browser_.finding(), i);
      const auto row = row_of(subject_.lane_of_step(steps[i]));
      if (next == kNoLane || !row) continue;
      const std::string words =
          fit(" " + std::string(glyphs_.arrow) + " " + subject_.lane_name(next) + " ", columns_ / 3,
              frame_.charset());
      const std::size_t width = width_of(words);
      if (width + 1 < columns_)
        frame_.put({*row, area_.end_column() - 1 - width}, words, width, {Ink::kBlocked});
    }
  }

  /// Which part of all steps is seen, where the findings are, and what is searched for.
  void draw_overview() {
    const std::uint64_t count = subject_.steps_count();
    const LaneScale& scale = browser_.scale();
    const bool is_all_seen = scale.first == 1 && scale.steps_in(columns_) >= count;
    if (is_all_seen || columns_ == 0) return;
    const std::size_t row = area_.end_row() - 1;
    frame_.put({row, area_.at.column}, " all steps", browser_.gutter(), {Ink::kFaint});
    const std::uint64_t seen_end = scale.step_at(columns_);
    const auto has = [](const std::vector<std::uint64_t>& steps, std::uint64_t begin,
                        std::uint64_t end) {
      const std::uint64_t next = next_of(steps, begin - 1);
      return next != 0 && next < end;
    };
    for (std::size_t column = 0; column < columns_; ++column) {
      const std::uint64_t begin = 1 + count * column / columns_;
      const std::uint64_t end = std::max(begin + 1, 1 + count * (column + 1) / columns_);
      const bool is_seen = begin < seen_end && end > scale.first;
      const Place place{row, left_ + column};
      if (browser_.step() >= begin && browser_.step() < end)
        frame_.put_character(place, glyphs_.partner, {Ink::kSelected});
      else if (has(subject_.bad_steps(), begin, end))
        frame_.put_character(place, "!", {Ink::kBad});
      else if (has(browser_.matches(), begin, end))
        frame_.put_character(place, is_seen ? glyphs_.busy : glyphs_.running, {Ink::kMatch});
      else
        frame_.put_character(place, is_seen ? glyphs_.busy : glyphs_.running,
                             {is_seen ? Ink::kPlain : Ink::kFaint});
    }
  }

  const Browser& browser_;
  const Subject& subject_;
  Frame& frame_;
  const Glyphs glyphs_;
  const Area area_;
  const std::size_t left_;     ///< Of the lanes, behind their names.
  const std::size_t columns_;  ///< Of the lanes.
};

}  // namespace

void draw_lanes(const Browser& browser, Frame& frame) { LanesDrawing(browser, frame).draw(); }

}  // namespace chantrace::view
