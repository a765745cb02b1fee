#include "stats.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include "input.h"
#include "model/naming.h"
#include "model/quantity.h"
#include "statistics.h"
#include "text_table.h"

namespace chantrace::replay {

using view::counted;
using view::grouped;
using view::Names;
using view::percentage;
using view::title_of;
using view::TraceClock;
namespace {

struct StatsOptions {
  std::vector<std::string> inputs;
  std::size_t rows_max = 30;
  std::size_t width = 0;
  Appearance appearance;
};

using Align = TextTable::Align;

/// The statistics of one trace as tables.
class Tables {
 public:
  Tables(const Trace& trace, const Drawing& drawing, std::size_t rows_max)
      : trace_(trace),
        drawing_(drawing),
        rows_max_(rows_max),
        names_(trace),
        clock_(trace),
        statistics_(statistics_of(trace)) {}

  std::string draw(std::string_view fallback_title) const {
    std::string text = fmt::format(
        "{}  {}\n", drawing_.palette.paint(Style::kHeading, title_of(trace_, fallback_title)),
        drawing_.palette.paint(Style::kFaint, counts()));
    text += channels() + tasks() + locks() + conditions() + wait_groups() + semaphores();
    return text;
  }

 private:
  std::string counts() const {
    std::string text = fmt::format("{}, {}, {}", counted(trace_.tasks.size(), "task"),
                                   counted(trace_.objects.size(), "object"),
                                   counted(trace_.events_count(), "event"));
    if (trace_.is_incomplete()) text += ", incomplete";
    if (trace_.lost_count() > 0) text += fmt::format(", {} lost", grouped(trace_.lost_count()));
    if (clock_.is_steps()) text += "; times in steps of a controlled run";
    return text;
  }

  std::string longest(const Waits& waits) const {
    if (waits.unfinished > 0) return "for ever";
    return waits.count == 0 ? "-" : clock_.text(waits.longest_ticks);
  }

  /// The first rows of `table` under an empty line, and how many were left out.
  std::string finish(const TextTable& table, std::size_t left_out, std::string_view what) const {
    if (table.is_empty()) return {};
    std::string text = "\n" + table.draw(drawing_);
    if (left_out > 0) {
      text += drawing_.palette.paint(Style::kFaint,
                                     fmt::format("... and {} (--rows 0 shows all)",
                                                 counted(left_out, fmt::format("more {}", what)))) +
              "\n";
    }
    return text;
  }

  /// The entries of `map`, the one with the highest `rank` first, at most `rows_max_` of them.
  template <typename Map, typename Rank>
  auto first_rows(const Map& map, const Rank& rank) const {
    std::vector<std::pair<typename Map::key_type, const typename Map::mapped_type*>> rows;
    for (const auto& [id, entry] : map) rows.emplace_back(id, &entry);
    if (rows_max_ != 0 && rows.size() > rows_max_) {
      std::stable_sort(rows.begin(), rows.end(), [&](const auto& left, const auto& right) {
        return rank(*left.second) > rank(*right.second);
      });
      rows.resize(rows_max_);
    }
    return rows;
  }

  std::string channels() const {
    TextTable table{{{"channel", Align::kLeft},
                     {"type", Align::kLeft},
                     {"cap"},
                     {"sends"},
                     {"recvs"},
                     {"longest wait"},
                     {"depth"},
                     {"left"},
                     {"", Align::kLeft}}};
    const auto rows = first_rows(statistics_.channels, [](const ChannelStatistics& channel) {
      return channel.sends + channel.receives;
    });
    for (const auto& [id, channel] : rows) {
      const ObjectInfo* const info = trace_.find_object(id);
      const bool is_buffered = info != nullptr && info->capacity > 0;
      std::vector<std::string> row{names_.object_and_place(id), info == nullptr ? "" : info->type,
                                   is_buffered ? grouped(info->capacity) : "-",
                                   grouped(channel->sends), grouped(channel->receives)};
      row.push_back(longest(channel->waits));
      row.push_back(is_buffered ? grouped(channel->depth_max) : "-");
      row.push_back(grouped(channel->left));
      row.emplace_back(channel->is_closed ? "closed" : "");
      table.add(std::move(row));
    }
    return finish(table, statistics_.channels.size() - rows.size(), "channel");
  }

  std::string parked_in(const TaskStatistics& task) const {
    constexpr std::size_t kShown = 2;
    std::vector<std::pair<std::uint64_t, ParkedIn>> parts;
    for (const auto& [where, ticks] : task.parked_in) parts.emplace_back(ticks, where);
    std::stable_sort(parts.begin(), parts.end(),
                     [](const auto& left, const auto& right) { return left.first > right.first; });
    std::string text;
    for (std::size_t index = 0; index < std::min(kShown, parts.size()); ++index) {
      const auto& [ticks, where] = parts[index];
      if (!text.empty()) text += ", ";
      text += to_string(where.operation);
      if (where.object != 0) {
        text += " " + (is_on_task(where.operation) ? names_.task(TaskId{where.object})
                                                   : names_.object(ObjectId{where.object}));
      }
      text += " " + percentage(ticks, task.lived_ticks);
    }
    if (parts.size() > kShown) text += ", ...";
    return text;
  }

