#include "metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace chantrace::view {

void Metrics::add(const Event& event) {
  const std::lock_guard lock(mutex_);
  if (event.operation == Operation::kNone) {
    lost_ += event.lost;
    open_.erase(to_number(event.task));  // Its end may be among those.
    return;
  }
  ++events_;
  if (starts_operation(event.operation, event.phase))
    ++operations_[{event.object_kind, event.operation}];
  if (event.operation == Operation::kTaskEnd) open_.erase(to_number(event.task));
  if (event.operation == Operation::kSelectCase) return;
  if (event.phase == Phase::kStart) {
    open_[to_number(event.task)] = {event.operation_id, event.time};
    return;
  }
  if (event.phase != Phase::kDone) return;
  const auto open = open_.find(to_number(event.task));
  if (open == open_.end() || open->second.operation_id != event.operation_id) return;
  const double seconds =
      std::max(0.0, std::chrono::duration<double>(event.time - open->second.since).count());
  open_.erase(open);
  Waits& waits = waits_[event.operation];
  const auto bound = std::lower_bound(kWaitBounds.begin(), kWaitBounds.end(), seconds);
  ++waits.counts[static_cast<std::size_t>(bound - kWaitBounds.begin())];
  ++waits.count;
  waits.seconds += seconds;
}

std::uint64_t Metrics::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

std::string Metrics::text(std::uint64_t blocked_tasks, std::uint64_t leaked_tasks) const {
  const std::lock_guard lock(mutex_);
  std::string out;
  const auto add = std::back_inserter(out);
  const auto head = [&](const char* name, const char* type, const char* help) {
    fmt::format_to(add, "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  };
  head("chantrace_events_total", "counter", "Events that reached the view.");
  fmt::format_to(add, "chantrace_events_total {}\n", events_);
  head("chantrace_events_lost_total", "counter", "Events that were lost on their way to the view.");
  fmt::format_to(add, "chantrace_events_lost_total {}\n", lost_);
  head("chantrace_operations_total", "counter", "Operations begun, by what they are on.");
  for (const auto& [key, count] : operations_)
    fmt::format_to(add, "chantrace_operations_total{{object=\"{}\",operation=\"{}\"}} {}\n",
                   key.first == ObjectKind::kNone ? "none" : to_string(key.first),
                   to_string(key.second), count);
  head("chantrace_blocked_tasks", "gauge", "Tasks that have waited for 100 ms or longer now.");
  fmt::format_to(add, "chantrace_blocked_tasks {}\n", blocked_tasks);
  head("chantrace_leaked_tasks", "gauge", "Tasks that nothing will wake.");
  fmt::format_to(add, "chantrace_leaked_tasks {}\n", leaked_tasks);
  head("chantrace_wait_seconds", "histogram", "How long operations that had to wait did so.");
  for (const auto& [operation, waits] : waits_) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < kWaitBounds.size(); ++i)
      fmt::format_to(add, "chantrace_wait_seconds_bucket{{operation=\"{}\",le=\"{}\"}} {}\n",
                     to_string(operation), kWaitBounds[i], count += waits.counts[i]);
    fmt::format_to(add,
                   "chantrace_wait_seconds_bucket{{operation=\"{0}\",le=\"+Inf\"}} {1}\n"
                   "chantrace_wait_seconds_sum{{operation=\"{0}\"}} {2}\n"
                   "chantrace_wait_seconds_count{{operation=\"{0}\"}} {1}\n",
                   to_string(operation), waits.count, waits.seconds);
  }
  return out;
}

}  // namespace chantrace::view
