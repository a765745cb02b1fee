// The probe, loaded into a program that links nothing of ours.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/temporary_folder.h"

namespace chantrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The program of plain_program.cpp with the probe in it.
class Watched {
 public:
  explicit Watched(std::vector<std::string> arguments,
                   const std::map<std::string, std::string>& variables = {},
                   const std::string& program = CHANTRACE_PLAIN_PROGRAM) {
    if (pipe(input_) != 0) throw std::runtime_error("no pipe");
    child_ = fork();
    if (child_ != 0) {
      close(input_[0]);
      return;
    }
    dup2(input_[0], STDIN_FILENO);
    close(input_[0]);
    close(input_[1]);
    redirect(STDOUT_FILENO, output());
    redirect(STDERR_FILENO, errors());
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    setenv("LD_PRELOAD", CHANTRACE_PRELOAD, 1);
    setenv("CHANTRACE_NOTOUCH_POLL_MS", "5", 1);
    setenv("CHANTRACE_NOTOUCH_STUCK_MS", "100", 1);
    setenv("CHANTRACE_NOTOUCH_TRIGGER_WINDOW_MS", "20", 1);
    setenv("CHANTRACE_NOTOUCH_REPORT", report_path().c_str(), 1);
    for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
    arguments.insert(arguments.begin(), program);
    std::vector<char*> words;
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    execv(words[0], words.data());
    _exit(127);
  }
  ~Watched() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    if (input_[1] >= 0) close(input_[1]);
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  std::filesystem::path report_path() const { return folder_.file("report.json"); }
  std::filesystem::path file(const char* name) const { return folder_.file(name); }
  std::string printed() const { return read_text(output()); }
  std::string told() const { return read_text(errors()); }

  /// What the report says once there is an incident in it.
  nlohmann::json await_incident() const {
    for (;;) {
      const auto report = nlohmann::json::parse(read_text(report_path()), nullptr, false);
      if (report.is_object() && !report.at("recent_incidents").empty()) return report;
      std::this_thread::yield();
    }
  }

  void await_output(const char* text) const {
    while (printed().find(text) == std::string::npos) std::this_thread::yield();
  }

  /// Until the probe's thread has been woken so many times more.
  void await_polls(std::uint64_t count) const {
    const std::uint64_t before = probe_turns();
    while (probe_turns() < before + count) std::this_thread::yield();
  }

