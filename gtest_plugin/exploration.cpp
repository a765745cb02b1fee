#include "exploration.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string_view>

#include "explore_inputs.h"
#include "test_runner.h"

namespace chantrace {
namespace {

/// Longer tokens are not for a command line; the trace has the schedule too.
constexpr std::size_t kTokenMax = 400;

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

std::unique_ptr<Exploration> Exploration::plan(const Flags& flags, const testing::TestInfo& test) {
  static const TestPlan nothing;
  const TestPlan* plan = find_test_plan(std::string(test.test_suite_name()) + "." + test.name());
  if (plan == nullptr) plan = &nothing;
  // Inputs come from exploring alone.
  const bool has_own = plan->options && (flags.explore != 0u || plan->inputs != nullptr);
  const bool explores = flags.explores() || has_own;
  if (!flags.replays() && !explores && plan->kept.empty()) return nullptr;
  // GoogleTest skips all others after a failure.
  if (GTEST_FLAG_GET(fail_fast) && testing::UnitTest::GetInstance()->failed_test_count() > 0)
    return nullptr;
  // Each execution of such a test would start processes.
  if (std::string_view(test.test_suite_name()).ends_with("DeathTest")) return nullptr;
  std::unique_ptr<Exploration> exploration(new Exploration);
  exploration->plan_ = plan;
  exploration->explores_ = explores;
  ExploreOptions& options = exploration->options_;
  if (plan->options) options = *plan->options;
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

bool Exploration::explore(
    const testing::TestInfo& test,
    const std::function<std::vector<Finding>(const std::vector<Finding>&)>& select_failing,
    const std::function<void()>& note_progress) {
  if (is_replay_ && plan_->inputs != nullptr && !plan_->inputs->recall())
    throw std::runtime_error(
        "chantrace: this test has inputs, and a schedule is one for some of them only: set "
        "RC_PARAMS as in the line \"again\" of the failure that the schedule is from");
  if (is_replay_ && !is_shrunk_) return true;
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
    if (!result_->first_failure) return true;
    is_replay_ = false;  // From here on it is as if it had been found.
  } else if (!explore_kept(body, judge)) {
    if (!explores_) return false;
    if (plan_->inputs != nullptr) {
      InputsExplored explored = explore_inputs(*plan_->inputs, body, options_, judge);
      inputs_tried_ = explored.inputs;
      result_ = std::move(explored.result);
    } else {
      result_ = detail::explore_body(body, options_, judge);
    }
  }
  // What passed is recorded as it passed last.
  Schedule schedule =
      result_->first_failure ? result_->first_failure->schedule : std::move(result_->last_schedule);
  if (result_->executions == 0) schedule.rules = options_.run.rules;
  follower_ = std::make_unique<detail::Follower>(std::move(schedule));
  return true;
}

/// Whether one of them fails.
bool Exploration::explore_kept(const std::function<void()>& body, const detail::Judge& judge) {
  for (const KeptSchedule& kept : plan_->kept) {
    auto schedule = Schedule::parse(kept.token);
    if (!schedule)
      throw std::invalid_argument("chantrace: the schedule kept at " + kept.place + " is " +
                                  schedule.error().text);
    if ((kept.prepare != nullptr) != (plan_->inputs != nullptr))
      throw std::invalid_argument("chantrace: the schedule kept at " + kept.place +
                                  (kept.prepare ? " has inputs, and the test none"
                                                : " has no inputs, and the test takes some"));
    if (kept.prepare) kept.prepare();
    // Shrinking follows it more than once.
    detail::Follower once(schedule.value());
    ExploreOptions only_once = options_;
    only_once.shrink.executions = 0;
    ExploreResult result = detail::shrink_body(body, once, only_once, judge);
    const bool has_failed = result.first_failure.has_value();
    if (once.divergence(result.last_schedule))
      notes_.push_back("the schedule kept at " + kept.place +
                       " fits no longer, as the program was changed since: it was followed as far "
                       "as can be, and " +
                       (has_failed ? "failed" : "passed"));
    if (!has_failed && kept.prepare && plan_->inputs->are_unwanted())
      notes_.push_back("the test wants no longer the inputs kept at " + kept.place);
    if (!has_failed) continue;
    detail::Follower again(std::move(schedule).value());
    failed_ = &kept;
    result_ = detail::shrink_body(body, again, options_, judge);
    if (!result_->first_failure) result_ = std::move(result);
    return true;
  }
  return false;
}

detail::ControlOptions Exploration::control() const {
  detail::ControlOptions control = detail::control_options(follower_->options_for(options_.run));
  control.stop_at = stop_at_;
  return control;
}

std::string Exploration::statistics() const {
  if (!result_ || is_shrunk_ || failed_ != nullptr) return {};
  const ExploreResult& result = *result_;
  if (result.executions == 0)
    return plan_->inputs != nullptr ? "explored nothing: no input is of this shard, or given"
                                    : "explored nothing: no schedule is of this shard";
  const double seconds = std::chrono::duration<double>(result.elapsed).count();
  const auto executions = static_cast<double>(result.executions);
  // What an execution that was cut would have come to is not among them.
  const bool are_all = result.is_exhausted && result.cut == 0;
  std::string text = std::string("explored ") + (are_all ? "all " : "") +
                     (inputs_tried_ > 0 ? counted(inputs_tried_, "input") + ", " : "") +
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
  text += result.first_failure ? "; " + failed_at() + " failed" : "; nothing found";
  return text;
}

std::string Exploration::place() const {
  if (is_replay_)
    return follower_->schedule() != nullptr ? ", under the schedule that was given"
                                            : ", in the order that was recorded";
  if (!must_fail()) return {};
  if (is_shrunk_) return ", under the smallest schedule that was found for the one given";
  if (failed_ != nullptr) return ", under the schedule kept at " + failed_->place;
  const std::uint64_t schedules = schedules_max(options_);
  return ", " + failed_at() +
         (inputs_tried_ == 0 && schedules != ~std::uint64_t{0} ? " of " + std::to_string(schedules)
                                                               : "") +
         ", found by " + result_->first_failure->found_by;
}

std::string Exploration::failed_at() const {
  return (inputs_tried_ > 0 ? "input " + std::to_string(inputs_tried_) + ", " : "") + "schedule " +
         std::to_string(result_->first_failure->index + 1);
}

std::vector<std::string> Exploration::inputs() const {
  std::vector<std::string> lines;
  if (plan_->inputs == nullptr) return lines;
  for (const auto& [name, value] : plan_->inputs->shown()) lines.push_back(name + " = " + value);
  return lines;
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
  const std::string steps = steps_to_text(*explanation);
  return steps + (steps.empty() ? "" : "\n") + reasons_to_text(*explanation);
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

std::string Exploration::command(const std::string& program, const std::string& test,
                                 const std::string& trace) const {
  const std::string run = program + " --gtest_filter=" + test;
  // It comes first whenever that test runs.
  if (failed_ != nullptr) return run;
  const std::string replay = run + " --chantrace_replay=" + replay_argument(trace);
  if (plan_->inputs == nullptr) return replay;
  const std::string environment = plan_->inputs->environment();
  return environment.empty() ? environment : environment + " " + replay;
}

std::string Exploration::regression_test(const std::string& test) const {
  if (failed_ != nullptr || follower_->schedule() == nullptr) return {};
  const std::string macro = replay_macro(test, follower_->schedule()->to_string());
  // A test that says nothing of its exploration may not know of the header.
  return macro.empty() || plan_->options ? macro : macro + "  // chantrace/explore_test.h";
}

std::string Exploration::replay_macro(const std::string& test, const std::string& token) const {
  std::string arguments;
  if (plan_->inputs != nullptr) {
    const std::optional<std::string> known = plan_->inputs->arguments();
    if (!known) return {};
    arguments = ", " + *known;
  }
  if (token.size() > kTokenMax) return {};
  const std::size_t dot = test.find('.');
  return "CHANTRACE_REPLAY(" + test.substr(0, dot) + ", " + test.substr(dot + 1) + ", \"" + token +
         "\"" + arguments + ");";
}

std::string Exploration::words_of_fault(const std::string& program, const std::string& test,
                                        const std::string& token) const {
  if (plan_->inputs == nullptr)
    return "chantrace: again: " + program + " --gtest_filter=" + test +
           " --chantrace_replay=" + token + "\n";
  std::string words;
  for (const std::string& input : inputs()) words += "chantrace: inputs: " + input + "\n";
  const std::string macro = replay_macro(test, token);
  return macro.empty() ? words : words + "chantrace: keep: " + macro + "\n";
}

std::vector<std::pair<std::string, std::string>> Exploration::notes_of_inputs() const {
  std::vector<std::pair<std::string, std::string>> notes;
  if (plan_->inputs == nullptr) return notes;
  for (const auto& [name, value] : plan_->inputs->shown())
    notes.emplace_back("input " + name, value);
  const std::string environment = plan_->inputs->environment();
  const std::size_t equals = environment.find('=');
  if (equals != std::string::npos)
    notes.emplace_back(environment.substr(0, equals), environment.substr(equals + 1));
  return notes;
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
