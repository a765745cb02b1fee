#include "explore_inputs.h"

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace chantrace {
namespace {

using detail::TestInputs;
using SteadyClock = std::chrono::steady_clock;

class InputExplorer {
 public:
  InputExplorer(TestInputs& inputs, const std::function<void()>& body,
                const ExploreOptions& options, const detail::Judge& judge)
      : inputs_(inputs), body_(body), options_(options), judge_(judge) {
    constexpr std::uint64_t kSchedules = 100;
    if (options_.schedules == 0) options_.schedules = kSchedules;
    options_.shard = {};
    quick_ = options_;
    quick_.shrink.executions = 0;
    once_ = quick_;
    once_.schedules = 1;
    once_.budget = {};
    once_.runs_again = false;
    shard_ = options.shard;
  }

  InputsExplored explore() {
    const TestInputs::Search search =
        inputs_.search([this] { return guarded([this] { return attempt(); }); }, options_.seed);
    if (error_) std::rethrow_exception(error_);
    if (!search.problem.empty()) throw std::runtime_error("chantrace: " + search.problem);
    InputsExplored explored;
    explored.inputs = inputs_tried_;
    ExploreResult& result = explored.result;
    result.executions = total_.executions;
    result.distinct = total_.distinct;
    result.steps = total_.steps;
    result.cut = total_.cut;
    result.elapsed = total_.elapsed;
    result.last_schedule = std::move(total_.last_schedule);
    result.lock_orders = std::move(total_.lock_orders);
    if (search.has_failed) result.first_failure = make_small();
    if (error_) std::rethrow_exception(error_);
    return explored;
  }

 private:
  /// RapidCheck takes exceptions for failures of the body.
  TestInputs::Verdict guarded(const TestInputs::Attempt& attempt) {
    if (error_) return TestInputs::Verdict::kPasses;
    try {
      return attempt();
    } catch (...) {
      error_ = std::current_exception();
      return TestInputs::Verdict::kPasses;
    }
  }

  /// The present input, under many schedules.
  TestInputs::Verdict attempt() {
    if (options_.budget.count() > 0) {
      if (total_.elapsed >= options_.budget) return TestInputs::Verdict::kPasses;
      quick_.budget = options_.budget - total_.elapsed;
    }
    // Each shard has to know which inputs are wanted, so that all draw the same ones.
    const bool has_failed = detail::explore_body(body_, once_, judge_).first_failure.has_value();
    if (!has_failed && inputs_.are_unwanted()) return TestInputs::Verdict::kUnwanted;
    if (!found_ && number_++ % shard_.count != shard_.index) return TestInputs::Verdict::kPasses;
    ExploreResult result = detail::explore_body(body_, quick_, judge_);
    total_.executions += result.executions;
    total_.distinct += result.distinct;
    total_.steps += result.steps;
    total_.cut += result.cut;
    total_.elapsed += result.elapsed;
    if (!found_) ++inputs_tried_;
    if (!result.first_failure) {
      total_.last_schedule = std::move(result.last_schedule);
      total_.lock_orders = std::move(result.lock_orders);
      return TestInputs::Verdict::kPasses;
    }
    // Where and by whom is said of the input that failed first.
    Failure& failure = *result.first_failure;
    if (found_) {
      failure.index = found_->index;
      failure.found_by = found_->found_by;
    }
    found_ = std::move(failure);
    return TestInputs::Verdict::kFails;
  }

  /// The present input fails under the schedule that was found, and its generator knows no smaller
  /// one that fails.
  Failure make_small() {
    const auto start = SteadyClock::now();
    const auto left = [&] { return options_.shrink.budget - (SteadyClock::now() - start); };
    while (const std::optional<Failure> smallest = follow(found_->schedule, options_)) {
      found_->schedule = smallest->schedule;
      found_->findings = smallest->findings;
      found_->shrinking = smallest->shrinking;
      found_->explanation = smallest->explanation;
      const Schedule known = smallest->schedule;
      const bool is_smaller = options_.shrink.executions > 0 && inputs_.shrink([&] {
        return guarded([&] { return attempt_smaller(known, left()); });
      });
      if (!is_smaller) return std::move(*found_);
    }
    blame_body(*found_);
    return std::move(*found_);
  }

  /// The present input, under the schedule that is known and under more schedules than before.
  TestInputs::Verdict attempt_smaller(const Schedule& known, std::chrono::nanoseconds left) {
    if (left.count() <= 0) return TestInputs::Verdict::kPasses;
    std::optional<Failure> failure = follow(known, quick_);
    if (!failure) {
      if (inputs_.are_unwanted()) return TestInputs::Verdict::kUnwanted;
      constexpr std::uint64_t kTimes = 10;
      ExploreOptions more = quick_;
      more.schedules *= kTimes;
      more.budget = left;
      failure = detail::explore_body(body_, more, judge_).first_failure;
    }
    if (!failure) return TestInputs::Verdict::kPasses;
    found_->schedule = std::move(failure->schedule);
    return TestInputs::Verdict::kFails;
  }

  std::optional<Failure> follow(const Schedule& schedule, const ExploreOptions& options) const {
    detail::Follower follower(schedule);
    return detail::shrink_body(body_, follower, options, judge_).first_failure;
  }

  /// It failed with these inputs, under this schedule.
  static void blame_body(Failure& failure) {
    Finding finding;
    finding.kind = FindingKind::kDivergence;
    finding.summary =
        "hidden nondeterminism: the test failed with these inputs under this schedule, and not "
        "when both were tried once more";
    finding.reason = {"what it does depends on more than that"};
    failure.findings = {std::move(finding)};
  }

  TestInputs& inputs_;
  const std::function<void()>& body_;
  ExploreOptions options_;
  ExploreOptions quick_;  ///< Neither shrinks nor explains.
  ExploreOptions once_;   ///< One execution alone.
  Shard shard_;
  const detail::Judge& judge_;
  std::uint64_t number_ = 0;  ///< Of wanted inputs, of all shards.
  std::uint64_t inputs_tried_ = 0;
  std::optional<Failure> found_;  ///< Of the smallest input that failed so far.
  ExploreResult total_;           ///< Of all inputs; schedules are of the last one that passed.
  std::exception_ptr error_;      ///< Ours, and not the body's.
};

}  // namespace

InputsExplored explore_inputs(TestInputs& inputs, const std::function<void()>& body,
                              const ExploreOptions& options, const detail::Judge& judge) {
  return InputExplorer(inputs, body, options, judge).explore();
}

}  // namespace chantrace
