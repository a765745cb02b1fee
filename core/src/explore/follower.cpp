#include <optional>
#include <string>
#include <utility>

#include "chantrace/detail/explore_body.h"
#include "recorded_order.h"
#include "replay_schedule.h"

namespace chantrace::detail {
namespace {

Finding divergence_of(std::string summary) {
  Finding finding;
  finding.kind = FindingKind::kDivergence;
  finding.summary = std::move(summary);
  finding.reason = {"the program was changed, or what it does depends on more than its schedule"};
  return finding;
}

Finding divergence_of(const OrderDivergence& divergence) {
  Finding finding = divergence_of("the recorded order could be followed up to step " +
                                  std::to_string(divergence.step) + " only");
  finding.participants.resize(2);
  finding.participants[0].label = "recorded";
  finding.participants[0].text = divergence.recorded;
  finding.participants[0].site = divergence.recorded_site;
  finding.participants[1].label = "now";
  finding.participants[1].text = divergence.present;
  finding.participants[1].site = divergence.present_site;
  if (!divergence.present_site.file.empty())
    finding.sites.push_back({"now", divergence.present_site});
  finding.sites.push_back({"recorded", divergence.recorded_site});
  return finding;
}

}  // namespace

struct Follower::Impl {
  explicit Impl(Schedule followed) : schedule(std::move(followed)) {
    by_schedule.emplace(schedule).begin(0);
  }
  explicit Impl(std::shared_ptr<const Trace> followed) : trace(std::move(followed)) {
    by_trace.emplace(*trace).begin(0);
  }

  const Schedule schedule;
  const std::shared_ptr<const Trace> trace;
  std::optional<ReplaySchedule> by_schedule;
  std::optional<RecordedOrder> by_trace;
};

Follower::Follower(Schedule schedule) : impl_(std::make_unique<Impl>(std::move(schedule))) {}
Follower::Follower(std::shared_ptr<const Trace> trace)
    : impl_(std::make_unique<Impl>(std::move(trace))) {}
Follower::~Follower() = default;

Strategy& Follower::strategy() {
  if (impl_->by_trace) return *impl_->by_trace;
  return *impl_->by_schedule;
}

RunOptions Follower::options_for(const RunOptions& options) const {
  RunOptions followed = options;
  followed.rules = impl_->by_trace ? StepRules{.spawn_is_step = true, .unlock_is_step = true}
                                   : impl_->schedule.rules;
  // Threads have no limit. What comes behind the trace's end has as many as ever.
  if (impl_->by_trace) followed.steps_max += impl_->by_trace->steps_count();
  return followed;
}

const Schedule* Follower::schedule() const { return impl_->by_trace ? nullptr : &impl_->schedule; }

std::optional<Finding> Follower::divergence(const Schedule& made) const {
  if (impl_->by_trace) {
    const auto divergence = impl_->by_trace->divergence();
    return divergence ? std::optional(divergence_of(*divergence)) : std::nullopt;
  }
  if (const auto& divergence = impl_->by_schedule->divergence())
    return divergence_of("the schedule could be followed up to operation " +
                         std::to_string(divergence->step) + " only");
  if (!impl_->by_schedule->was_used_up())
    return divergence_of("the execution ended before the schedule did");
  const std::uint64_t expected = impl_->schedule.fingerprint;
  if (expected == 0 || expected == made.fingerprint) return std::nullopt;
  return divergence_of("the schedule was followed, but its tasks did something else");
}

}  // namespace chantrace::detail
