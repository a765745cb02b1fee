#include "replay.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "child_process.h"
#include "debugger.h"
#include "difference.h"
#include "input.h"
#include "model/interleaving.h"
#include "model/naming.h"
#include "model/quantity.h"
#include "rerun.h"
#include "verdict.h"

namespace chantrace::replay {

using view::counted;
using view::describe;
using view::event_at;
using view::Names;
namespace {

struct ReplayOptions : Rerun {
  std::uint32_t times = 1;
  std::string debugger;  ///< Empty: none.
};

/// Becomes the debugger. Returns only where that failed.
ExitCode debug(const ReplayOptions& options, const Trace& recorded, Context& context) {
  const auto failing = failing_operation(recorded);
  if (!failing) {
    context.complain(fmt::format("{}: the task that it is about has made no operation to stop at",
                                 printable(options.trace)));
    return ExitCode::kUnreadable;
  }
  const Names names(recorded);
  const EventRecord& event = event_at(recorded, failing->place);
  context.out.write(fmt::format("stops in front of {}'s operation {}: {}  {}\n",
                                printable(names.task(failing->task)), failing->number,
                                printable(describe(recorded, names, event, false)),
                                printable(names.place(SiteId{event.site}))));
  context.out.flush();
  const std::string stop =
      fmt::format("--chantrace_stop_at={}.{}", to_number(failing->task), failing->number);
  // Whoever looks at a program takes longer than the watchdog waits.
  const std::string reason = become(debugger_command(
      options.debugger,
      command_for(options, recorded, {stop, "--chantrace_keep=none", "--chantrace_watchdog=0"})));
  context.complain(fmt::format("cannot run {}: {}", printable(options.debugger), reason));
  return ExitCode::kUnreadable;
}

/// The kinds of what fails a test.
std::set<FindingKind> failures_of(const Trace& trace) {
  std::set<FindingKind> kinds;
  if (!trace.end) return kinds;
  const std::set<FindingKind> failing = default_fail_kinds();
  for (const Finding& finding : trace.end->findings)
    if (finding.certainty != Certainty::kNote && failing.contains(finding.kind))
      kinds.insert(finding.kind);
  return kinds;
}

std::string words_for(const std::set<FindingKind>& kinds) {
  std::string text;
  for (const FindingKind kind : kinds)
    text += (text.empty() ? "" : ", ") + std::string(to_string(kind));
  return text.empty() ? "nothing" : text;
}

std::string verdict_of(const Trace& trace) {
  const std::set<FindingKind> failures = failures_of(trace);
  if (trace.end && failures.empty() && !trace.end->passed) return "the test failed again";
  return failures.empty() ? "nothing found" : "the same " + words_for(failures);
}

void tell_difference(const Difference& difference, const std::string& why, Context& context) {
  context.out.write(
      fmt::format("diverged at step {}, {}'s record {}\n  recorded   {}\n  now        "
                  "{}\n  {}\n",
                  difference.step, printable(difference.task), difference.record,
                  printable(difference.recorded), printable(difference.now), why));
}

/// Whether two runs of the program as it is now differ from each other.
std::string explain(const Trace& recorded, const Trace& now, const ReplayOptions& options,
                    Context& context) {
  if (const auto again = run_again(options, recorded, {}, context))
    if (const auto hidden = find_difference(now, *again))
      return fmt::format("hidden nondeterminism: run once more it differs again, at step {}",
                         hidden->step);
  const bool is_other_build = !recorded.header.build_id.empty() && !now.header.build_id.empty() &&
                              recorded.header.build_id != now.header.build_id;
  return is_other_build ? "the program was built anew since, and does something else"
                        : "the program does the same each time, but not what was recorded: it "
                          "depends on its surroundings, or was run with other arguments";
}

/// The trace is of threads: the child made its operations in their order, as far as that went.
ExitCode follow(const ReplayOptions& options, const Trace& recorded, Context& context) {
  for (std::uint32_t i = 0; i < options.times; ++i) {
    const auto now = run_again(options, recorded, {}, context);
    if (!now) return ExitCode::kUnreadable;
    for (const Finding& finding : now->end->findings) {
      if (finding.kind != FindingKind::kDivergence) continue;
      context.out.write(printable_lines(to_text(finding, 0)));
      return ExitCode::kDiverged;
    }
    if (failures_of(recorded) == failures_of(*now)) continue;
    context.out.write(fmt::format(
        "followed to its end, but found {} instead of {}: that depends on more than the order of "
        "operations\n",
        words_for(failures_of(*now)), words_for(failures_of(recorded))));
    return ExitCode::kDiverged;
  }
  const std::string often = options.times == 1 ? "" : fmt::format(" {} times", options.times);
  context.out.write(fmt::format("followed{}: {} of {} in the order of the trace, {}\n", often,
                                counted(recorded.events_count(), "event"),
                                counted(recorded.tasks.size(), "task"), verdict_of(recorded)));
  return ExitCode::kClean;
}

ExitCode run_replay(const ReplayOptions& options, Context& context) {
  auto read = load_trace(options.trace);
  if (!read.has_value()) {
    context.complain(in_words(read.error()));
    return ExitCode::kUnreadable;
  }
  const Trace& recorded = read.value();
  const bool has_schedule = recorded.end && recorded.end->schedule;
  if (recorded.header.is_controlled && !has_schedule) {
    context.complain(fmt::format("{}: its program was ended before it could write its schedule",
                                 printable(options.trace)));
    return ExitCode::kUnreadable;
  }
  if (!options.debugger.empty()) return debug(options, recorded, context);
  if (!has_schedule) return follow(options, recorded, context);
  for (std::uint32_t i = 0; i < options.times; ++i) {
    const auto now = run_again(options, recorded, {}, context);
    if (!now) return ExitCode::kUnreadable;
    const auto difference = find_difference(recorded, *now);
    if (!difference && now->end->passed == recorded.end->passed) continue;
    if (!difference) {
      context.out.write(fmt::format(
          "the same operations, but the test {} where it {}: what it checks depends on more than "
          "its schedule\n",
          now->end->passed ? "passed" : "failed", now->end->passed ? "had failed" : "had passed"));
      return ExitCode::kDiverged;
    }
    tell_difference(*difference, explain(recorded, *now, options, context), context);
    return ExitCode::kDiverged;
  }
  const std::string often = options.times == 1 ? "" : fmt::format(" {} times", options.times);
  context.out.write(fmt::format("identical{}: {}, {}, {}\n", often,
                                counted(recorded.end->ended_ticks, "step"),
                                counted(recorded.events_count(), "event"), verdict_of(recorded)));
  return ExitCode::kClean;
}

}  // namespace

void add_replay(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "replay",
      "runs a test again under the schedule of its trace\n\n"
      "The test is run once more and each of its operations compared with the trace: either all "
      "are the same, or the first that is not is shown from both sides, and why that can be. A "
      "trace that was recorded on threads has no schedule: then the operations of tasks come in "
      "its order, under control, as far as that goes.");
  const auto options = std::make_shared<ReplayOptions>();
  add_rerun(command, *options, "The trace whose schedule to follow");
  command.add_option("--times", options->times, "Run it so often, as long as it is identical")
      ->type_name("N")
      ->check(CLI::Range(1u, 1'000'000u));
  command
      .add_option("--debugger", options->debugger,
                  "Run it under gdb, lldb, or what takes gdb's arguments, up to the operation that "
                  "fails")
      ->type_name("NAME");
  set_examples(command, {{"Does it still fail in the same way?",
                          "chantrace replay traces/Pool.ShutsDown.chantrace -- ./pool_test"},
                         {"What is going on where it fails?",
                          "chantrace replay --debugger gdb traces/Pool.ShutsDown.chantrace"},
                         {"Is it really deterministic?",
                          "chantrace replay --times 100 traces/Pool.ShutsDown.chantrace"}});
  command.callback([options, &context] { context.exit_code = run_replay(*options, context); });
}

}  // namespace chantrace::replay
