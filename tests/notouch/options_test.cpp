#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "chantrace/no_touch.h"

namespace chantrace {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// Variables of the environment for as long as this lives.
class Environment {
 public:
  using Variables = std::map<std::string, std::string>;
  explicit Environment(Variables variables) : variables_(std::move(variables)) {
    for (const auto& [name, value] : variables_) setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const auto& [name, value] : variables_) unsetenv(name.c_str());
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  Variables variables_;
};

TEST(NoTouchOptionsTest, TheEnvironmentChangesTheDefaults) {
  const Environment environment({{"CHANTRACE_NOTOUCH_POLL_MS", "40"},
                                 {"CHANTRACE_NOTOUCH_TRIGGER_DELTA", "7"},
                                 {"CHANTRACE_NOTOUCH_TRIGGER_CONSECUTIVE", "5"},
                                 {"CHANTRACE_NOTOUCH_TRIGGER_WINDOW_MS", "900"},
                                 {"CHANTRACE_NOTOUCH_COOLDOWN_MS", "0"},
                                 {"CHANTRACE_NOTOUCH_STUCK_MS", "800"},
                                 {"CHANTRACE_NOTOUCH_STUCK_ON", "any"},
                                 {"CHANTRACE_NOTOUCH_PRINT", "off"},
                                 {"CHANTRACE_NOTOUCH_REPORT", "x.json"}});

  const NoTouchOptions options = NoTouchOptions::from_environment();

  EXPECT_EQ(options.poll_interval, milliseconds(40));
  EXPECT_EQ(options.trigger_delta, 7u);
  EXPECT_EQ(options.trigger_consecutive, 5u);
  EXPECT_EQ(options.trigger_window, milliseconds(900));
  EXPECT_EQ(options.cooldown, milliseconds(0));
  EXPECT_EQ(options.stuck_after, milliseconds(800));
  EXPECT_EQ(options.stuck_on, StuckOn::kAnyWait);
  EXPECT_FALSE(options.is_printed);
  EXPECT_EQ(options.report_path, "x.json");
  EXPECT_EQ(options.history_size, NoTouchOptions().history_size);
}

TEST(NoTouchOptionsTest, ABadValueIsToldAndNotUsed) {
  for (const char* const value : {"0", "-5", "12x", " 5", "99999999999999999999", "2000000000"}) {
    const Environment environment(Environment::Variables{{"CHANTRACE_NOTOUCH_POLL_MS", value}});
    testing::internal::CaptureStderr();
    const NoTouchOptions options = NoTouchOptions::from_environment();
    const std::string told = testing::internal::GetCapturedStderr();

    EXPECT_EQ(options.poll_interval, milliseconds(250)) << value;
    EXPECT_THAT(told, HasSubstr("CHANTRACE_NOTOUCH_POLL_MS=" + std::string(value)));
    EXPECT_THAT(told, HasSubstr("milliseconds from 1 to 86400000"));
  }
}

TEST(NoTouchOptionsTest, WhatIsToldIsPrintable) {
  const Environment environment(
      Environment::Variables{{"CHANTRACE_NOTOUCH_POLL_MS", "\x1b[31m\n"}});
  testing::internal::CaptureStderr();
  NoTouchOptions::from_environment();

  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("=\\x1b[31m\\n: expected"));
}

TEST(NoTouchOptionsTest, BadWordsAreTold) {
  const Environment environment(
      {{"CHANTRACE_NOTOUCH_STUCK_ON", "all"}, {"CHANTRACE_NOTOUCH_PRINT", "maybe"}});
  testing::internal::CaptureStderr();
  const NoTouchOptions options = NoTouchOptions::from_environment();

  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              ::testing::AllOf(HasSubstr("locks, any or nothing"), HasSubstr("on or off")));
  EXPECT_EQ(options.stuck_on, StuckOn::kLocks);
  EXPECT_TRUE(options.is_printed);
}

TEST(NoTouchOptionsTest, CodeIsRepairedToo) {
  NoTouchOptions options;
  options.poll_interval = milliseconds(-1);
  options.history_size = 0;
  options.trigger_consecutive = 0;
  options.trigger_window = milliseconds(-1);
  options.stuck_after = milliseconds::max();
  options.trigger_delta = 5;

  const NoTouchOptions good = repaired(options);

  EXPECT_EQ(good.poll_interval, milliseconds(250));
  EXPECT_EQ(good.history_size, 256u);
  EXPECT_EQ(good.trigger_consecutive, 3u);
  EXPECT_EQ(good.trigger_window, milliseconds(3000));
  EXPECT_EQ(good.stuck_after, milliseconds(5000));
  EXPECT_EQ(good.trigger_delta, 5u);
}

TEST(NoTouchReportTest, WithoutAProbeIsDisabledAndHasNoTimesThatNeverWere) {
  const auto json = nlohmann::json::parse(to_json(no_touch_report()));

  EXPECT_EQ(json.at("enabled"), false);
  EXPECT_EQ(json.at("mode"), "disabled");
  EXPECT_FALSE(json.contains("last_trigger_at"));
  EXPECT_FALSE(json.contains("baseline"));
  EXPECT_EQ(json.at("samples"), nlohmann::json::array());
  EXPECT_EQ(json.at("recent_incidents"), nlohmann::json::array());
  EXPECT_EQ(json.at("probe_cpu_ns"), "0");
}

TEST(NoTouchReportTest, HasAllOfAnIncident) {
  NoTouchReport report;
  report.is_enabled = true;
  report.mode = NoTouchMode::kWarmingUp;
  report.last_trigger_at = NoTouchTime(milliseconds(1'700'000'000'123));
  report.samples.push_back({NoTouchTime(milliseconds(-1)), 7, std::nullopt, true});
  NoTouchIncident incident;
  incident.trigger = NoTouchTrigger::kStuck;
  incident.reason = "a \"quoted\" \\ reason\n";
  incident.hotspots.push_back({"lock", "take", {"take", "run"}, {"a.cpp:7"}, 20, true, "accounts"});
  incident.waits.push_back({"lock", "accounts", 20, "thread 8"});
  report.incidents.push_back(incident);

  const auto json = nlohmann::json::parse(to_json(report));

  EXPECT_EQ(json.at("mode"), "warming-up");
  EXPECT_EQ(json.at("last_trigger_at"), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(json.at("samples").at(0).at("time"), "1969-12-31T23:59:59.999Z");
  const auto& found = json.at("recent_incidents").at(0);
  EXPECT_EQ(found.at("trigger"), "stuck");
  EXPECT_EQ(found.at("reason"), "a \"quoted\" \\ reason\\n");
  EXPECT_EQ(found.at("hotspots").at(0).at("count"), 20);
  EXPECT_EQ(found.at("hotspots").at(0).at("persistent"), true);
  EXPECT_EQ(found.at("hotspots").at(0).at("frames"), nlohmann::json({"take", "run"}));
  EXPECT_EQ(found.at("waits").at(0).at("holder"), "thread 8");
  EXPECT_THAT(
      to_text(incident),
      HasSubstr("    20  lock in take at a.cpp:7, all the time\n        on accounts\n"
                "        called from run\n  accounts: 20 threads wait, held by thread 8\n"));
}

}  // namespace
}  // namespace chantrace
