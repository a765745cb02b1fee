/// \file
/// Doing something once, whoever comes first.
#pragma once

#include <string_view>
#include <utility>

#include "chantrace/detail/wait.h"

namespace chantrace {

/// Runs a function once; all others wait until that one run is over.
///
/// When the function throws, the exception reaches its caller and the next caller tries again, as
/// with `std::call_once`.
///
/// Threads: any thread.
class Once final : private detail::Object {
 public:
  explicit Once(Location site = Location::current()) : Object(ObjectKind::kOnce, site) {}
  explicit Once(std::string_view name, Location site = Location::current())
      : Object(ObjectKind::kOnce, name, site) {}
  ~Once();
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;

  /// Blocks: while another task runs the function. Calling it again from inside the function is a
  /// deadlock of one task.
  template <typename Function>
  void call(Function&& function, Location site = Location::current()) {
    if (!begin(site)) return;
    Finish finish{*this, site};
    std::forward<Function>(function)();
    finish.has_succeeded = true;
  }

 private:
  struct Finish {
    Once& once;
    const Location& site;
    bool has_succeeded = false;
    ~Finish() { once.end(has_succeeded, site); }
  };
  /// True: the caller runs the function.
  bool begin(const Location& site);
  void end(bool has_succeeded, const Location& site);

  void describe(ObjectState& state) const override;
  void enter_execution(ObjectInfo* info) override;

  // Guarded by the latch.
  enum class State : std::uint8_t { kNew, kRunning, kDone } state_ = State::kNew;
  detail::TaskControl* runner_ = nullptr;
  TaskId runner_id_{};
  Location since_;
  detail::WaiterQueue waiters_;
};

}  // namespace chantrace
