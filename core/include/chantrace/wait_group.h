/// \file
/// Waiting for a number of things to be done.
#pragma once

#include <cstdint>
#include <string_view>

#include "chantrace/detail/wait.h"
#include "chantrace/misuse.h"

namespace chantrace {

/// A counter that tasks can wait on until it is zero.
///
/// Threads: any thread.
/// Source: the Go standard library's sync.WaitGroup.
class WaitGroup final : private detail::Object {
 public:
  /// Starts at `count`.
  explicit WaitGroup(std::int64_t count = 0, Location site = Location::current())
      : Object(ObjectKind::kWaitGroup, site), count_(count) {}
  explicit WaitGroup(std::string_view name, std::int64_t count = 0,
                     Location site = Location::current())
      : Object(ObjectKind::kWaitGroup, name, site), count_(count) {}
  ~WaitGroup();
  WaitGroup(const WaitGroup&) = delete;
  WaitGroup& operator=(const WaitGroup&) = delete;

  /// Throws: `NegativeWaitGroup` when the count falls below zero; it then stays as it was.
  void add(std::int64_t delta, Location site = Location::current());
  /// The same as `add(-1)`.
  void done(Location site = Location::current()) { add(-1, site); }
  /// Blocks: until the count is zero.
  void wait(Location site = Location::current());

 private:
  void describe(ObjectState& state) const override;
  void enter_execution(ObjectInfo* info) override;

  // Guarded by the latch.
  std::int64_t count_;
  detail::WaiterQueue waiters_;
  detail::Users givers_;
  detail::Users takers_;
};

}  // namespace chantrace
