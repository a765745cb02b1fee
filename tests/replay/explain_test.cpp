// What `chantrace explain` makes of an explanation that nobody can be trusted with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/end_to_end.h"
#include "replay/traces.h"

namespace chantrace::replay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Explanation many_steps() {
  Explanation explanation;
  explanation.tasks = {"main"};
  explanation.deeds.resize(30);
  for (std::size_t i = 0; i < explanation.deeds.size(); ++i) {
    explanation.deeds[i].step = i + 1;
    explanation.deeds[i].text = "send(jobs)";
  }
  explanation.nearby = explanation.failed_nearby = explanation.continuations = 200;
  return explanation;
}

Ran explain(const Explanation& explanation) {
  const Folder folder;
  TraceMaker maker;
  Trace trace = maker.finish(false);
  trace.end->explanation = explanation;
  folder.add(trace, "failed");
  return folder.run_shell("chantrace explain failed.chantrace 2>&1");
}

TEST(ExplainCommandTest, AStepThatIsNotThereIsNoReason) {
  Explanation explanation = many_steps();
  explanation.decided_at = 30;
  EXPECT_THAT(explain(explanation).out, HasSubstr("decided at step 30, send(jobs) by main"));

  explanation.decided_at = 100'000'000;
  const Ran ran = explain(explanation);
  EXPECT_LT(ran.status, 128) << ran.out;
  EXPECT_THAT(ran.out, Not(HasSubstr("decided at")));
}

TEST(ExplainCommandTest, NoTextReachesTheTerminalAsItIs) {
  const std::string evil = "\x1b]0;title\x07";
  Explanation explanation;
  explanation.tasks = {evil};
  Deed deed;
  deed.step = 1;
  deed.text = deed.preempted = deed.site.file = evil;
  deed.site.line = 1;
  explanation.deeds = {deed};
  explanation.orders = {{deed, deed, 0, 200}};
  explanation.choices = {{deed, evil, 0, 200}};
  explanation.decided_at = 1;
  explanation.continuations = 200;

  const Ran ran = explain(explanation);

  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("\\x1b]0;title"), Not(HasSubstr("\x1b]0")), Not(HasSubstr("\x07"))));
}

}  // namespace
}  // namespace chantrace::replay
