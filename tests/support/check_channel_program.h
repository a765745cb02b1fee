/// \file
/// Whether a program does what its model says, under control and on threads.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "chantrace/explore.h"
#include "chantrace/finding.h"
#include "chantrace/trace.h"
#include "support/channel_program.h"
#include "support/record_controlled.h"
#include "support/run_on_threads.h"
#include "support/temporary_folder.h"

namespace chantrace {

/// How much of a program is looked at.
struct ProgramCheck {
  std::size_t states_max = 100'000;
  std::uint64_t schedules_max = 20'000;  ///< Of the search of all.
  int runs_on_threads = 3;
  std::uint64_t seed = 1;
};

/// What came of it.
struct ProgramVerdict {
  std::string disagreement;   ///< Empty: there is none.
  bool is_exhausted = false;  ///< Each outcome of the model was come to.
  bool is_too_large = false;  ///< For the model.
};

class ChannelProgramChecker {
 public:
  ChannelProgramChecker(const ChannelProgram& program, const ProgramCheck& check)
      : program_(program), check_(check) {}

  ProgramVerdict run() {
    const auto known = ChannelProgramModel(program_).outcomes(check_.states_max);
    if (!known) {
      verdict_.is_too_large = true;
      return verdict_;
    }
    wanted_ = *known;
    explore_all(true);
    explore_all(false);
    explore_some();
    for (int i = 0; i < check_.runs_on_threads; ++i) run_threads();
    return verdict_;
  }

 private:
  void disagree(const std::string& text) {
    if (verdict_.disagreement.empty()) verdict_.disagreement = text;
  }
  void expect_known(const std::string& outcome, const char* where) {
    if (!wanted_.contains(outcome))
      disagree(std::string(where) + " came to what the model does not know: " + outcome);
  }

  /// The outcomes of an exploration.
  std::set<std::string> explore_with(const ExploreOptions& options, ExploreResult& result) {
    std::set<std::string> found;
    RunningProgram running(program_);
    const auto note = [&] {
      if (running.has_run()) found.insert(running.outcome());
    };
    result = explore(
        [&] {
          note();
          running.run();
        },
        options);
    note();
    return found;
  }

  void explore_all(bool skips_private_objects) {
    ExploreOptions options{.schedules = check_.schedules_max, .strategy = depth_first()};
    options.goes_on = true;
    options.skips_private_objects = skips_private_objects;
    options.shrink.executions = 0;
    ExploreResult result;
    const std::set<std::string> found = explore_with(options, result);
    for (const std::string& one : found) expect_known(one, "a search of all schedules");
    expect_sound(result);
    if (!result.is_exhausted) return;
    verdict_.is_exhausted = true;
    for (const std::string& one : wanted_)
      if (!found.contains(one)) disagree("a search of all schedules did not come to " + one);
  }

  void explore_some() {
    ExploreOptions options{.schedules = 100, .seed = check_.seed};
    options.goes_on = true;
    options.shrink.executions = 0;
    ExploreResult result;
    for (const std::string& one : explore_with(options, result)) expect_known(one, "the portfolio");
    expect_sound(result);
    replay(result.last_schedule);
    if (result.first_failure) replay(result.first_failure->schedule);
  }

  void expect_sound(const ExploreResult& result) {
    if (result.abandoned > 0) disagree("a task could not be unwound");
    for (const Finding& finding : result.findings())
      if (finding.kind == FindingKind::kDivergence || finding.kind == FindingKind::kInconsistent ||
          finding.kind == FindingKind::kRace)
        disagree("an exploration found: " + to_text(finding));
  }

  void replay(const Schedule& schedule) {
    RunningProgram once(program_);
    const RunResult first = chantrace::run([&] { once.run(); }, schedule);
    if (first.divergence) disagree("a replay diverged: " + to_text(*first.divergence));
    if (first.schedule != schedule) disagree("a replay has another schedule");
    expect_known(once.outcome(), "a replay");
    RunningProgram again(program_);
    expect_consistent(record_controlled([&] { again.run(); }, schedule), "under control");
    if (again.outcome() != once.outcome())
      disagree("recorded it came to " + again.outcome() + ", and else to " + once.outcome());
  }

  void run_threads() {
    const TemporaryFolder folder;
    RunningProgram running(program_);
    detail::RecordingOptions recording;
    recording.path = folder.file("threads.chantrace");
    const ThreadsRun run =
        run_on_threads([&] { running.run(); }, std::chrono::seconds(10), recording);
    if (!wanted_.contains(running.outcome()))
      disagree("a run on threads came to what the model does not know: " + running.outcome() +
               "\n" + run.to_string());
    expect_consistent(read_trace(folder.file("threads.chantrace")).value(), "on threads");
  }

  void expect_consistent(const Trace& trace, const char* where) {
    for (const Finding& finding : analyze(trace))
      if (finding.kind == FindingKind::kInconsistent)
        disagree(std::string("a trace ") + where + " contradicts itself: " + to_text(finding));
  }

  const ChannelProgram& program_;
  const ProgramCheck check_;
  std::set<std::string> wanted_;
  ProgramVerdict verdict_;
};

}  // namespace chantrace
