#include "chantrace/sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "chantrace/session.h"
#include "runtime/collecting_sink.h"

namespace chantrace {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

/// The line without its time, which comes first and depends on the clock and its zone.
std::string line_of(const Event& event) {
  const std::string line = to_log_line(event, false);
  EXPECT_EQ(line[2], ':');
  EXPECT_EQ(line[8], '.');
  return line.substr(13);
}

Event channel_event(Operation operation, Phase phase = Phase::kBoth) {
  Event event;
  event.operation = operation;
  event.phase = phase;
  event.task = TaskId{1};
  event.object = ObjectId{1};
  event.object_kind = ObjectKind::kChannel;
  event.object_name = "jobs";
  event.type = "int";
  event.buffer_size = 1;
  event.buffer_capacity = 4;
  event.site = {"/home/somebody/main.cpp", "main", 12};
  return event;
}

TEST(LogLineTest, ShowsChannels) {
  EXPECT_EQ(line_of(channel_event(Operation::kChannelMake)), "[make] jobs (int) cap=4 main.cpp:12");
  EXPECT_EQ(line_of(channel_event(Operation::kChannelRegister)),
            "[register] jobs (int) cap=4 main.cpp:12");
  EXPECT_EQ(line_of(channel_event(Operation::kClose)), "[close] jobs buf=1/4 main.cpp:12");
}

TEST(LogLineTest, ShowsTransfers) {
  Event send = channel_event(Operation::kSend);
  send.value = "7";
  EXPECT_EQ(line_of(send), "[send✓] jobs ← 7 (int) main.cpp:12");
  send.phase = Phase::kStart;
  EXPECT_EQ(line_of(send), "[send→] jobs ← 7 (int) main.cpp:12");

  EXPECT_EQ(line_of(channel_event(Operation::kReceive, Phase::kStart)),
            "[recv→] jobs (int) main.cpp:12");
  Event receive = channel_event(Operation::kReceive, Phase::kDone);
  receive.value = "7";
  EXPECT_EQ(line_of(receive), "[recv✓] jobs → 7 (int) main.cpp:12");

  EXPECT_EQ(line_of(channel_event(Operation::kRange, Phase::kStart)),
            "[range→] jobs (int) main.cpp:12");
  Event end = channel_event(Operation::kRange, Phase::kDone);
  end.outcome = Outcome::kClosed;
  EXPECT_EQ(line_of(end), "[range-done] jobs done main.cpp:12");
}

TEST(LogLineTest, ShowsSelects) {
  Event select = channel_event(Operation::kSelect);
  select.select_case = 2;
  select.value = "7";
  EXPECT_EQ(line_of(select), "[select✓] case=2 jobs 7 main.cpp:12");

  select.select_case = kNoCase;
  select.value.clear();
  select.outcome = Outcome::kDefault;
  EXPECT_EQ(line_of(select), "[select✓] default main.cpp:12");
  select.outcome = Outcome::kOk;
  select.phase = Phase::kStart;
  EXPECT_EQ(line_of(select), "[select→] main.cpp:12");
}

TEST(LogLineTest, ShowsTasks) {
  Event event;
  event.operation = Operation::kTaskSpawn;
  event.other_task = TaskId{3};
  event.other_label = "worker";
  event.parent = TaskId{1};
  event.site = {"main.cpp", "main", 12};
  EXPECT_EQ(line_of(event), "[go-spawn] worker g=3 parent=1 main.cpp:12");

  event.operation = Operation::kTaskEnd;
  EXPECT_EQ(line_of(event), "[go-exit] worker g=3 main.cpp:12");
}

TEST(LogLineTest, ShowsLosses) {
  Event event;
  event.lost = 17;

  EXPECT_EQ(line_of(event), "[trace-lost] 17 events dropped from backend dispatch");
}

TEST(LogLineTest, SaysWhoseItIs) {
  Event event = channel_event(Operation::kClose);
  event.task_label = "worker";

  EXPECT_THAT(line_of(event), HasSubstr("@worker"));
}

TEST(LogLineTest, EscapesControlCharacters) {
  Event event = channel_event(Operation::kSend);
  event.value = "a\nb\033[31mc\x7f";
  event.object_name = "na\rme";

  const std::string line = to_log_line(event, false);

  EXPECT_THAT(line, HasSubstr("a\\nb\\x1b[31mc\\x7f"));
  EXPECT_THAT(line, HasSubstr("na\\rme"));
  EXPECT_EQ(line.find('\033'), std::string::npos);
}

TEST(LogLineTest, ColoursWhenAsked) {
  const auto color_of = [](Operation operation) {
    const std::string line = to_log_line(channel_event(operation), true);
    const std::size_t tag = line.find('[' + std::string(to_string(operation)));
    return line.substr(tag - 5, 5);
  };

  EXPECT_EQ(color_of(Operation::kChannelMake), "\033[33m");
  EXPECT_EQ(color_of(Operation::kSend), "\033[32m");
  EXPECT_EQ(color_of(Operation::kReceive), "\033[34m");
  EXPECT_EQ(color_of(Operation::kClose), "\033[31m");
  EXPECT_EQ(color_of(Operation::kSelect), "\033[35m");
  EXPECT_THAT(to_log_line(channel_event(Operation::kClose), true), HasSubstr("\033[1mjobs\033[0m"));
}

/// What the log sink writes to a terminal.
std::string on_terminal(Color color) {
  int master = -1;
  int slave = -1;
  if (openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) return {};
  make_log_sink(slave, color)->handle(channel_event(Operation::kClose));
  char text[512];
  const ssize_t size = read(master, text, sizeof text);
  close(master);
  close(slave);
  return std::string(text, size > 0 ? static_cast<std::size_t>(size) : 0);
}

TEST(LogSinkTest, HonoursNoColor) {
  unsetenv("NO_COLOR");
  EXPECT_THAT(on_terminal(Color::kAuto), HasSubstr("\033["));
  EXPECT_THAT(on_terminal(Color::kNever), Not(HasSubstr("\033[")));

  setenv("NO_COLOR", "1", 1);
  EXPECT_THAT(on_terminal(Color::kAuto), Not(HasSubstr("\033[")));
  EXPECT_THAT(on_terminal(Color::kAlways), HasSubstr("\033["));

  setenv("NO_COLOR", "", 1);
  EXPECT_THAT(on_terminal(Color::kAuto), HasSubstr("\033["));
  unsetenv("NO_COLOR");
}

TEST(LogSinkTest, WritesPlainLinesToAPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  make_log_sink(ends[1])->handle(channel_event(Operation::kClose));
  char text[512];
  const ssize_t size = read(ends[0], text, sizeof text);
  close(ends[0]);
  close(ends[1]);

  ASSERT_GT(size, 13);
  EXPECT_EQ(std::string(text + 13, static_cast<std::size_t>(size) - 13),
            "[close] jobs buf=1/4 main.cpp:12\n");
}

TEST(LogSinkTest, DoesNotMindAClosedDescriptor) {
  make_log_sink(-1)->handle(channel_event(Operation::kClose));
}

TEST(SinkFactoryTest, MakesSinksByName) {
  std::string argument;
  register_sink_factory("probe", [&](const std::string& text) {
    argument = text;
    return std::make_shared<CollectingSink>();
  });

  EXPECT_THAT(sink_factory_names(), Contains("probe"));
  EXPECT_NE(make_sink("probe", "somewhere"), nullptr);
  EXPECT_EQ(argument, "somewhere");
  EXPECT_EQ(make_sink("unheard of", ""), nullptr);

  register_sink_factory("probe", [&](const std::string&) {
    argument = "replaced";
    return std::make_shared<CollectingSink>();
  });
  make_sink("probe", "");
  EXPECT_EQ(argument, "replaced");
}

TEST(OptionsTest, TextSaysWhetherAnythingIsWanted) {
  Options options;
  for (const char* const nothing : {"", "0", "off", "OFF", "no", "FALSE", "false", " off ", ",,"})
    EXPECT_FALSE(Options::from_text(nothing, options)) << nothing;
  for (const char* const something :
       {"1", "on", "yes", "True", "log", "LOG", "trace", "trace=/tmp/x", "off,log", " log , 0"})
    EXPECT_TRUE(Options::from_text(something, options)) << something;
}

TEST(OptionsTest, TextNamesRegisteredSinks) {
  std::string argument;
  register_sink_factory("probe", [&](const std::string& text) {
    argument = text;
    return std::make_shared<CollectingSink>();
  });
  Options options;

  EXPECT_TRUE(Options::from_text("probe=localhost:80=x", options));
  EXPECT_EQ(argument, "localhost:80=x");
  EXPECT_TRUE(Options::from_text("probe", options));
  EXPECT_EQ(argument, "");
}

TEST(OptionsTest, UnknownWordsAreReported) {
  Options options;
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(Options::from_text("lgo", options));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("lgo"));

  ::testing::internal::CaptureStderr();
  options.sink_named("unheard of");
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("unheard of"));
}

}  // namespace
}  // namespace chantrace
