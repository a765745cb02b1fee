#include "chantrace/context.h"

#include <algorithm>
#include <vector>

#include "runtime.h"

namespace chantrace {
namespace detail {

/// One node in the tree of contexts. Parents refer to children weakly, children to parents
/// strongly.
struct ContextState final : public Object, public std::enable_shared_from_this<ContextState> {
  explicit ContextState(const Location& site)
      : Object(ObjectKind::kContext, site), done_channel("context.done", 0, site) {
    share_with_clock();
    done_channel.state()->share_with_clock();
  }
  ~ContextState();

  /// Over, for `reason`, unless it is over already; so are all below it.
  void end(TaskControl& self, ContextError reason, const Location& site);
  /// Whether anyone waits for this or one below to be over.
  bool has_waiters();

  void describe(ObjectState& state) const override {
    state.is_closed = error != ContextError::kNone;
    state.timer_is_pending = deadline != kNever && error == ContextError::kNone;
  }
  void enter_execution(ObjectInfo* info) override {
    if (info == nullptr) return;
    info->is_initially_closed = error != ContextError::kNone;
    info->initial_count = deadline != kNever && error == ContextError::kNone ? 1 : 0;
    info->channel = done_channel.state()->id;
  }

  std::shared_ptr<ContextState> parent;
  Channel<Unit> done_channel;
  Instant deadline = kNever;
  std::shared_ptr<TimerNode> timer;
  // Guarded by the latch.
  ContextError error = ContextError::kNone;
  std::vector<std::weak_ptr<ContextState>> children;
};

namespace {

class ContextDeadline final : public TimerNode {
 public:
  explicit ContextDeadline(std::weak_ptr<ContextState> context) : context_(std::move(context)) {}

  Instant fire(TaskControl&, Instant) override {
    TaskControl& timers = current_task();
    if (const auto context = context_.lock())
      context->end(timers, ContextError::kDeadlineExceeded, context->created);
    return kNever;
  }
  bool could_wake() override {
    const auto context = context_.lock();
    return context != nullptr && context->has_waiters();
  }

 private:
  std::weak_ptr<ContextState> context_;
};

void record_about(TaskControl& self, ContextState& context, Operation operation,
                  std::uint64_t value, const Location& site) {
  if (!self.is_recording) return;
  Happening what;
  // As for timers.
  if (self.recording != nullptr) meet_in_turn(self, *context.done_channel.state());
  {
    const ScopedLock lock(context.latch);
    meet(self, context);
    what = happening(context, operation);
  }
  what.value = value;
  record(self, what, site);
}

}  // namespace

ContextState::~ContextState() {
  if (timer != nullptr) current_task().executor->disarm(*timer);
}

void ContextState::end(TaskControl& self, ContextError reason, const Location& site) {
  std::vector<std::weak_ptr<ContextState>> below;
  {
    const ScopedLock lock(latch);
    if (error != ContextError::kNone) return;
    error = reason;
    below.swap(children);
  }
  record_about(self, *this, Operation::kContextCancel, 0, site);
  done_channel.state()->timer_is_pending.store(false);
  done_channel.close(site);
  if (timer != nullptr) self.executor->disarm(*timer);
  for (const auto& child : below)
    if (const auto context = child.lock()) context->end(self, reason, site);
}

bool ContextState::has_waiters() {
  {
    ChannelState& state = *done_channel.state();
    const ScopedLock lock(state.latch);
    if (!state.receivers.empty()) return true;
  }
  std::vector<std::weak_ptr<ContextState>> below;
  {
    const ScopedLock lock(latch);
    below = children;
  }
  return std::any_of(below.begin(), below.end(), [](const auto& child) {
    const auto context = child.lock();
    return context != nullptr && context->has_waiters();
  });
}

std::shared_ptr<ContextState> make_context(const std::shared_ptr<ContextState>& parent,
                                           std::optional<std::int64_t> timeout_ns,
                                           const Location& site) {
  TaskControl& self = current_task();
  if (timeout_ns) note_deadline();
  auto context = std::make_shared<ContextState>(site);
  if (!enter_operation(self, Operation::kContextMake, context.get(), site)) return context;
  if (parent != nullptr) note_look(*parent);
  context->parent = parent;
  // All of it before anyone else can see the context. A parent's deadline does not change.
  context->deadline = parent != nullptr ? parent->deadline : kNever;
  if (timeout_ns) {
    const Instant present = self.executor->now();
    const Instant due = *timeout_ns > kNever - 1 - present
                            ? kNever - 1
                            : present + std::max<Instant>(*timeout_ns, 0);
    if (due < context->deadline) {  // Else the parent's comes first.
      context->deadline = due;
      context->timer = std::make_shared<ContextDeadline>(context);
    }
  }
  const bool has_deadline = context->deadline != kNever;
  context->done_channel.state()->timer_is_pending.store(has_deadline);
  record_about(self, *context, Operation::kContextMake, has_deadline ? 1 : 0, site);
  ContextError inherited = ContextError::kNone;
  if (parent != nullptr) {
    const ScopedLock lock(parent->latch);
    inherited = parent->error;
    if (inherited == ContextError::kNone) {
      std::erase_if(parent->children, [](const auto& child) { return child.expired(); });
      parent->children.push_back(context);
    }
  }
  if (inherited != ContextError::kNone)
    context->end(self, inherited, site);
  else if (context->timer != nullptr)
    self.executor->arm(context->timer, context->deadline);
  return context;
}

}  // namespace detail

RecvChannel<Unit> Context::done() const {
  return state_ == nullptr ? RecvChannel<Unit>{} : RecvChannel<Unit>(state_->done_channel);
}

ContextError Context::error() const {
  if (state_ == nullptr) return ContextError::kNone;
  detail::note_look(*state_);
  detail::TaskControl* const self = detail::current_task_or_null;
  ContextError error;
  std::optional<detail::Happening> seen;
  {
    const detail::ScopedLock lock(state_->latch);
    error = state_->error;
    // Whoever sees that it is over comes after that.
    if (error != ContextError::kNone && self != nullptr && self->is_recording &&
        self->epoch == state_->epoch)
      seen = happening(*state_, Operation::kLoad);
  }
  if (seen) record(*self, *seen, {});
  return error;
}

std::optional<TimePoint> Context::deadline() const {
  if (state_ == nullptr || state_->deadline == detail::kNever) return std::nullopt;
  return TimePoint(std::chrono::nanoseconds(state_->deadline));
}

void Context::cancel(Location site) const {
  if (state_ == nullptr) return;
  detail::TaskControl& self = detail::current_task();
  if (!detail::enter_giving_operation(self, Operation::kContextCancel, nullptr, site)) return;
  state_->end(self, ContextError::kCancelled, site);
}

}  // namespace chantrace
