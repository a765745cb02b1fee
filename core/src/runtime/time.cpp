#include "chantrace/time.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include "channel_list.h"
#include "chantrace/context.h"
#include "runtime.h"

namespace chantrace {

Clock::time_point Clock::now() {
  detail::note_look_at_clock();
  return time_point(duration(detail::current_task().executor->now()));
}

namespace detail {

/// The object of a timer or ticker: what its records are about, and what sends the time.
class ChannelTimer final : public TimerNode, public Object {
 public:
  ChannelTimer(bool is_periodic, const Location& site)
      : Object(is_periodic ? ObjectKind::kTicker : ObjectKind::kTimer, site),
        channel_(is_periodic ? "ticker" : "timer", 1, site) {
    share_with_clock();
    channel_.state()->share_with_clock();
  }

  RecvChannel<TimePoint> channel() const { return channel_; }

  void start(std::int64_t nanoseconds, std::int64_t period_ns, const Location& site) {
    TaskControl& self = current_task();
    period_ns_.store(period_ns);
    set_stopped(false);
    record_as(self, Operation::kTimerStart, static_cast<std::uint64_t>(nanoseconds), site);
  }

  bool stop(const Location& site) {
    TaskControl& self = current_task();
    if (!enter_giving_operation(self, Operation::kTimerStop, this, site)) return false;
    set_stopped(true);
    const bool was_armed = self.executor->disarm(*this);
    record_as(self, Operation::kTimerStop, was_armed ? 1 : 0, site);
    return was_armed;
  }

  /// Its handle is gone. It stops even where the task is being unwound, when no operation does
  /// anything: nobody else could stop it.
  void end_with_handle() {
    if (stop(created)) return;
    set_stopped(true);
    current_task().executor->disarm(*this);
  }

  Instant fire(TaskControl& timers, Instant due) override {
    // Without a handle on the channel, nobody can ever see it: such as the loser of a select.
    if (is_stopped_.load() || is_unreachable()) return kNever;
    current_task();  // The timers' task enters the present execution.
    record_as(timers, Operation::kTimerFire, 0, created);
    const std::int64_t period = period_ns_.load();
    if (period <= 0) channel_.state()->timer_is_pending.store(false);
    TimePoint moment{std::chrono::nanoseconds(due)};
    send_value(channel_.state(), moment, created, {.is_try = true});
    if (period <= 0) return kNever;
    // A ticker that fell behind goes on from now, and does not fire for each period it missed.
    const Instant present = timers.executor->now();
    return due + period > present ? due + period : present + period;
  }

  bool could_wake() override {
    ChannelState& state = *channel_.state();
    const ScopedLock lock(state.latch);
    return !state.receivers.empty();
  }

  void describe(ObjectState& state) const override {
    state.timer_is_pending = channel_.state()->timer_is_pending.load();
  }
  void enter_execution(ObjectInfo* info) override {
    if (info == nullptr) return;
    info->initial_count = channel_.state()->timer_is_pending.load() ? 1 : 0;
    info->channel = channel_.state()->id;
  }

 private:
  void set_stopped(bool is_stopped) {
    is_stopped_.store(is_stopped);
    channel_.state()->timer_is_pending.store(!is_stopped);
  }

  bool is_unreachable() const {
    return channel_.state()->references.load(std::memory_order_acquire) == 1;
  }

  void record_as(TaskControl& self, Operation operation, std::uint64_t value,
                 const Location& site) {
    // Under control it has the same number whether or not anything records.
    if (runs_alone) meet_in_turn(self, *this);
    if (!self.is_recording) return;
    Happening what;
    // A log must not make objects be met in another order than without it.
    if (self.recording != nullptr) meet_in_turn(self, *channel_.state());
    {
      const ScopedLock lock(latch);
      meet(self, *this);
      what = happening(*this, operation);
    }
    what.value = value;
    record(self, what, site);
  }

  Channel<TimePoint> channel_;
  std::atomic<std::int64_t> period_ns_ = 0;  ///< 0: fires once.
  std::atomic<bool> is_stopped_ = false;
};

namespace {

void arm_timer(const std::shared_ptr<ChannelTimer>& timer, std::int64_t nanoseconds,
               std::int64_t period_ns, const Location& site) {
  TaskControl& self = current_task();
  if (!enter_operation(self, Operation::kTimerStart, timer.get(), site)) return;
  timer->start(nanoseconds, period_ns, site);
  const Instant present = self.executor->now();
  const std::int64_t wait = nanoseconds > 0 ? nanoseconds : 0;
  self.executor->arm(timer, wait > kNever - 1 - present ? kNever - 1 : present + wait);
}

}  // namespace

TimerHandle::TimerHandle(std::int64_t nanoseconds, std::int64_t period_ns, const Location& site)
    : timer_(std::make_shared<ChannelTimer>(period_ns > 0, site)) {
  channel_ = timer_->channel();
  arm_timer(timer_, nanoseconds, period_ns, site);
}

TimerHandle::~TimerHandle() { timer_->end_with_handle(); }

bool TimerHandle::stop(const Location& site) { return timer_->stop(site); }

bool TimerHandle::reset(std::int64_t nanoseconds, std::int64_t period_ns, const Location& site) {
  const bool was_armed = timer_->stop(site);
  arm_timer(timer_, nanoseconds, period_ns, site);
  return was_armed;
}

RecvChannel<TimePoint> after_ns(std::int64_t nanoseconds, const Location& site) {
  const auto timer = std::make_shared<ChannelTimer>(false, site);
  RecvChannel<TimePoint> channel = timer->channel();  // A handle, before it can fire.
  arm_timer(timer, nanoseconds, 0, site);
  return channel;
}

void sleep_for_ns(std::int64_t nanoseconds, const Location& site) {
  TaskControl& self = current_task();
  if (!enter_operation(self, Operation::kSleep, nullptr, site)) return;
  Happening what{.operation = Operation::kSleep,
                 .value = static_cast<std::uint64_t>(nanoseconds > 0 ? nanoseconds : 0)};
  if (nanoseconds <= 0) {
    record(self, what, site);
    if (!self.executor->yield(self)) throw_cancelled(self);
    return;
  }
  // Unlike a wait, a sleep has an end, however far off.
  const Instant end = std::min(patience_for(self, nanoseconds).deadline, kNever - 1);
  ParkedOperation operation(self, Operation::kSleep, site);
  self.last_site = site;
  what.phase = Phase::kStart;
  record(self, what, site);
  self.executor->park(self, operation, end);
  const bool was_cancelled = operation.claim.load() != Claim::kTimedOut;
  what.phase = Phase::kDone;
  what.outcome = was_cancelled ? Outcome::kCancelled : Outcome::kOk;
  record(self, what, site);
  if (was_cancelled) throw_cancelled(self);
}

}  // namespace detail
}  // namespace chantrace
