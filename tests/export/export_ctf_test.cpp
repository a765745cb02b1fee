// The Common Trace Format, as babeltrace2 reads it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "export/exported.h"
#include "replay/end_to_end.h"

namespace chantrace::replay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Exports `trace` and reads that.
Ran read_back(const Trace& trace) {
  const Folder folder;
  folder.add(trace, "a");
  return folder.run_shell(
      "chantrace export a.chantrace --format ctf -o a.ctf && babeltrace2 --clock-seconds a.ctf");
}

TEST(ExportCtfTest, HasAnEventForEachRecord) {
  const Trace trace = make_loop(5'000).finish();

  const Ran ran = read_back(trace);

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.err, IsEmpty());
  EXPECT_EQ(lines_in(ran.out), trace.events_count());
}

TEST(ExportCtfTest, EventsSayAllThatARecordHas) {
  EXPECT_THAT(
      read_back(make_leak().finish()).out,
      AllOf(HasSubstr("[1700000000.000006000]"),
            HasSubstr(") recv: { step = 8, task_id = 3, task = \"collector\", phase = ( \"done\" "
                      ": container = 2 ), outcome = ( \"ok\" : container = 0 ), object_id = 1, "
                      "object = \"results\", sequence = 4, value = \"7\", number = 7, detail = 0, "
                      "file = \"/home/me/pool/pool.cpp\", line = 109, function = \"run\" }")));
}

TEST(ExportCtfTest, AStepOfAControlledRunIsAMicrosecond) {
  Trace trace = make_leak().finish();
  trace.header.is_controlled = true;

  EXPECT_THAT(read_back(trace).out, HasSubstr("[0.000006000]"));
}

TEST(ExportCtfTest, WhatWasLostIsCountedAsDiscarded) {
  const Trace trace = make_lossy();

  const Ran ran = read_back(trace);

  EXPECT_EQ(lines_in(ran.out), trace.events_count());
  EXPECT_THAT(ran.err, AllOf(HasSubstr("Tracer discarded 3 events"),
                             HasSubstr("Tracer discarded 2 events")));
}

TEST(ExportCtfTest, TakesWhateverTheNames) {
  const Trace trace = make_hostile();

  const Ran ran = read_back(trace);

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.err, IsEmpty());
  EXPECT_EQ(lines_in(ran.out), trace.events_count());
  EXPECT_LT(ran.out.size(), 100'000u);
}

TEST(ExportCtfTest, TakesATraceOfNothing) {
  Trace trace;
  trace.header.format_version = kTraceFormatVersion;

  const Ran ran = read_back(trace);

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.err, IsEmpty());
  EXPECT_THAT(ran.out, IsEmpty());
}

TEST(ExportCtfTest, TakesOperationsOfLaterVersions) {
  TraceMaker maker = make_leak();
  maker.event(maker.body(), Operation{200}, 0);

  EXPECT_THAT(read_back(maker.finish()).out, HasSubstr("unknown 200: { step = 11"));
}

TEST(ExportCtfTest, NeedsAFolderOfItsOwn) {
  const Folder folder;
  folder.add(make_leak().finish(), "a");
  folder.add_bytes("mine", "file");

  const Ran nowhere = folder.run({"export", "a.chantrace", "--format", "ctf"});
  const Ran on_a_file = folder.run({"export", "a.chantrace", "--format", "ctf", "-o", "file"});
  const Ran among_others = folder.run({"export", "a.chantrace", "--format", "ctf", "-o", "."});

  EXPECT_EQ(nowhere.status, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("ctf is a folder of files; name it with --output"));
  EXPECT_EQ(on_a_file.status, 3);
  EXPECT_EQ(folder.read("file"), "mine");
  EXPECT_EQ(among_others.status, 3);
  EXPECT_THAT(among_others.err, HasSubstr("there are other files in it"));
}

TEST(ExportCtfTest, DoesNotReplaceTheTraceItself) {
  const Folder folder;
  folder.add(make_leak().finish(), "a");
  folder.run_shell("mkdir ctf && mv a.chantrace ctf/stream");

  const Ran ran = folder.run({"export", "ctf/stream", "--format", "ctf", "-o", "ctf"});

  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("the trace itself"));
  EXPECT_EQ(folder.run({"export", "ctf/stream"}).status, 0);
}

TEST(ExportCtfTest, ReplacesAnOlderOne) {
  const Folder folder;
  folder.add(make_loop(100).finish(), "long");
  folder.add(make_leak().finish(), "a");
  folder.run({"export", "long.chantrace", "--format", "ctf", "-o", "ctf"});

  const Ran ran =
      folder.run_shell("chantrace export a.chantrace --format ctf -o ctf && babeltrace2 ctf");

  EXPECT_EQ(lines_in(ran.out), 10u);
}

}  // namespace
}  // namespace chantrace::replay
