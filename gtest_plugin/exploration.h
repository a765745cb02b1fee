/// \file
/// What the listener has to do with schedules: whether a test is explored, under which schedule it
/// then runs once more, and what there is to say about it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/detail/explore_body.h"
#include "flags.h"
#include "test_plans.h"

namespace chantrace {

/// One test's exploration, or the replay of a schedule that was given, or is kept.
///
/// Threads: the one that runs tests.
class Exploration {
 public:
  /// Nothing where the test runs on threads.
  static std::unique_ptr<Exploration> plan(const Flags& flags, const testing::TestInfo& test);

  /// Runs the test under the schedules that are kept for it and then under many others, until one
  /// fails, and makes that one small. `select`: those findings that fail a test. `note_progress`:
  /// called now and then.
  ///
  /// Returns: whether GoogleTest is to run it under a schedule; else it runs on threads.
  /// Throws: an `std::exception` where the test, or what was given, does not allow it.
  bool explore(
      const testing::TestInfo& test,
      const std::function<std::vector<Finding>(const std::vector<Finding>&)>& select_failing,
      const std::function<void()>& note_progress);

  /// There is nothing yet to follow: the watchdog may ask.
  bool is_exploring() const { return follower_ == nullptr; }
  /// Decides the execution that GoogleTest itself runs, which is recorded.
  detail::Strategy& strategy() { return follower_->strategy(); }
  detail::ControlOptions control() const;
  /// It failed when it was explored, and so has to fail again.
  bool must_fail() const { return result_ && result_->first_failure.has_value(); }

  /// "explored 1000 schedules, 812 distinct, 71 k/s; portfolio; nothing found"
  std::string statistics() const;
  /// ", schedule 38 of 1000, found by random": behind the first line of a failure.
  std::string place() const;
  /// What is to be said of schedules that are kept and fit no longer; a line each.
  const std::vector<std::string>& notes() const { return notes_; }
  /// Of a test whose body has arguments, what it fails with: "workers = 3"; a line each.
  std::vector<std::string> inputs() const;
  /// "from 113 preemptions to 1 in 145 runs, 3 ms"; empty where nothing was shrunk.
  std::string shrinking() const;
  /// The steps of the smallest failing schedule, and why it fails; empty where nothing was shrunk.
  std::string explanation() const;
  /// nullptr: there is none.
  const Explanation* explanation_of_failure() const;
  /// Adds what was found when it was explored and one execution does not show: orders of locks with
  /// parts from several of them, and the races of one that is not recorded.
  void add_findings(std::vector<Finding>& findings) const;
  /// The schedule as it stands on a command line, or `trace` where it would be too long for that.
  std::string replay_argument(const std::string& trace) const;
  /// What a trace is to say of the inputs, and of how they come again.
  std::vector<std::pair<std::string, std::string>> notes_of_inputs() const;
  /// What is said of how to come again to a fault under the schedule with that token.
  std::string words_of_fault(const std::string& program, const std::string& test,
                             const std::string& token) const;
  /// The command that runs `test` of `program` in the same way once more; empty where there is
  /// none.
  std::string command(const std::string& program, const std::string& test,
                      const std::string& trace) const;
  /// The line that keeps the schedule of a failure of `test`; empty where there is none.
  std::string regression_test(const std::string& test) const;
  /// What was not the same when a schedule ran again: while the test was explored, or now, when it
  /// was recorded. `has_failed`: the test, now, with these findings.
  std::optional<Finding> divergence(const Schedule& followed, bool has_failed,
                                    const std::vector<Finding>& findings) const;

 private:
  Exploration() = default;

  /// Whether the test fails under a schedule that is kept for it.
  bool explore_kept(const std::function<void()>& body, const detail::Judge& judge);
  /// "schedule 38"
  std::string failed_at() const;
  /// "CHANTRACE_REPLAY(Pool, LosesNothing, "c1:9f3a:1x2", 3, 0);"; empty where there is none.
  std::string replay_macro(const std::string& test, const std::string& token) const;

  bool is_replay_ = false;
  bool is_shrunk_ = false;  ///< What is replayed.
  bool explores_ = false;   ///< Beyond what is kept.
  const TestPlan* plan_ = nullptr;
  const KeptSchedule* failed_ = nullptr;  ///< The one of those kept that did.
  std::uint64_t inputs_tried_ = 0;        ///< 0: its body has no arguments.
  std::vector<std::string> notes_;
  ExploreOptions options_;
  detail::OperationOfTask stop_at_;
  std::string replay_text_;  ///< As it was given.
  std::optional<ExploreResult> result_;
  std::unique_ptr<detail::Follower> follower_;
};

}  // namespace chantrace
