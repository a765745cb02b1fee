/// \file
/// Who is blocked, and who leaked, in a program that runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chantrace/end_state.h"
#include "chantrace/finding.h"
#include "chantrace/sink.h"

namespace chantrace {

/// A task that has waited for long.
///
/// Threads: a plain value.
struct BlockedTask {
  TaskId task{};
  std::string label;
  std::string what;  ///< "recv on \"jobs\" (int, unbuffered)"
  WaitingTask::Outlook outlook = WaitingTask::Outlook::kGoesOn;
  std::chrono::nanoseconds duration{};
  Site waiting_at;
  Site started_at;
  std::vector<std::string> reason;  ///< Why it waits, and who could help, a line each.
};

/// Threads: a plain value.
struct AnalyzerReport {
  std::chrono::system_clock::time_point time;
  /// All that have waited for as long as the threshold says, also those that will go on: the
  /// longest first.
  std::vector<BlockedTask> blocked;
  /// Those that nothing can wake, and those that have waited for the longer threshold and whose
  /// helpers are over or stuck themselves. A worker that waits for its next job is not among them.
  std::vector<BlockedTask> leaked;
  /// What is certain: deadlocks, misuse, exceptions.
  std::vector<Finding> findings;
};

struct AnalyzerOptions {
  std::chrono::nanoseconds blocked_after = std::chrono::milliseconds(100);
  std::chrono::nanoseconds leaked_after = std::chrono::seconds(5);
  /// Called each time when a task is blocked or leaked that was not before, from a thread of the
  /// analyzer's own. What it throws is dropped.
  std::function<void(const AnalyzerReport&)> on_change = {};
};

/// Asks the runtime's own state, and no events: it is exact whatever was lost. As a sink it ends
/// its thread with the session.
///
/// Threads: any thread. `on_change` must not destroy it.
class Analyzer final : public Sink {
 public:
  explicit Analyzer(AnalyzerOptions options = {});
  ~Analyzer() override;
  Analyzer(const Analyzer&) = delete;
  Analyzer& operator=(const Analyzer&) = delete;

  /// How it stands now; empty when nothing is recorded.
  AnalyzerReport report() const;

  void handle(const Event&) override {}
  void close() override;

 private:
  struct Watch;
  const AnalyzerOptions options_;
  std::unique_ptr<Watch> watch_;  ///< nullptr: nobody wants to be told.
};

}  // namespace chantrace
