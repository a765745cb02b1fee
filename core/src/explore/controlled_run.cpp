#include "controlled_run.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "../runtime/controlled_executor.h"
#include "../runtime/runtime.h"
#include "../runtime/terminate.h"

namespace chantrace::detail {
bool is_step_limit(const Finding& finding) {
  return finding.kind == FindingKind::kStepLimit && finding.certainty == Certainty::kPossible;
}

ControlledRuns::ControlledRuns(Watch watch)
    : executor_(Runtime::instance().controlled()), body_(current_task()), watch_(watch) {
  install_terminate_handler();
  if (Runtime::instance().is_controlled())
    throw std::logic_error(
        "chantrace: explore and run cannot be used in a test that is explored itself: run it "
        "without --chantrace_explore, or leave the exploration to the listener");
  outer_ = Runtime::instance().suspend_execution();
  outer_thrower_ = exchange_body_thrower(nullptr);
  Runtime::instance().begin_execution(
      &body_, nullptr, [this] { stop_body(); }, true);
}

ControlledRuns::~ControlledRuns() {
  Runtime::instance().set_untold(nullptr);
  Runtime::instance().end_execution();
  Runtime::instance().refresh(body_);
  exchange_body_thrower(std::move(outer_thrower_));
  if (outer_ != nullptr) Runtime::instance().resume_execution(std::move(outer_));
}

void ControlledRuns::stop_body() {
  was_stopped_ = true;
  Runtime::instance().await_strangers();
  add_findings();
  look_at_log();
  Runtime::instance().set_untold(&findings_);
  executor_.unwind();
}

void ControlledRuns::add_findings() {
  const std::optional<Finding> cut = executor_.cut_finding();
  if (cut) findings_.push_back(*cut);
  // What tasks wait for when an execution is cut says nothing.
  for (Finding& finding : analyze(Runtime::instance().end_state()))
    if (!cut || !is_about_what_is_left(finding.kind)) findings_.push_back(std::move(finding));
}

bool ControlledRuns::has_stranger() const {
  return std::any_of(findings_.begin(), findings_.end(), [](const Finding& finding) {
    return finding.kind == FindingKind::kForeignThread;
  });
}

bool ControlledRuns::looks_for_races() const {
  return watch_.for_races && executor_.families().has_variables();
}

bool ControlledRuns::looks_at_logs() const { return has_seen_nesting_ || looks_for_races(); }

void ControlledRuns::look_at_log() {
  has_seen_nesting_ |= watch_.for_lock_orders && executor_.has_nested_locks();
  has_ended_well_ = findings_.empty();
  if (log_ == nullptr) return;
  log_->close();
  if (looks_for_races() && analysis_.has_races(*log_))
    for (Finding& race : analysis_.races(*log_, Runtime::instance().end_state()))
      findings_.push_back(std::move(race));
  if (has_seen_nesting_) analysis_.note_locks(*log_);
}

std::vector<Finding> ControlledRuns::find_lock_orders() {
  return has_seen_nesting_ ? analysis_.lock_orders() : std::vector<Finding>();
}

bool ControlledRuns::is_clean() const {
  return !was_stopped_ && executor_.all_ended_well() && Runtime::instance().has_nothing_to_tell() &&
         body_.status == TaskStatus::kRunning && holds_nothing(body_);
}

void ControlledRuns::run(const std::function<void()>& body, Strategy& strategy,
                         const ControlOptions& options, EventLog* log) {
  Runtime& runtime = Runtime::instance();
  findings_.clear();
  was_stopped_ = false;
  runtime.begin_next_execution();
  log_ = log;
  ControlOptions logged = options;
  logged.log = log_;
  executor_.begin(body_, strategy, logged, nullptr);
  try {
    body();
  } catch (const Cancelled&) {
    // That is how a body ends that was stopped.
  } catch (...) {
    note_exception(body_);
  }
  body_.hooks.fetch_and(static_cast<std::uint8_t>(~(kHookThrown | kHookCancel)));
  runtime.set_body_ended(true);
  executor_.settle();
  if (!was_stopped_) {
    if (!executor_.all_ended_well()) runtime.await_strangers();
    if (!is_clean()) add_findings();
    look_at_log();
  }
  executor_.unwind();
  executor_.end();
}

}  // namespace chantrace::detail
