#include "picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "folding.h"
#include "pattern.h"
#include "verdict.h"

namespace chantrace::replay {

using view::cases_of;
using view::counted;
using view::event_at;
using view::grouped;
using view::rank_tasks;
using view::RankedTasks;
using view::state_before_unwinding;
using view::Step;
using view::steps_of;
namespace {

// As many tasks as a reader can tell apart when lines name them.
constexpr std::size_t kTasksInLinesMax = 16;
// With fewer columns than this, lines show more.
constexpr std::size_t kColumnsMin = 3;

/// Decides, one thing after the other, what the picture has.
class Chooser {
 public:
  Chooser(const Subject& subject, const ScreenOptions& options)
      : subject_(subject), options_(options) {}

  Picture choose() {
    picture_.number_columns =
        std::max(picture_.number_columns, fmt::format("{}", subject_.steps.size()).size());
    choose_tasks();
    choose_steps();
    choose_rows();
    leave_out_the_middle();
    return std::move(picture_);
  }

 private:
  void choose_tasks();
  void choose_steps();
  void choose_rows();
  void leave_out_the_middle();
  bool is_about_objects(const Step& step) const;
  std::string_view omission() const {
    return options_.drawing.charset == Charset::kUtf8 ? "…" : "...";
  }

  const Subject& subject_;
  const ScreenOptions& options_;
  Picture picture_;
};

void Chooser::choose_tasks() {
  const RankedTasks ranked = rank_tasks(subject_.trace, subject_.state, subject_.findings);
  const std::size_t room = columns_that_fit(
      options_.drawing.width - std::min(options_.drawing.width, picture_.number_columns + 4));
  picture_.tasks = ranked.tasks;
  if (!options_.tasks.empty()) {
    std::erase_if(picture_.tasks, [&](TaskId task) {
      return !matches_any(options_.tasks, subject_.names.task(task), to_number(task));
    });
    picture_.is_in_columns = picture_.tasks.size() <= room;
  } else if (picture_.tasks.size() > room) {
    const std::size_t telling = ranked.telling_count;
    if (telling > 1 && telling <= room && picture_.tasks.size() > kTasksInLinesMax) {
      picture_.tasks.resize(telling);
    } else if (picture_.tasks.size() <= kTasksInLinesMax) {
      picture_.is_in_columns = false;
    } else {
      picture_.is_in_columns = room >= kColumnsMin;
      picture_.tasks.resize(
          std::min(picture_.tasks.size(), picture_.is_in_columns ? room : kTasksInLinesMax));
    }
  }
  if (options_.layout == Layout::kLines) picture_.is_in_columns = false;
  if (options_.layout == Layout::kColumns) {
    picture_.is_in_columns = true;
    picture_.tasks.resize(std::min(picture_.tasks.size(), std::max<std::size_t>(room, 1)));
  }

  // In the order they were started, the body first: a reader follows the numbers.
  std::sort(picture_.tasks.begin(), picture_.tasks.end(), [&](TaskId left, TaskId right) {
    const auto is_body = [&](TaskId id) {
      const TaskInfo* const info = subject_.trace.find_task(id);
      return info != nullptr && info->is_body;
    };
    return std::pair{!is_body(left), left} < std::pair{!is_body(right), right};
  });
  for (std::size_t column = 0; column < picture_.tasks.size(); ++column) {
    picture_.column_of.emplace(to_number(picture_.tasks[column]), column);
  }
}

bool Chooser::is_about_objects(const Step& step) const {
  if (options_.objects.empty()) return true;
  const EventRecord& event = event_at(subject_.trace, step.place);
  const auto is_meant = [&](std::uint32_t id) {
    return id != 0 && matches_any(options_.objects, subject_.names.object(ObjectId{id}), id);
  };
  if (!is_on_task(event.operation) && is_meant(event.object)) return true;
  if (event.operation != Operation::kSelect) return false;
  const auto cases = cases_of(subject_.trace, step.place);
  return std::any_of(cases.begin(), cases.end(),
                     [&](const EventRecord* one) { return is_meant(one->object); });
}

void Chooser::choose_steps() {
  for (const Step& step : subject_.steps) {
    if (!options_.with_unwinding && step.number > subject_.last_step) break;
    const bool is_in_range = step.number >= options_.from && step.number <= options_.to;
    if (is_in_range && picture_.column_of.contains(to_number(step.task)) &&
        is_about_objects(step)) {
      picture_.steps.push_back(&step);
    }
  }
}

void Chooser::choose_rows() {
  std::vector<std::uint64_t> shapes;
  shapes.reserve(picture_.steps.size());
  for (const Step* step : picture_.steps) {
    const EventRecord& event = event_at(subject_.trace, step->place);
    // A task that has a column is worth a line of its own where it is started and joined.
    const bool is_about_shown =
        is_on_task(event.operation) && picture_.column_of.contains(event.object);
    shapes.push_back(is_about_shown ? step->shape + event.object : step->shape);
  }
  for (const Rounds& rounds : fold(shapes)) {
    for (std::size_t line = 0; line < rounds.period; ++line) {
      picture_.rows.push_back({.step = rounds.first + line, .words = {}, .resumes_at = 0});
    }
    if (rounds.count == 1) continue;
    const std::size_t next = rounds.first + rounds.lines();
    const std::string more = grouped(rounds.count - 1);
    const std::string what =
        rounds.period == 1 ? fmt::format("{} more of this step", more)
                           : fmt::format("{} more rounds of these {} steps", more, rounds.period);
    picture_.rows.push_back({.step = {},
                             .words = fmt::format("{} {}, up to {}", omission(), what,
                                                  picture_.steps[next - 1]->number),
                             .resumes_at = next});
  }
}

void Chooser::leave_out_the_middle() {
  if (options_.rows_max == 0 || picture_.rows.size() <= options_.rows_max) return;
  // The end tells more than the beginning.
  const std::size_t front = options_.rows_max / 4;
  const std::size_t back = options_.rows_max - front;
  const auto index_of = [&](const Row& row) { return row.step ? *row.step : row.resumes_at; };
  const std::size_t first = index_of(picture_.rows[front]);
  const std::size_t next = index_of(picture_.rows[picture_.rows.size() - back]);
  Row words{.step = {}, .words = {}, .resumes_at = next};
  words.words = fmt::format("{} {} left out (--rows 0 shows all, --from {} --to {} these)",
                            omission(), counted(next - first, "step"),
                            picture_.steps[first]->number, picture_.steps[next - 1]->number);
  picture_.rows.erase(picture_.rows.begin() + static_cast<std::ptrdiff_t>(front),
                      picture_.rows.end() - static_cast<std::ptrdiff_t>(back));
  picture_.rows.insert(picture_.rows.begin() + static_cast<std::ptrdiff_t>(front),
                       std::move(words));
}

}  // namespace

Subject::Subject(const Trace& subject)
    : trace(subject),
      names(subject),
      clock(subject),
      order(order_events(subject)),
      state(state_before_unwinding(subject, order)),
      steps(steps_of(subject, order)),
      last_step(steps.size()),
      findings(findings_of(subject)) {
  const auto unwound = std::find_if(steps.begin(), steps.end(), [&](const Step& step) {
    return outcome_of(event_at(trace, step.place)) == Outcome::kCancelled;
  });
  if (unwound != steps.end()) last_step = unwound->number - 1;
}

Picture make_picture(const Subject& subject, const ScreenOptions& options) {
  return Chooser{subject, options}.choose();
}

}  // namespace chantrace::replay
