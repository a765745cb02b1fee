// Timelines and graphs, held against what they are made of and, for Perfetto and Graphviz, the
// programs that read them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "export/exported.h"
#include "replay/end_to_end.h"

namespace chantrace::replay {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<json> events_of(const Trace& trace, std::string_view phase) {
  std::vector<json> events;
  const json chrome = json::parse(exported(write_chrome, trace));
  for (const json& event : chrome["traceEvents"])
    if (event["ph"] == phase) events.push_back(event);
  return events;
}

std::vector<std::string> names_of(const std::vector<json>& events) {
  std::vector<std::string> names;
  for (const json& event : events) names.push_back(event["name"]);
  return names;
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size())
    ++found;
  return found;
}

/// `trace` as Perfetto's own definition of its messages reads it.
std::string decoded(const Trace& trace) {
  const Folder folder;
  folder.add(trace, "a");
  const Ran ran = folder.run_shell(
      "chantrace export a.chantrace --format perfetto | protoc -I " CHANTRACE_PROTOS
      " --decode perfetto.protos.Trace perfetto.proto");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  return ran.out;
}

/// `trace` as Graphviz draws it.
std::string drawn(const Trace& trace) {
  const Folder folder;
  folder.add(trace, "a");
  const Ran ran = folder.run_shell("chantrace export a.chantrace --format dot | dot -Tsvg");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  return ran.out;
}

TEST(ExportChromeTest, HasASliceForEachWaitAndAnInstantForEachOtherOperation) {
  const Trace trace = make_leak().finish();

  const std::vector<json> slices = events_of(trace, "X");

  ASSERT_EQ(slices.size(), 2u);
  EXPECT_EQ(slices[0]["name"], "recv(results)");
  EXPECT_EQ(slices[0]["cat"], "channel");
  EXPECT_EQ(slices[0]["ts"], 6.0);
  EXPECT_EQ(slices[0]["dur"], 2.0);
  EXPECT_EQ(slices[0]["args"]["value"], "7");
  EXPECT_EQ(slices[0]["args"]["place"], "pool.cpp:109");
  EXPECT_EQ(slices[0]["args"]["step"], 6);
  EXPECT_EQ(slices[0]["args"]["until step"], 8);
  EXPECT_THAT(
      names_of(events_of(trace, "i")),
      ElementsAre("make(results)", "go worker-2", "begin", "go collector", "begin", "send(results)",
                  "end", "worker-2 leaked, blocked for ever in send on \"results\" (certain)"));
}

TEST(ExportChromeTest, WhatIsBlockedForEverSaysSoAndRunsToTheEnd) {
  const std::vector<json> slices = events_of(make_leak().finish(), "X");

  EXPECT_EQ(slices[1]["name"], "send(results): blocked for ever");
  EXPECT_EQ(slices[1]["cat"], "channel,blocked");
  EXPECT_EQ(slices[1]["ts"].get<double>() + slices[1]["dur"].get<double>(), 11.0);
}

TEST(ExportChromeTest, WhatWasCutOffIsNotBlockedForEver) {
  const Trace trace = make_leak().cut_off();

  EXPECT_EQ(events_of(trace, "X")[1]["name"], "send(results)");
  EXPECT_THAT(names_of(events_of(trace, "i")),
              testing::Contains(HasSubstr("the trace is incomplete")));
}

TEST(ExportChromeTest, NamesItsTracksInTheOrderOfTheTree) {
  std::vector<std::string> names;
  for (const json& event : events_of(make_deadlock().finish(), "M"))
    if (event["name"] != "thread_sort_index") names.push_back(event["args"]["name"]);

  EXPECT_THAT(names, ElementsAre("Bank.Transfers", "main", "left", "right"));
}

TEST(ExportChromeTest, AFlowLeadsFromEachValueToWhoGotIt) {
  const Trace trace = make_loop(3).finish();

  const std::vector<json> from = events_of(trace, "s");
  const std::vector<json> to = events_of(trace, "f");

  EXPECT_THAT(names_of(from), ElementsAre("spawn", "spawn", "value", "value", "value"));
  EXPECT_THAT(names_of(to), ElementsAre("spawn", "spawn", "value", "value", "value"));
  EXPECT_EQ(from[2]["tid"], 2);
  EXPECT_EQ(to[2]["tid"], 3);
  EXPECT_EQ(from[2]["id"], to[2]["id"]);
  EXPECT_LT(from[2]["ts"], to[2]["ts"]);
}

