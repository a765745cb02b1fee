#include "chantrace/analyzer.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "chantrace/inspect.h"
#include "chantrace/session.h"
#include "runtime.h"

namespace chantrace {
namespace {

using Outlook = WaitingTask::Outlook;

/// No more often than this is looked.
constexpr std::chrono::nanoseconds kPeriodMin = std::chrono::milliseconds(10);

bool is_leaked(const BlockedTask& task, const AnalyzerOptions& options) {
  return task.outlook == Outlook::kStuck ||
         (task.outlook == Outlook::kDoubtful && task.duration >= options.leaked_after);
}

AnalyzerReport make_report(const AnalyzerOptions& options) {
  AnalyzerReport report;
  report.time = std::chrono::system_clock::now();
  if (!is_recording()) return report;
  const EndState state = current_state();
  // Behind the state: a task that has gone on meanwhile then waits for less long than it did.
  const std::map<TaskId, std::chrono::nanoseconds> times = waiting_times();
  auto task = state.tasks.begin();
  for (WaitingTask& waiting : waiting_tasks(state)) {
    const auto time = times.find(waiting.task);
    if (time == times.end() || time->second < options.blocked_after) continue;
    task = std::find_if(task, state.tasks.end(),
                        [&](const TaskState& one) { return one.id == waiting.task; });
    report.blocked.push_back({waiting.task, task->label, std::move(waiting.what), waiting.outlook,
                              time->second, task->waiting_at, task->started_at,
                              std::move(waiting.reason)});
  }
  std::ranges::stable_sort(report.blocked, std::greater{}, &BlockedTask::duration);
  std::ranges::copy_if(report.blocked, std::back_inserter(report.leaked),
                       [&](const BlockedTask& one) { return is_leaked(one, options); });
  for (Finding& finding : analyze(state))
    if (finding.certainty == Certainty::kCertain) report.findings.push_back(std::move(finding));
  return report;
}

}  // namespace

/// Looks now and then, and tells.
struct Analyzer::Watch {
  explicit Watch(const AnalyzerOptions& what) : options(what) {}

  void run() {
    const std::chrono::nanoseconds period = std::max(kPeriodMin, options.blocked_after / 2);
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, period, [&] { return is_over; })) {
      lock.unlock();
      look();
      lock.lock();
    }
  }

  void look() {
    try {
      const AnalyzerReport report = make_report(options);
      std::set<std::pair<TaskId, bool>> now;
      for (const BlockedTask& task : report.blocked) now.emplace(task.task, false);
      for (const BlockedTask& task : report.leaked) now.emplace(task.task, true);
      const bool is_new = !std::ranges::includes(told, now);
      told = std::move(now);
      if (is_new) options.on_change(report);
    } catch (...) {
      // Whoever asks to be told must not end the program by it.
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      is_over = true;
    }
    ended.notify_all();
    if (getpid() != process) return thread.detach();
    if (thread.joinable() && thread.get_id() != std::this_thread::get_id()) thread.join();
  }

  const AnalyzerOptions& options;
  const pid_t process = getpid();  ///< A child that was forked has no such thread.
  std::mutex mutex;
  std::condition_variable ended;
  bool is_over = false;
  std::set<std::pair<TaskId, bool>> told;  ///< Those blocked, and those leaked.
  std::thread thread;
};

Analyzer::Analyzer(AnalyzerOptions options) : options_(std::move(options)) {
  if (!options_.on_change) return;
  watch_ = std::make_unique<Watch>(options_);
  watch_->thread = detail::start_known_thread([watch = watch_.get()] { watch->run(); });
}

Analyzer::~Analyzer() { close(); }

AnalyzerReport Analyzer::report() const { return make_report(options_); }

void Analyzer::close() {
  if (watch_ != nullptr) watch_->stop();
}

}  // namespace chantrace
