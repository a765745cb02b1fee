#include "chantrace/listener.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/detail/execution.h"
#include "chantrace/detail/spool.h"
#include "chantrace/finding.h"
#include "chantrace/task.h"
#include "exploration.h"
#include "flags.h"
#include "watchdog.h"

namespace chantrace {
namespace {

/// Unwinds the body of a test whose failure has been reported: GoogleTest takes it as that.
class BodyCancelled final : public testing::AssertionException {
 public:
  BodyCancelled()
      : AssertionException(testing::TestPartResult(testing::TestPartResult::kFatalFailure, nullptr,
                                                   0, "the test was ended by chantrace")) {}
};

/// A file name for a test's name: readable, and different for different tests. GoogleTest's names
/// have letters, digits, underscores and slashes; whatever else comes is written as in a URL.
std::string to_file_name(const std::string& test) {
  std::string name;
  for (const char c : test) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
    if (is_plain) {
      name += c;
    } else if (c == '/') {
      name += '+';
    } else {
      char escaped[4];
      std::snprintf(escaped, sizeof escaped, "%%%02x", static_cast<unsigned char>(c));
      name += escaped;
    }
  }
  // File systems take 255 bytes; the tail of a longer name is as good as any.
  constexpr std::size_t kNameMax = 200;
  return name.size() > kNameMax ? name.substr(name.size() - kNameMax) : name;
}

std::string full_name(const testing::TestInfo& test) {
  return std::string(test.test_suite_name()) + "." + test.name();
}

std::string counted(std::uint64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

class Listener final : public testing::EmptyTestEventListener {
 public:
  explicit Listener(Flags flags)
      : flags_(std::move(flags)), watchdog_([this] { end_late_test(); }, [this] { look(); }) {}

  // What runs before, between and after tests is watched too, though nothing can unwind it.
  void OnEnvironmentsSetUpStart(const testing::UnitTest&) override { watch("the environments"); }
  void OnTestSuiteStart(const testing::TestSuite& suite) override {
    watch("SetUpTestSuite of " + std::string(suite.name()));
  }
  void OnTestSuiteEnd(const testing::TestSuite&) override { watchdog_.stop(); }
  void OnEnvironmentsTearDownStart(const testing::UnitTest&) override { watch("the environments"); }
  void OnEnvironmentsTearDownEnd(const testing::UnitTest&) override { watchdog_.stop(); }

  void OnTestIterationStart(const testing::UnitTest&, int iteration) override {
    iteration_ = iteration;
  }

  void OnTestStart(const testing::TestInfo& test) override {
    if (testing::internal::InDeathTestChild()) return;
    test_ = full_name(test);
    path_ = trace_path(test);
    reported_.clear();
    allowed_ = 0;
    has_recorded_ = false;
    watchdog_.start(flags_.watchdog);
    exploration_ = Exploration::plan(flags_, test);
    if (exploration_ != nullptr)
      detail::set_rerun_words([this](const std::string& token) {
        return exploration_ == nullptr ? std::string()
                                       : exploration_->words_of_fault(flags_.program, test_, token);
      });
    detail::ExecutionOptions options;
    if (exploration_ != nullptr) explore(test, options);
    allowed_ = 0;
    watchdog_.start(flags_.watchdog);
    options.recording.test = test_;
    options.recording.has_values = flags_.values;
    if (exploration_ != nullptr) options.recording.notes = exploration_->notes_of_inputs();
    options.foreign_patience = flags_.foreign_patience;
    if (flags_.keep != Keep::kNone && make_folder()) options.recording.path = path_;
    options.on_deadlock = [this](const EndState& state) { report_deadlock(state); };
    options.throw_in_body = [] { throw BodyCancelled(); };
    execution_ = std::make_unique<detail::Execution>(std::move(options));
  }

  void OnTestPartResult(const testing::TestPartResult& result) override {
    // An exception that left the body, as GoogleTest says it; nothing else tells a listener.
    if (execution_ != nullptr && result.failed() &&
        std::string_view(result.message()).starts_with("C++ exception with description"))
      execution_->note_body_exception(result.message());
  }

  void OnTestEnd(const testing::TestInfo& test) override {
    if (execution_ == nullptr || testing::internal::InDeathTestChild()) return;
    watchdog_.stop();
    const detail::ExecutionEnd end = execution_->settle(flags_.patience);
    std::vector<Finding> findings = analyze(end.state);
    if (end.cut) {
      // What tasks wait for when they are cut says nothing.
      std::erase_if(findings, [](const Finding& one) { return is_about_what_is_left(one.kind); });
      findings.push_back(*end.cut);
    }
    for (Finding& one : execution_->find_in_trace()) findings.push_back(std::move(one));
    if (exploration_ != nullptr) exploration_->add_findings(findings);
    remove_told(findings);
    std::vector<Finding> failing = select_failing(findings);
    const bool failed_before = test.result()->Failed();
    if (exploration_ != nullptr && end.schedule) {
      // No schedule was found under which the body came to its end.
      if (end.cut && failing.empty() && !exploration_->must_fail()) failing.push_back(*end.cut);
      std::vector<Finding> all = failing;
      all.insert(all.end(), reported_.begin(), reported_.end());
      auto divergence =
          exploration_->divergence(*end.schedule, failed_before || !failing.empty(), all);
      if (divergence) {
        findings.push_back(*divergence);
        failing.push_back(std::move(*divergence));
      }
    }
    const bool has_failed = failed_before || !failing.empty();
    const bool keeps = flags_.keep == Keep::kAll || (flags_.keep == Keep::kFailed && has_failed);
    findings.insert(findings.end(), reported_.begin(), reported_.end());
    const detail::RecordingSummary summary = execution_->finish(keeps, !has_failed, findings);
    execution_.reset();
    has_recorded_ = summary.is_on_disk;
    if (!failing.empty()) report(failing, summary);
    warn(findings);
    if (has_failed && failing.empty() && reported_.empty()) {
      if (exploration_ != nullptr)
        std::printf("chantrace: failed%s\n%s", exploration_->place().c_str(), again_text().c_str());
      if (keeps && summary.is_on_disk) std::printf("  trace      %s\n", path_.c_str());
    }
    if (exploration_ != nullptr && !exploration_->statistics().empty())
      std::printf("             %s\n", exploration_->statistics().c_str());
    if (summary.is_on_disk && !summary.is_whole)
      std::printf("chantrace: %s could not be written whole; what is missing may be in %s.spool\n",
                  path_.c_str(), path_.c_str());
    record_properties(summary, findings.size());
    if (has_failed && exploration_ != nullptr)
      testing::Test::RecordProperty(
          "chantrace_replay",
          exploration_->replay_argument(keeps ? path_.string() : std::string()));
    if (end.abandoned > 0)
      std::printf("chantrace: %s could not be unwound; the thread sleeps until the program ends\n",
                  counted(end.abandoned, "task").c_str());
    watch("what follows " + test_);
  }

  void OnTestProgramEnd(const testing::UnitTest&) override {
    detail::Spool::remove_idle_file();
    std::error_code ignored;
    if (made_folder_) std::filesystem::remove(flags_.out, ignored);  // Only if it is empty.
  }

 private:
  /// Sets what decides the execution that GoogleTest is about to run.
  void explore(const testing::TestInfo& test, detail::ExecutionOptions& options) {
    try {
      const bool is_controlled = exploration_->explore(
          test, [this](const std::vector<Finding>& findings) { return select_failing(findings); },
          [this] { watchdog_.start(flags_.watchdog); });
      for (const std::string& note : exploration_->notes())
        std::printf("chantrace: %s\n", note.c_str());
      if (!is_controlled) {
        exploration_.reset();
        return;
      }
      options.control = exploration_->control();
      options.strategy = &exploration_->strategy();
      if (const Explanation* const why = exploration_->explanation_of_failure())
        options.explanation = *why;
    } catch (const std::exception& error) {
      exploration_.reset();
      // A failure that is fatal, so that the test does not run.
      fail_at({}, error.what(), true);
    }
  }

  std::filesystem::path trace_path(const testing::TestInfo& test) const {
    std::string name = to_file_name(full_name(test));
    const char* const shards = std::getenv("GTEST_TOTAL_SHARDS");
    const char* const shard = std::getenv("GTEST_SHARD_INDEX");
    if (shards != nullptr && shard != nullptr && std::atoi(shards) > 1)
      name += ".shard" + to_file_name(shard) + "of" + to_file_name(shards);
    if (flags_.explore_shard && flags_.explore_shard->count > 1)
      name += ".part" + std::to_string(flags_.explore_shard->index) + "of" +
              std::to_string(flags_.explore_shard->count);
    if (iteration_ > 0) name += ".repeat" + std::to_string(iteration_ + 1);
    return flags_.out / (name + ".chantrace");
  }

  bool make_folder() {
    std::error_code error;
    if (std::filesystem::create_directories(flags_.out, error)) made_folder_ = true;
    if (!error) return true;
    if (!has_complained_)
      std::fprintf(stderr, "chantrace: no traces: cannot make the folder %s: %s\n",
                   flags_.out.c_str(), error.message().c_str());
    has_complained_ = true;
    return false;
  }

  bool is_allowed(const Finding& finding) const {
    const auto is_known = [&](const Participant& who) {
      const std::string place = who.site.file + ":" + std::to_string(who.site.line);
      const std::string start = who.started_at.file + ":" + std::to_string(who.started_at.line);
      return std::any_of(flags_.allow.begin(), flags_.allow.end(), [&](const std::string& pattern) {
        return matches(pattern, who.label) || matches(pattern, place) ||
               matches("*/" + pattern, place) || matches(pattern, start) ||
               matches("*/" + pattern, start);
      });
    };
    return !finding.participants.empty() &&
           std::all_of(finding.participants.begin(), finding.participants.end(), is_known);
  }

  /// What could happen, where it did.
  void remove_told(std::vector<Finding>& findings) const {
    std::vector<Finding> told = findings;
    told.insert(told.end(), reported_.begin(), reported_.end());
    std::erase_if(findings, [&](const Finding& one) {
      return one.kind == FindingKind::kLockOrder && has_come_true(one, told);
    });
  }

  bool fails_on(const Finding& finding) const {
    return flags_.fail_on.contains(finding.kind) ||
           (is_livelock(finding) && flags_.fail_on.contains(FindingKind::kBlocked));
  }

  std::vector<Finding> select_failing(const std::vector<Finding>& findings) {
    std::vector<Finding> failing;
    for (const Finding& finding : findings) {
      if (finding.certainty == Certainty::kNote || !fails_on(finding)) continue;
      if (finding.kind == FindingKind::kLeaked && is_allowed(finding)) {
        allowed_ += finding.participants.size();
        continue;
      }
      failing.push_back(finding);
    }
    return failing;
  }

  /// Says what may go wrong in another run, and is not asked for as a failure.
  void warn(const std::vector<Finding>& findings) const {
    if (flags_.fail_on.empty()) return;
    std::vector<Finding> possible;
    for (const Finding& finding : findings)
      if (finding.kind == FindingKind::kLockOrder && !flags_.fail_on.contains(finding.kind))
        possible.push_back(finding);
    if (possible.empty()) return;
    std::printf("%s\n  to fail    add lock_order to --chantrace_fail_on\n\n",
                text_of(possible).c_str());
  }

  std::string text_of(const std::vector<Finding>& findings) const {
    std::string text = "chantrace: ";
    if (findings.size() > 1) text += summarize(findings) + place_text() + "\n";
    for (std::size_t i = 0; i < findings.size(); ++i) {
      std::string one = to_text(findings[i]);
      // A single finding's first line stands behind the name of the library.
      if (findings.size() == 1) {
        one.erase(0, one.find_first_not_of(' '));
        one.insert(one.find('\n'), place_text());
      }
      text += one;
    }
    return text;
  }

  std::string place_text() const { return exploration_ != nullptr ? exploration_->place() : ""; }

  /// The line that runs the same once more.
  std::string again_text() const {
    if (exploration_ == nullptr || exploration_->is_exploring()) return {};
    const bool has_trace = flags_.keep != Keep::kNone && !has_complained_;
    std::string text;
    for (const std::string& input : exploration_->inputs())
      text += (text.empty() ? "  inputs     " : "             ") + input + "\n";
    if (!text.empty()) text += "\n";
    text += exploration_->explanation();
    const auto add = [&](const char* label, const std::string& line) {
      if (!line.empty()) text += label + line + "\n";
    };
    add("  shrunk     ", exploration_->shrinking());
    add("  again      ",
        exploration_->command(flags_.program, test_, has_trace ? path_.string() : std::string()));
    add("  keep       ", exploration_->regression_test(test_));
    return text;
  }

  std::string look_text(const std::string& counts) const {
    const std::string again = again_text();
    const bool has_trace = execution_ != nullptr || has_recorded_;
    if (flags_.keep == Keep::kNone || has_complained_ || path_.empty() || !has_trace)
      return again.empty() ? again : "\n" + again;
    return "\n" + again + "  trace      " + path_.string() + counts +
           "\n  look       chantrace show " + path_.string() + "\n";
  }

  /// In the body's own thread, in the operation in which it waits. The test fails here, so that
  /// GoogleTest knows before the body is unwound.
  void report_deadlock(const EndState& state) {
    const std::vector<Finding> findings = analyze(state);
    // A body that catches what should end it comes back with what was said already.
    if (!reported_.empty() && text_of(findings) == text_of(reported_)) return;
    reported_.insert(reported_.end(), findings.begin(), findings.end());
    fail_at(findings, text_of(findings) + look_text(""), true);
  }

  void report(const std::vector<Finding>& failing, const detail::RecordingSummary& summary) const {
    const std::string counts =
        "   (" + counted(summary.events, "event") + ", " + counted(summary.tasks, "task") + ")";
    fail_at(failing, text_of(failing) + (summary.is_on_disk ? look_text(counts) : ""), false);
  }

  static void fail_at(const std::vector<Finding>& findings, const std::string& text,
                      bool is_fatal) {
    Site site;
    for (const Finding& finding : findings)
      if (site.line == 0 && !finding.sites.empty()) site = finding.sites.front().site;
    const char* const file = site.line != 0 ? site.file.c_str() : "unknown file";
    const int line = site.line != 0 ? static_cast<int>(site.line) : -1;
    // What ADD_FAILURE_AT and GTEST_FAIL_AT are made of, without a line that only says "Failed".
    const auto type = is_fatal ? testing::TestPartResult::kFatalFailure
                               : testing::TestPartResult::kNonFatalFailure;
    GTEST_MESSAGE_AT_(file, line, "", type) << text;
  }

  void record_properties(const detail::RecordingSummary& summary, std::size_t findings) const {
    if (summary.is_on_disk) testing::Test::RecordProperty("chantrace_trace", path_.string());
    testing::Test::RecordProperty("chantrace_events", std::to_string(summary.events));
    testing::Test::RecordProperty("chantrace_tasks", std::to_string(summary.tasks));
    testing::Test::RecordProperty("chantrace_findings", std::to_string(findings));
    if (allowed_ > 0) testing::Test::RecordProperty("chantrace_allowed", std::to_string(allowed_));
  }

  void watch(const std::string& what) {
    if (testing::internal::InDeathTestChild()) return;
    watchdog_.stop();
    test_ = what;
    path_.clear();
    watchdog_.start(flags_.watchdog);
  }

  /// In the watchdog's thread, now and then.
  void look() {
    detail::Execution::look_for_stuck_body();
    if (detail::Execution::is_quiet_outside()) end_hung_test("is blocked for ever, and is ended");
  }

  [[noreturn]] void end_late_test() {
    end_hung_test("has taken longer than " + std::to_string(flags_.watchdog.count()) +
                  " s and is ended (--chantrace_watchdog, 0: never)");
  }

  /// In the watchdog's thread: the test is blocked somewhere the library cannot see, or cannot
  /// unwind.
  [[noreturn]] void end_hung_test(const std::string& what) {
    const EndState state = detail::Execution::current_state();
    std::fprintf(stderr, "\nchantrace: %s %s\n", test_.c_str(), what.c_str());
    if (exploration_ != nullptr)
      for (const std::string& input : exploration_->inputs())
        std::fprintf(stderr, "chantrace: inputs: %s\n", input.c_str());
    for (const TaskState& task : state.tasks) {
      if (task.status != TaskStatus::kRunning && task.status != TaskStatus::kParked) continue;
      std::string doing = "running, or blocked outside the library";
      if (task.status == TaskStatus::kParked && !task.waits.empty())
        doing = "parked in " + std::string(to_string(task.waits.front().operation)) + " at " +
                task.waiting_at.file + ":" + std::to_string(task.waiting_at.line);
      std::fprintf(stderr, "  %-12s task %u, %s\n", task.label.c_str(), to_number(task.id),
                   doing.c_str());
    }
    for (const Finding& finding : analyze(state))
      if (finding.certainty != Certainty::kNote)
        std::fprintf(stderr, "%s", to_text(finding).c_str());
    print_thread_stacks();
    std::fprintf(stderr, "%s\n[  FAILED  ] %s (ended by the watchdog)\n", look_text("").c_str(),
                 test_.c_str());
    std::fflush(stdout);
    _exit(1);
  }

  const Flags flags_;
  Watchdog watchdog_;
  std::unique_ptr<Exploration> exploration_;
  std::unique_ptr<detail::Execution> execution_;
  std::string test_;
  std::filesystem::path path_;
  std::vector<Finding> reported_;
  std::size_t allowed_ = 0;
  int iteration_ = 0;
  bool has_recorded_ = false;  ///< The last test has left its trace.
  bool made_folder_ = false;
  bool has_complained_ = false;
};

}  // namespace

void install_listener(int* argc, char** argv) {
  Flags flags = read_flags(argc, argv);
  note_listener();
  // Then GoogleTest has none, and runs all tests; it still touches its shard status file.
  if (flags.takes_googletest_shards) {
    unsetenv("GTEST_TOTAL_SHARDS");
    unsetenv("GTEST_SHARD_INDEX");
  }
  // After the default printer, so that what it reports at a test's end reaches the printer first.
  testing::UnitTest::GetInstance()->listeners().Append(new Listener(std::move(flags)));
}

}  // namespace chantrace