TEST(ExportChromeTest, CountsTheValuesInAChannel) {
  std::vector<int> counts;
  for (const json& event : events_of(make_loop(2).finish(), "C")) {
    EXPECT_EQ(event["name"], "jobs: values");
    counts.push_back(event["args"]["count"]);
  }

  EXPECT_THAT(counts, ElementsAre(1, 0, 1, 0));
}

TEST(ExportChromeTest, AStepOfAControlledRunIsAMicrosecond) {
  Trace trace = make_leak().finish();
  trace.header.is_controlled = true;

  EXPECT_EQ(events_of(trace, "X")[0]["ts"], 6.0);
  EXPECT_EQ(events_of(trace, "M")[0]["args"]["name"], "Pool.ShutsDown (a step is 1 us)");
}

TEST(ExportChromeTest, TimeNeverGoesBack) {
  Trace trace = make_loop(20).finish();
  trace.streams[2].events[3].time = 0;
  trace.streams[1].events[7].time += 1'000'000;

  double last = 0;
  const json chrome = json::parse(exported(write_chrome, trace));
  for (const json& event : chrome["traceEvents"]) {
    if (!event.contains("ts")) continue;
    EXPECT_GE(event["ts"], last);
    last = event["ts"];
  }
  EXPECT_GT(last, 1'000.0);
}

TEST(ExportChromeTest, TellsWhatWasLostWhereItWasLost) {
  std::vector<json> lost;
  for (const json& event : events_of(make_lossy(), "i"))
    if (event["cat"] == "lost") lost.push_back(event);

  ASSERT_THAT(names_of(lost), ElementsAre("3 events lost", "2 events lost"));
  EXPECT_EQ(lost[0]["tid"], 2);
  EXPECT_EQ(lost[1]["tid"], 3);
  EXPECT_LT(lost[0]["ts"], lost[1]["ts"]);
}

TEST(ExportChromeTest, HostileNamesStandAsText) {
  const std::string text = exported(write_chrome, make_hostile());

  EXPECT_LT(text.size(), 100'000u);
  const json chrome = json::parse(text);
  EXPECT_THAT(chrome["traceEvents"][0]["args"]["name"].get<std::string>(),
              AllOf(HasSubstr("end;\\n#\"'\\"), HasSubstr("\\x1b[31m")));
}

TEST(ExportPerfettoTest, IsReadByItsDefinitionWithoutAnythingLeftOver) {
  const std::string text = decoded(make_leak().finish());

  // What the definition does not know stands as a bare number.
  EXPECT_THAT(text, Not(testing::ContainsRegex("\n *[0-9]+[:{ ]")));
  EXPECT_EQ(count(text, "packet {"), count(text, "trusted_packet_sequence_id: 1"));
  EXPECT_EQ(count(text, "sequence_flags: 1\n"), 1u);
  EXPECT_EQ(count(text, "sequence_flags: 2\n"), count(text, "packet {") - 1);
}

TEST(ExportPerfettoTest, HasATrackForEachTaskAndTheProcess) {
  const std::string text = decoded(make_deadlock().finish());

  EXPECT_THAT(text, HasSubstr("process_name: \"Bank.Transfers\""));
  EXPECT_THAT(text, HasSubstr("cmdline: \"/home/me/pool/build/pool_test\""));
  for (const char* name : {"main", "left", "right"})
    EXPECT_THAT(text, HasSubstr("thread_name: \"" + std::string(name) + "\""));
  EXPECT_EQ(count(text, "parent_uuid: 1\n"), 3u);
}

TEST(ExportPerfettoTest, SlicesBeginAndEndAndNamesAreWrittenOnce) {
  const std::string text = decoded(make_leak().finish());

  EXPECT_EQ(count(text, "TYPE_SLICE_BEGIN"), 2u);
  EXPECT_EQ(count(text, "TYPE_SLICE_END"), 2u);
  EXPECT_EQ(count(text, "name: \"recv(results)\""), 1u);
  EXPECT_EQ(count(text, "name: \"send(results): blocked for ever\""), 1u);
  EXPECT_EQ(count(text, "name: \"begin\""), 1u);
  EXPECT_THAT(text, HasSubstr("string_value: \"pool.cpp:109\""));
  EXPECT_THAT(text, HasSubstr("timestamp: 6000\n"));
}

TEST(ExportPerfettoTest, FlowsAndCountersAreThere) {
  const std::string text = decoded(make_loop(3).finish());

  EXPECT_EQ(count(text, " flow_ids: "), 5u);
  EXPECT_EQ(count(text, " terminating_flow_ids: "), 5u);
  EXPECT_EQ(count(text, "TYPE_COUNTER"), 6u);
  EXPECT_EQ(count(text, "unit: UNIT_COUNT"), 1u);
  EXPECT_THAT(text, HasSubstr("name: \"jobs: values\""));
  EXPECT_EQ(count(text, "counter_value: 1"), 3u);
}

TEST(ExportPerfettoTest, TellsWhatWasLost) {
  EXPECT_THAT(decoded(make_lossy()),
              AllOf(HasSubstr("name: \"3 events lost\""), HasSubstr("name: \"2 events lost\"")));
}

TEST(ExportPerfettoTest, HostileNamesAreCut) {
  const std::string text = decoded(make_hostile());

  EXPECT_LT(text.size(), 100'000u);
  EXPECT_THAT(text, HasSubstr("yyyyyyyyyy"));
}

TEST(ExportDotTest, ADeadlockIsACircleInRed) {
  const Trace trace = make_deadlock().finish();

  const std::string text = exported(write_dot, trace);

  EXPECT_EQ(count(text, "color=red, fontcolor=red, style=bold"), 4u);
  for (const char* edge : {"t2 -> o2", "o2 -> t3", "t3 -> o1", "o1 -> t2"})
    EXPECT_THAT(text, HasSubstr(edge));
  EXPECT_THAT(text, HasSubstr("label=\"held\\nsince pool.cpp:50\""));
  EXPECT_THAT(drawn(trace),
              AllOf(HasSubstr(">left<"), HasSubstr(">lock(to)<"), HasSubstr("stroke=\"red\"")));
}

TEST(ExportDotTest, WhoLeakedLeadsToThoseThatCouldHaveHelped) {
  const std::string text = exported(write_dot, make_leak().finish());

  EXPECT_THAT(text, AllOf(HasSubstr("t2 -> o1 [label=\"send\"]"),
                          HasSubstr("o1 -> t3 [label=\"has received\", style=dashed]"),
                          HasSubstr("has ended"), Not(HasSubstr("color=red"))));
}

TEST(ExportDotTest, ACleanTraceSaysSo) {
  EXPECT_THAT(drawn(make_loop(3).finish()),
              AllOf(HasSubstr("no task waits at the end"), HasSubstr("nothing to report")));
}

TEST(ExportDotTest, SaysWhatIsNotKnown) {
  EXPECT_THAT(exported(write_dot, make_lossy()), HasSubstr("5 events lost"));
  EXPECT_THAT(exported(write_dot, make_leak().cut_off()), HasSubstr("the recording was cut off"));
}

TEST(ExportDotTest, OfManyDrawsThoseOfFindings) {
  TraceMaker maker = make_deadlock();
  const std::uint32_t channel = maker.channel("never");
  for (int i = 0; i < 500; ++i) maker.receive(maker.task("waiter"), channel, 0, Phase::kStart, 70);

  const std::string text = exported(write_dot, maker.finish());

  EXPECT_THAT(text, HasSubstr("442 more tasks that wait are not shown"));
  EXPECT_EQ(count(text, "style=bold"), 4u);
}

TEST(ExportDotTest, HostileNamesStandAsText) {
  const std::string svg = drawn(make_hostile());

  EXPECT_LT(svg.size(), 100'000u);
  EXPECT_THAT(svg, AllOf(HasSubstr("end;\\n#&quot;"), Not(HasSubstr("<b>"))));

  TraceMaker maker("&#27;&#8238;");
  maker.event(maker.task("&lt;"), Operation::kLock, maker.object(ObjectKind::kMutex, "&#10;"),
              {.phase = Phase::kStart, .line = 1});
  EXPECT_THAT(drawn(maker.finish(false)),
              AllOf(HasSubstr(">&amp;#27;&amp;#8238;<"), HasSubstr(">&amp;lt;<"),
                    HasSubstr(">&amp;#10;<"), Not(HasSubstr("\x1b"))));
}

TEST(ExportTest, StopsWhenNoMoreIsWanted) {
  const Trace trace = make_loop(1'000).finish();
  const auto pieces_until = [&](int most, const auto& write) {
    int pieces = 0;
    write(trace, "", [&](std::string_view) { return ++pieces < most; });
    return pieces;
  };
  const auto mermaid = [](const Trace& one, std::string_view title, const LineSink& sink) {
    write_mermaid(one, title, {}, sink);
  };

  for (const int most : {1, 3, 20}) {
    EXPECT_EQ(pieces_until(most, write_perfetto), most);
    EXPECT_EQ(pieces_until(most, write_chrome), most);
    EXPECT_EQ(pieces_until(most, mermaid), most);
  }
  EXPECT_EQ(pieces_until(1, write_dot), 1);
}

TEST(ExportTest, AReaderThatGoesAwayIsNoError) {
  const Folder folder;
  folder.add(make_loop(20'000).finish(), "a");

  for (const std::string format : {"perfetto", "chrome", "mermaid", "dot"}) {
    const Ran ran = folder.run_shell("{ chantrace export a.chantrace --format " + format +
                                     "; echo $? >&2; } | head -c 100 > /dev/null");
    EXPECT_EQ(ran.err, "0\n") << format;
  }
}

TEST(ExportTest, BinaryFormatsAreNotWrittenToATerminal) {
  const Folder folder;
  folder.add(make_leak().finish(), "a");

  for (const std::string format : {"perfetto", "capnp"}) {
    const Ran ran =
        folder.run_shell("script -qec '" CHANTRACE_COMMAND " export a.chantrace --format " +
                         format + "' /dev/null < /dev/null");
    EXPECT_EQ(ran.status, 2) << format;
    EXPECT_THAT(ran.out, HasSubstr("write it to a file with --output")) << format;
  }
}

TEST(ExportTest, DiagramOptionsAreForDiagrams) {
  const Folder folder;
  folder.add(make_leak().finish(), "a");

  const Ran ran = folder.run({"export", "a.chantrace", "--format", "dot", "--task", "main"});

  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("are for mermaid"));
}

TEST(ExportTest, ANumberIsAWholeOne) {
  const Folder folder;
  folder.add(make_leak().finish(), "a");

  for (const std::string number : {"-1", "1e3", "2.5", "0x10", "99999999999999999999"}) {
    const Ran ran = folder.run({"export", "a.chantrace", "--format", "mermaid", "--rows", number});
    EXPECT_EQ(ran.status, 2) << number;
    EXPECT_THAT(ran.err, HasSubstr("\"" + number + "\" is no whole number, or too large\n"));
  }
}

TEST(ExportTest, TakesATraceOfNothing) {
  const Folder folder;
  Trace trace;
  trace.header.format_version = kTraceFormatVersion;
  folder.add(trace, "empty");

  for (const std::string format : {"perfetto", "chrome", "mermaid", "dot"}) {
    const Ran ran = folder.run({"export", "empty.chantrace", "--format", format});
    EXPECT_EQ(ran.status, 0) << format;
    EXPECT_NE(ran.out, "") << format;
  }
  EXPECT_TRUE(json::accept(folder.run({"export", "empty.chantrace", "--format", "chrome"}).out));
  EXPECT_THAT(drawn(trace), HasSubstr("no task waits at the end"));
}

}  // namespace
}  // namespace chantrace::replay
