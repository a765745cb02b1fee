#include "exploration.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string_view>

#include "chantrace/explore_test.h"
#include "test_runner.h"

namespace chantrace {
namespace {

/// Longer tokens are not for a command line; the trace has the schedule too.
constexpr std::size_t kTokenMax = 400;

std::map<std::string, ExploreOptions, std::less<>>& options_of_tests() {
  static std::map<std::string, ExploreOptions, std::less<>> options;
  return options;
}

bool is_listening = false;

std::string counted(std::uint64_t count, const char* what) {
  const bool has_sibilant = std::string_view(what).ends_with("ch");
  return std::to_string(count) + " " + what + (count == 1 ? "" : has_sibilant ? "es" : "s");
}

/// "312", "71 k", "1.2 M".
std::string rounded(double number) {
  char text[32];
  if (number < 1e3)
    std::snprintf(text, sizeof text, "%.0f", number);
  else if (number < 1e6)
    std::snprintf(text, sizeof text, number < 1e4 ? "%.1f k" : "%.0f k", number / 1e3);
  else
    std::snprintf(text, sizeof text, "%.1f M", number / 1e6);
  return text;
}

}  // namespace

namespace detail {

bool set_explore_options(const char* test, const ExploreOptions& options) {
  options_of_tests()[test] = options;
  return true;
}

bool explores_tests() { return is_listening; }

}  // namespace detail

void note_listener() { is_listening = true; }

std::unique_ptr<Exploration> Exploration::plan(const Flags& flags, const testing::TestInfo& test) {
  const std::string name = std::string(test.test_suite_name()) + "." + test.name();
  const auto own = options_of_tests().find(name);
  const bool has_own = own != options_of_tests().end();
  if (!flags.replays() && !flags.explores() && !has_own) return nullptr;
  // GoogleTest skips all others after a failure.
  if (GTEST_FLAG_GET(fail_fast) && testing::UnitTest::GetInstance()->failed_test_count() > 0)
    return nullptr;
  // Each execution of such a test would start processes.
  if (std::string_view(test.test_suite_name()).ends_with("DeathTest")) return nullptr;
  std::unique_ptr<Exploration> exploration(new Exploration);
  ExploreOptions& options = exploration->options_;
  if (has_own) options = own->second;
  flags.apply_to(options);
  exploration->stop_at_ = flags.stop_at;
  exploration->replay_text_ = flags.replay_text;
  options.runs_again &= flags.fail_on.contains(FindingKind::kDivergence);
  if (flags.replays()) {
    exploration->is_replay_ = true;
    exploration->is_shrunk_ = flags.shrink.value_or(0) > 0;
    exploration->follower_ = flags.replayed_trace != nullptr
                                 ? std::make_unique<detail::Follower>(flags.replayed_trace)
                                 : std::make_unique<detail::Follower>(*flags.replay);
    options.run = exploration->follower_->options_for(options.run);
  }
  return exploration;
}

void Exploration::explore(
    const testing::TestInfo& test,
    const std::function<std::vector<Finding>(const std::vector<Finding>&)>& select_failing,
    const std::function<void()>& note_progress) {
  if (is_replay_ && !is_shrunk_) return;
  TestRunner runner(test);
  auto last_note = std::chrono::steady_clock::now();
  const auto judge = [&](const std::vector<Finding>& findings) {
    const auto present = std::chrono::steady_clock::now();
    if (present - last_note > std::chrono::milliseconds(500)) {
      last_note = present;
      note_progress();
    }
    if (findings.empty()) return runner.failure();
    // What a body that is blocked asserts while it is thrown out is a consequence.
    const std::vector<Finding> failing = select_failing(findings);
    return failing.empty() ? runner.failure() : fingerprint(failing.front());
  };
  const auto body = [&] { runner.run(); };
  if (is_replay_) {
    result_ = detail::shrink_body(body, *follower_, options_, judge);
    if (!result_->first_failure) return;
    is_replay_ = false;  // From here on it is as if it had been found.
  } else {
    result_ = detail::explore_body(body, options_, judge);
  }
  // What passed is recorded as it passed last.
  Schedule schedule =
      result_->first_failure ? result_->first_failure->schedule : std::move(result_->last_schedule);
  if (result_->executions == 0) schedule.rules = options_.run.rules;
  follower_ = std::make_unique<detail::Follower>(std::move(schedule));
}

detail::ControlOptions Exploration::control() const {
  detail::ControlOptions control = detail::control_options(follower_->options_for(options_.run));
  control.stop_at = stop_at_;
  return control;
}

std::string Exploration::statistics() const {
  if (!result_ || is_shrunk_) return {};
  const ExploreResult& result = *result_;
  if (result.executions == 0) return "explored nothing: no schedule is of this shard";
  const double seconds = std::chrono::duration<double>(result.elapsed).count();
  const auto executions = static_cast<double>(result.executions);
  // What an execution that was cut would have come to is not among them.
  const bool are_all = result.is_exhausted && result.cut == 0;
  std::string text = std::string("explored ") + (are_all ? "all " : "") +
                     counted(result.executions, "schedule") + ", " +
                     std::to_string(result.distinct) + " distinct, " +
                     rounded(static_cast<double>(result.steps) / executions) + " steps each, " +
                     rounded(executions / seconds) + "/s; " + to_string(options_.strategy);
  if (options_.shard.count > 1)
    text += ", shard " + std::to_string(options_.shard.index) + " of " +
            std::to_string(options_.shard.count);
  if (result.cut > 0)
    text += "; " + std::to_string(result.cut) + " cut at " +
            std::to_string(options_.run.steps_max) + " operations";
  text += result.first_failure
              ? "; schedule " + std::to_string(result.first_failure->index + 1) + " failed"
              : "; nothing found";
  return text;
}

std::string Exploration::place() const {
  if (is_replay_)
    return follower_->schedule() != nullptr ? ", under the schedule that was given"
                                            : ", in the order that was recorded";
  if (!must_fail()) return {};
  if (is_shrunk_) return ", under the smallest schedule that was found for the one given";
  const std::uint64_t schedules = schedules_max(options_);
  return ", schedule " + std::to_string(result_->first_failure->index + 1) +
         (schedules != ~std::uint64_t{0} ? " of " + std::to_string(schedules) : "") +
         ", found by " + result_->first_failure->found_by;
}

std::string Exploration::shrinking() const {
  if (!must_fail() || !result_->first_failure->shrinking) return {};
  const Shrinking& shrinking = *result_->first_failure->shrinking;
  if (shrinking.after == shrinking.before) return {};
  const double milliseconds = std::chrono::duration<double, std::milli>(shrinking.elapsed).count();
  char time[32];
  std::snprintf(time, sizeof time, milliseconds < 10 ? "%.1f ms" : "%.0f ms", milliseconds);
  return "from " + counted(shrinking.before.preemptions, "preemption") + " to " +
         std::to_string(shrinking.after.preemptions) + ", and from " +
         counted(shrinking.before.switches, "switch") + " to " +
         std::to_string(shrinking.after.switches) + ", in " + counted(shrinking.executions, "run") +
         ", " + time;
}

const Explanation* Exploration::explanation_of_failure() const {
  if (!must_fail() || !result_->first_failure->explanation) return nullptr;
  return &*result_->first_failure->explanation;
}

std::string Exploration::explanation() const {
  const Explanation* const explanation = explanation_of_failure();
  if (explanation == nullptr) return {};
  return steps_to_text(*explanation) + "\n" + reasons_to_text(*explanation);
}

void Exploration::add_findings(std::vector<Finding>& findings) const {
  if (!result_) return;
  const auto add = [&](const Finding& finding) {
    const bool is_known = std::any_of(findings.begin(), findings.end(), [&](const Finding& other) {
      return other.kind == finding.kind &&
             std::is_permutation(other.sites.begin(), other.sites.end(), finding.sites.begin(),
                                 finding.sites.end());
    });
    if (!is_known) findings.push_back(finding);
  };
  for (const Finding& order : result_->lock_orders) add(order);
  for (const Finding& finding : result_->findings())
    if (finding.kind == FindingKind::kRace) add(finding);
}

std::string Exploration::replay_argument(const std::string& trace) const {
  // What an order of threads led to has its schedule in the trace that it leaves.
  const std::string token =
      follower_->schedule() != nullptr ? follower_->schedule()->to_string() : replay_text_;
  if (follower_->schedule() == nullptr && !trace.empty()) return trace;
  return token.size() <= kTokenMax || trace.empty() ? token : trace;
}

std::optional<Finding> Exploration::divergence(const Schedule& followed, bool has_failed,
                                               const std::vector<Finding>& findings) const {
  if (is_replay_) return follower_->divergence(followed);
  if (!must_fail()) return std::nullopt;
  const std::vector<Finding>& expected = result_->findings();
  for (const Finding& one : expected)
    if (one.kind == FindingKind::kDivergence) return one;
  // Once the body is thrown out of a deadlock, GoogleTest goes on as it does after a failure, and
  // more may be found.
  const auto is_found = [&](const Finding& one) {
    return std::any_of(findings.begin(), findings.end(),
                       [&](const Finding& other) { return other.kind == one.kind; });
  };
  const bool is_same = expected.empty() || std::any_of(expected.begin(), expected.end(), is_found);
  if (has_failed && is_same) return std::nullopt;
  Finding finding;
  finding.kind = FindingKind::kDivergence;
  finding.summary = "hidden nondeterminism: the test failed when it was explored, and " +
                    std::string(has_failed ? "in another way" : "not") +
                    " when it was recorded under the same schedule";
  if (has_failed) finding.reason = {"when it was explored it was: " + expected.front().summary};
  finding.reason.push_back("what it does depends on more than that");
  return finding;
}

}  // namespace chantrace