  /// Ends the input, and so the program. Returns its status.
  int end() {
    close(std::exchange(input_[1], -1));
    int status = 0;
    waitpid(std::exchange(child_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  nlohmann::json report() const { return nlohmann::json::parse(read_text(report_path())); }

 private:
  std::filesystem::path output() const { return folder_.file("output"); }
  std::filesystem::path errors() const { return folder_.file("errors"); }
  std::uint64_t probe_turns() const {
    const std::filesystem::path tasks = "/proc/" + std::to_string(child_) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      if (read_text(task.path() / "comm") != "chantrace-probe\n") continue;
      std::ifstream statistics(task.path() / "schedstat");
      std::uint64_t on_processor = 0, waiting = 0, turns = 0;
      statistics >> on_processor >> waiting >> turns;
      return turns;
    }
    return 0;
  }
  static void redirect(int descriptor, const std::filesystem::path& path) {
    if (FILE* const file = std::fopen(path.c_str(), "w")) dup2(fileno(file), descriptor);
  }

  TemporaryFolder folder_;
  int input_[2] = {-1, -1};
  pid_t child_ = -1;
};

void expect_ring_of_20(const nlohmann::json& report) {
  const auto& incident = report.at("recent_incidents").at(0);
  EXPECT_EQ(incident.at("trigger"), "stuck");
  EXPECT_THAT(incident.at("reason"), HasSubstr("20 of 21 threads"));
  EXPECT_THAT(incident.at("reason"), HasSubstr("in a cycle"));
  EXPECT_EQ(incident.at("stuck_threads"), 20);
  int found = 0;
  for (const auto& hotspot : incident.at("hotspots")) {
    if (hotspot.at("state") != "lock") continue;
    ++found;
    EXPECT_EQ(hotspot.at("top_frame"), "(anonymous namespace)::take_both");
    EXPECT_EQ(hotspot.at("count"), 20);
    EXPECT_EQ(hotspot.at("persistent"), true);
  }
  EXPECT_EQ(found, 1) << incident;
}

TEST(PreloadTest, FindsADeadlockOf20PlainMutexes) {
  Watched program({"ring"});
  program.await_incident();

  EXPECT_EQ(program.end(), 0);
  const auto report = program.report();
  expect_ring_of_20(report);
  EXPECT_EQ(report.at("trigger_count"), 1);
  int lock_waits = 0;
  for (const auto& wait : report.at("recent_incidents").at(0).at("waits"))
    lock_waits += wait.at("state") == "lock" && wait.at("count") == 1 ? 1 : 0;
  EXPECT_GE(lock_waits, 19);  // Twenty descriptors and locks are kept.
  EXPECT_THAT(program.told(), HasSubstr("20  lock in (anonymous namespace)::take_both"));
}

TEST(PreloadTest, FindsItInAProgramWithoutFramePointers) {
  Watched program({"ring"}, {}, CHANTRACE_PLAIN_PROGRAM_OPTIMIZED);

  expect_ring_of_20(program.await_incident());
}

TEST(PreloadTest, FindsItInAProgramThatIsNotOptimized) {
  Watched program({"ring"}, {}, CHANTRACE_PLAIN_PROGRAM_UNOPTIMIZED);

  expect_ring_of_20(program.await_incident());
}

TEST(PreloadTest, FindsALostWakeup) {
  Watched program({"lost-wakeup"});
  const auto incident = program.await_incident().at("recent_incidents").at(0);

  EXPECT_THAT(incident.at("reason"), HasSubstr("22 of 22 threads"));
  EXPECT_THAT(incident.at("reason"), HasSubstr("none can go on"));
  EXPECT_EQ(incident.at("hotspots").at(0).at("state"), "condition");
}

TEST(PreloadTest, FindsWhatTheMainThreadLeavesBehind) {
  Watched program({"main-ended"});
  const auto incident = program.await_incident().at("recent_incidents").at(0);

  EXPECT_THAT(incident.at("reason"), HasSubstr("none can go on"));
  EXPECT_EQ(incident.at("hotspots").at(0).at("top_frame"), "(anonymous namespace)::wait_for_work");
  EXPECT_THAT(program.told(), HasSubstr("none can go on"));
}

TEST(PreloadTest, ALockOfTheLibraryHasAHolderThatNobodyKnows) {
  Watched program({"stdio"});
  const auto incident = program.await_incident().at("recent_incidents").at(0);

  EXPECT_THAT(incident.at("reason"), HasSubstr("1 of 2 threads"));
  EXPECT_THAT(incident.at("reason"), HasSubstr("not given back"));
  EXPECT_EQ(incident.at("waits").at(0).at("holder"), "");
  EXPECT_EQ(incident.at("hotspots").at(0).at("top_frame"), "f");
}

void expect_nothing_found(const char* mode) {
  Watched program({mode}, {{"CHANTRACE_NOTOUCH_HISTORY", "1000"}});
  program.await_output("started");
  // At 5 ms each, five times what it takes to find a deadlock.
  program.await_polls(100);

  EXPECT_EQ(program.end(), 0);
  const auto report = program.report();
  EXPECT_EQ(report.at("trigger_count"), 0) << report;
  EXPECT_EQ(report.at("stuck_threads"), 0);
  EXPECT_EQ(report.at("current_threads"), 21);
  EXPECT_EQ(program.told(), "");
}

TEST(PreloadTest, AnIdlePoolIsNoDeadlock) { expect_nothing_found("pool"); }

TEST(PreloadTest, AContendedMutexIsNoDeadlock) { expect_nothing_found("contended"); }

TEST(PreloadTest, AMutexWhoseHolderWorksIsNoDeadlock) { expect_nothing_found("busy"); }

TEST(PreloadTest, SurvivesAFork) { expect_nothing_found("fork"); }

TEST(PreloadTest, SurvivesBlockedSignals) {
  Watched program({"blocked"});

  expect_ring_of_20(program.await_incident());
  EXPECT_EQ(program.end(), 0);
}

TEST(PreloadTest, WritesNothingIntoWhatHasTheNumberOfStandardError) {
  const TemporaryFolder folder;
  const std::string mine = folder.file("mine").string();
  Watched program({"closed", mine});
  program.await_incident();

  EXPECT_EQ(program.end(), 0);
  EXPECT_THAT(program.printed(), HasSubstr("opened 2"));
  EXPECT_EQ(read_text(mine), "");
  EXPECT_EQ(program.told(), "");
}

TEST(PreloadTest, HasNoDescriptorsInTheProgram) {
  std::vector<std::string> lists;
  for (const char* const setting : {"on", "off"}) {
    // The shell waits for its input to end, so that its probe is at work.
    Watched program({"-c", "read line; echo /proc/$$/fd/*"}, {{"CHANTRACE_NOTOUCH", setting}},
                    "/bin/sh");
    if (std::string(setting) == "on") program.await_polls(3);
    EXPECT_EQ(program.end(), 0);
    lists.push_back(std::regex_replace(program.printed(), std::regex("/proc/[0-9]+/fd/"), ""));
  }

  EXPECT_EQ(lists.at(0), lists.at(1));
  EXPECT_THAT(lists.at(0), HasSubstr("0 1 2"));
}

TEST(PreloadTest, IsTurnedOffByTheEnvironment) {
  Watched program({"pool"}, {{"CHANTRACE_NOTOUCH", "off"}});

  EXPECT_EQ(program.end(), 0);
  EXPECT_FALSE(std::filesystem::exists(program.report_path()));
}

TEST(PreloadTest, TellsBadValues) {
  Watched program({"pool"}, {{"CHANTRACE_NOTOUCH_POLL_MS", "often"}});

  EXPECT_EQ(program.end(), 0);
  EXPECT_THAT(program.told(), HasSubstr("CHANTRACE_NOTOUCH_POLL_MS=often: expected a number"));
}

TEST(PreloadTest, TellsThatItsReportCannotBeWritten) {
  Watched program({"pool"}, {{"CHANTRACE_NOTOUCH_REPORT", "/nonexistent/%p.json"}});

  EXPECT_EQ(program.end(), 0);
  EXPECT_THAT(program.told(), HasSubstr("cannot write the no-touch report /nonexistent/"));
  EXPECT_THAT(program.told(), Not(HasSubstr("%p")));
}

TEST(PreloadTest, ItsReportStaysWhereTheProgramHasBegun) {
  const TemporaryFolder folder;
  const auto path = folder.file("report.json");
  Watched program({"elsewhere"},
                  {{"CHANTRACE_NOTOUCH_REPORT", std::filesystem::relative(path).string()}});

  EXPECT_EQ(program.end(), 0);
  EXPECT_EQ(nlohmann::json::parse(read_text(path)).at("version"), 1) << program.told();
}

TEST(PreloadTest, WritesItsReportToTheStandardErrorWhereThatIsWanted) {
  Watched program({"pool"}, {{"CHANTRACE_NOTOUCH_REPORT", "stderr"}});

  EXPECT_EQ(program.end(), 0);
  EXPECT_EQ(nlohmann::json::parse(program.told()).at("version"), 1);
}

}  // namespace
}  // namespace chantrace
