// `chantrace view`, as a user runs it. What the page shows is tested in a browser, in
// view/web/test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "replay/end_to_end.h"
#include "replay/traces.h"

namespace chantrace::replay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(ViewTest, APageHasTheTraceInside) {
  const Folder folder;
  const std::string trace = folder.add(make_leak().finish(false), "leak");

  const Ran ran = folder.run({"view", trace, "--html", "page.html"});

  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out + ran.err, IsEmpty());
  EXPECT_THAT(folder.read("page.html"),
              AllOf(StartsWith("<!doctype html>"), HasSubstr("send(results, 7)"),
                    HasSubstr("default-src 'none'"), Not(HasSubstr("{data}"))));
}

TEST(ViewTest, ThePageOfATraceIsTheSameEachTime) {
  const Folder folder;
  const std::string trace = folder.add(make_leak().finish(false), "leak");

  folder.run({"view", trace, "--html", "one.html"});
  folder.run({"view", trace, "--html", "other.html"});

  EXPECT_EQ(folder.read("one.html"), folder.read("other.html"));
}

TEST(ViewTest, TheTraceItselfIsNotWrittenOver) {
  const Folder folder;
  const std::string trace = folder.add(make_leak().finish(), "leak");
  const std::string before = folder.read(trace);

  const Ran ran = folder.run({"view", trace, "--html", trace});

  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("would be lost"));
  EXPECT_EQ(folder.read(trace), before);
}

TEST(ViewTest, WhatCannotBeDoneIsSaid) {
  const Folder folder;
  const std::string trace = folder.add(make_leak().finish(), "leak");
  folder.add(make_leak().finish(), "other");

  const Ran missing = folder.run({"view", "nothing.chantrace", "--html", "page.html"});
  EXPECT_EQ(missing.status, 3);
  EXPECT_THAT(missing.err, HasSubstr("nothing.chantrace"));
  const Ran nowhere = folder.run({"view", trace, "--html", "no/such/folder/page.html"});
  EXPECT_EQ(nowhere.status, 3);
  EXPECT_THAT(nowhere.err, HasSubstr("cannot write it"));
  EXPECT_EQ(folder.run({"view", trace, "--html", ""}).status, 2);
  EXPECT_EQ(folder.run({"view", trace, "--html", "-"}).status, 2);
  const Ran two = folder.run({"view", ".", "--html", "page.html"});
  EXPECT_EQ(two.status, 2);
  EXPECT_THAT(two.err, HasSubstr("2 traces"));
}

TEST(ViewTest, ATraceThatIsTooLargeForAPageSaysWhatElseThereIs) {
  const Folder folder;
  TraceMaker maker;
  for (int i = 0; i < 500'001; ++i) maker.event(maker.body(), Operation::kYield, 0);
  // Chunks of a reader end elsewhere than a page does.
  const TaskId other = maker.task("other");
  for (int i = 0; i < 100'000; ++i) maker.event(other, Operation::kYield, 0);
  const std::string trace = folder.add(maker.finish(), "large");

  const Ran ran = folder.run({"view", trace, "--html", "page.html"});

  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("500,000"), HasSubstr("without --html")));
  EXPECT_THAT(ran.err, testing::Not(HasSubstr("skipped")));
}

TEST(ViewTest, ServesUntilItIsEnded) {
  const Folder folder;
  folder.add(make_leak().finish(), "one");
  folder.add(make_leak().finish(), "two<b>");

  const Ran ran = folder.run_shell(CHANTRACE_COMMAND R"( view . --port 0 >address &
    while kill -0 $! && ! [ -s address ]; do :; done
    cat address
    kill -TERM $!
    wait $!
    echo "ended with $?")");

  EXPECT_THAT(ran.out, testing::MatchesRegex("http://127\\.0\\.0\\.1:[0-9]+/\nended with 0\n"))
      << ran.err;
}

}  // namespace
}  // namespace chantrace::replay
