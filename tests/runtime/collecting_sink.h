/// \file
/// Sinks for tests: one that keeps what it gets, and one that does not.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "chantrace/sink.h"

namespace chantrace {

/// Threads: any thread.
class CollectingSink final : public Sink {
 public:
  /// `on_event` is called first, in the sink's thread.
  explicit CollectingSink(std::function<void(const Event&)> on_event = {})
      : on_event_(std::move(on_event)) {}

  void handle(const Event& event) override {
    if (on_event_) on_event_(event);
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
  }
  void close() override {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }

  std::vector<Event> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  std::vector<Event> events_of(Operation operation) const {
    std::vector<Event> result;
    for (const Event& event : events())
      if (event.operation == operation) result.push_back(event);
    return result;
  }
  bool is_closed() const {
    const std::lock_guard lock(mutex_);
    return is_closed_;
  }

 private:
  const std::function<void(const Event&)> on_event_;
  mutable std::mutex mutex_;
  std::vector<Event> events_;
  bool is_closed_ = false;
};

/// One that has no use for events.
class NullSink final : public Sink {
 public:
  void handle(const Event&) override {}
};

}  // namespace chantrace
