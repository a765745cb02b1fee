#include "explore_inputs.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

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
    quick_ = options_;
    quick_.shrink.executions = 0;
  }

  InputsExplored explore() {
    const TestInputs::Search search = inputs_.search([this] { return attempt(); });
    if (!search.problem.empty()) throw std::runtime_error("chantrace: " + search.problem);
    InputsExplored explored;
    explored.inputs = search.tried;
    if (search.has_failed) make_small();
    explored.result = std::move(last_);
    explored.result.executions = executions_;
    explored.result.distinct = distinct_;
    explored.result.steps = steps_;
    explored.result.cut = cut_;
    explored.result.elapsed = elapsed_;
    explored.result.is_exhausted = false;
    return explored;
  }

 private:
  /// The present input, under many schedules.
  TestInputs::Verdict attempt() {
    if (options_.budget.count() > 0) {
      quick_.budget = options_.budget - elapsed_;
      if (quick_.budget.count() <= 0) return TestInputs::Verdict::kPasses;
    }
    last_ = detail::explore_body(body_, quick_, judge_);
    executions_ += last_.executions;
    distinct_ += last_.distinct;
    steps_ += last_.steps;
    cut_ += last_.cut;
    elapsed_ += last_.elapsed;
    return verdict_of(last_);
  }

  TestInputs::Verdict verdict_of(const ExploreResult& result) const {
    if (inputs_.are_unwanted()) return TestInputs::Verdict::kUnwanted;
    return result.first_failure ? TestInputs::Verdict::kFails : TestInputs::Verdict::kPasses;
  }

  /// The present input fails, and is as small as its generator can make it.
  void make_small() {
    const auto start = SteadyClock::now();
    last_ = detail::explore_body(body_, options_, judge_);
    if (!last_.first_failure) {
      blame_body();
      return;
    }
    const auto is_over = [&] { return SteadyClock::now() - start > options_.shrink.budget; };
    while (options_.shrink.executions > 0 && !is_over()) {
      const Schedule known = last_.first_failure->schedule;
      Schedule found;
      const bool is_smaller = inputs_.shrink([&] {
        if (is_over()) return TestInputs::Verdict::kPasses;
        ExploreResult result = follow(known, quick_);
        if (!result.first_failure) result = explore_more();
        if (result.first_failure) found = result.first_failure->schedule;
        return verdict_of(result);
      });
      if (!is_smaller) return;
      ExploreResult smaller = follow(found, options_);
      if (!smaller.first_failure) return blame_body();
      smaller.first_failure->index = last_.first_failure->index;
      smaller.first_failure->found_by = last_.first_failure->found_by;
      last_ = std::move(smaller);
    }
  }

  ExploreResult follow(const Schedule& schedule, const ExploreOptions& options) const {
    detail::Follower follower(schedule);
    return detail::shrink_body(body_, follower, options, judge_);
  }

  ExploreResult explore_more() const {
    constexpr std::uint64_t kTimes = 10;
    ExploreOptions more = quick_;
    more.schedules *= kTimes;
    return detail::explore_body(body_, more, judge_);
  }

  /// It failed with this input before.
  void blame_body() {
    Finding finding;
    finding.kind = FindingKind::kDivergence;
    finding.summary =
        "hidden nondeterminism: the test failed with these inputs, and not when they and the "
        "schedules were tried once more";
    finding.reason = {"what it does depends on more than that"};
    last_.first_failure.emplace();
    last_.first_failure->schedule = last_.last_schedule;
    last_.first_failure->findings = {std::move(finding)};
  }

  TestInputs& inputs_;
  const std::function<void()>& body_;
  ExploreOptions options_;
  ExploreOptions quick_;  ///< Neither shrinks nor explains.
  const detail::Judge& judge_;
  ExploreResult last_;
  std::uint64_t executions_ = 0;
  std::uint64_t distinct_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t cut_ = 0;
  std::chrono::nanoseconds elapsed_{0};
};

}  // namespace

InputsExplored explore_inputs(TestInputs& inputs, const std::function<void()>& body,
                              const ExploreOptions& options, const detail::Judge& judge) {
  return InputExplorer(inputs, body, options, judge).explore();
}

}  // namespace chantrace