  std::string tasks() const {
    TextTable table{
        {{"task", Align::kLeft}, {"operations"}, {"lived"}, {"parked"}, {"in", Align::kLeft}}};
    const auto rows = first_rows(statistics_.tasks, [](const TaskStatistics& task) {
      return std::pair{task.is_parked, task.parked_ticks};
    });
    for (const auto& [id, task] : rows) {
      table.add({names_.task(id), grouped(task->operations), clock_.text(task->lived_ticks),
                 percentage(task->parked_ticks, task->lived_ticks),
                 parked_in(*task) + (task->is_parked ? "; still parked" : "")});
    }
    return finish(table, statistics_.tasks.size() - rows.size(), "task");
  }

  std::string locks() const {
    TextTable table{{{"lock", Align::kLeft},
                     {"taken"},
                     {"contended"},
                     {"longest wait"},
                     {"longest held"},
                     {"at", Align::kLeft}}};
    const auto rows = first_rows(statistics_.locks, [](const LockStatistics& lock) {
      return std::pair{lock.contended, lock.taken};
    });
    for (const auto& [id, lock] : rows) {
      const bool was_released =
          to_number(lock->longest_held_at) != 0 || lock->longest_held_ticks > 0;
      table.add({names_.object_and_place(id), grouped(lock->taken), grouped(lock->contended),
                 longest(lock->waits), was_released ? clock_.text(lock->longest_held_ticks) : "-",
                 names_.place(lock->longest_held_at) + (lock->is_held ? "  still held" : "")});
    }
    return finish(table, statistics_.locks.size() - rows.size(), "lock");
  }

  std::string conditions() const {
    TextTable table{{{"condition", Align::kLeft},
                     {"waits"},
                     {"notified"},
                     {"woken"},
                     {"found nobody"},
                     {"longest wait"}}};
    for (const auto& [id, condition] : statistics_.conditions) {
      table.add({names_.object_and_place(id), grouped(condition.taken + condition.waits.unfinished),
                 grouped(condition.given), grouped(condition.woken), grouped(condition.lost),
                 longest(condition.waits)});
    }
    return finish(table, 0, "");
  }

  std::string wait_groups() const {
    TextTable table{{{"wait group", Align::kLeft}, {"adds"}, {"waits"}, {"longest wait"}}};
    for (const auto& [id, group] : statistics_.wait_groups) {
      table.add({names_.object_and_place(id), grouped(group.added),
                 grouped(group.taken + group.waits.unfinished), longest(group.waits)});
    }
    return finish(table, 0, "");
  }

  std::string semaphores() const {
    TextTable table{{{"semaphore", Align::kLeft}, {"acquired"}, {"released"}, {"longest wait"}}};
    for (const auto& [id, semaphore] : statistics_.semaphores) {
      table.add({names_.object_and_place(id), grouped(semaphore.taken), grouped(semaphore.given),
                 longest(semaphore.waits)});
    }
    return finish(table, 0, "");
  }

  const Trace& trace_;
  Drawing drawing_;
  std::size_t rows_max_;
  Names names_;
  TraceClock clock_;
  Statistics statistics_;
};

ExitCode run_stats(const StatsOptions& options, Context& context) {
  const Drawing drawing{
      .width = options.width == 0 ? terminal_width(context.out.stream()) : options.width,
      .palette = options.appearance.palette(context.out),
      .charset = options.appearance.charset()};
  return for_each_trace(options.inputs, drawing.charset, context,
                        [&](const Trace& trace, const std::string& name) {
                          context.out.write(Tables{trace, drawing, options.rows_max}.draw(name));
                        });
}

}  // namespace

void add_stats(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "stats",
      "counts operations, waits and depths of channels, tasks and locks\n\n"
      "Of each channel: its sends and receives, the longest wait at it, how full it was and what "
      "is left in it. Of each task: its operations and the part of its life that it was parked, "
      "and in what. Of each lock: how often it was taken and fought for, and where it was held "
      "longest. A wait that never ended is \"for ever\". Times of a controlled run are steps. "
      "Several traces stand one after another: equal names in different tests need not be the same "
      "thing.");
  const auto options = std::make_shared<StatsOptions>();
  add_inputs(command, options->inputs);
  command
      .add_option("--rows", options->rows_max,
                  "The most rows of a table; those that waited and did most are kept; 0: all")
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--width", options->width,
                  "Columns of the screen, at least 20 (default: the terminal's, or 100)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{20}, std::size_t{10'000}));
  add_appearance(command, options->appearance);
  set_examples(command,
               {{"Where does this test wait?", "chantrace stats traces/Pool.Drains.chantrace"}});
  command.callback([options, &context] { context.exit_code = run_stats(*options, context); });
}

}  // namespace chantrace::replay
