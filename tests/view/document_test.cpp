// What the page is given.
#include "web/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "replay/traces.h"

namespace chantrace::view {
namespace {

using nlohmann::json;
using replay::TraceMaker;
using testing::HasSubstr;
using testing::Not;

json document_of(const Trace& trace) { return json::parse(to_document(trace, analyze(trace), "")); }

/// The columns of a table have one length.
void expect_table(const json& document, const std::string& name) {
  std::set<std::size_t> sizes;
  for (const json& column : document[name]) sizes.insert(column.size());
  EXPECT_EQ(sizes.size(), 1u) << name;
}

TEST(DocumentTest, TablesAreWholeAndNumbersNameWhatIsThere) {
  const json document = document_of(replay::make_leak().finish(false));

  for (const char* table : {"steps", "spans", "links", "changes"}) expect_table(document, table);
  EXPECT_EQ(document["verdict"], "failed");
  for (const json& word : document["steps"]["word"])
    EXPECT_LT(word.get<std::size_t>(), document["words"].size());
  for (const json& task : document["steps"]["task"])
    EXPECT_LT(task.get<std::size_t>(), document["tasks"].size());
  for (const json& object : document["changes"]["object"])
    EXPECT_LT(object.get<std::size_t>(), document["objects"].size());
}

TEST(DocumentTest, AnEmptyTraceIsOne) {
  const json document = document_of(Trace());

  EXPECT_EQ(document["verdict"], "incomplete");
  EXPECT_EQ(document["steps"]["task"].size(), 0u);
}

TEST(DocumentTest, FindingsPointToWhereTasksAreStuck) {
  TraceMaker maker("Transfer");
  const std::uint32_t mu = maker.object(ObjectKind::kMutex, "mu");
  const std::uint32_t nu = maker.object(ObjectKind::kMutex, "nu");
  const TaskId left = maker.task("left");
  const TaskId right = maker.task("right");
  maker.event(left, Operation::kLock, mu, {.line = 61});
  maker.event(right, Operation::kLock, nu, {.line = 71});
  maker.event(left, Operation::kLock, nu, {.phase = Phase::kStart, .line = 62});
  maker.event(right, Operation::kLock, mu, {.phase = Phase::kStart, .line = 72});

  const json document = document_of(maker.finish(false));

  ASSERT_GE(document["findings"].size(), 1u);
  const json& deadlock = document["findings"][0];
  EXPECT_EQ(deadlock["kind"], "deadlock");
  EXPECT_EQ(deadlock["cycle"], true);
  std::set<std::string> words;
  for (const json& step : deadlock["steps"]) {
    const std::size_t at = step.get<std::size_t>() - 1;
    EXPECT_EQ(document["steps"]["phase"][at], 1) << "it parks there";
    words.insert(document["words"][document["steps"]["word"][at].get<std::size_t>()]);
  }
  EXPECT_EQ(words, (std::set<std::string>{"lock(mu)", "lock(nu)"}));
}

TEST(DocumentTest, AFindingOfAMisuseIsWhereThatWas) {
  TraceMaker maker("Misuse");
  const std::uint32_t values = maker.channel("values", 1);
  maker.event(maker.body(), Operation::kClose, values, {.line = 40});
  maker.event(maker.body(), Operation::kSend, values, {.outcome = Outcome::kMisuse, .line = 41});
  maker.event(maker.body(), Operation::kYield, 0, {.line = 42});

  const json document = document_of(maker.finish(false));

  const json& finding = document["findings"].at(0);
  EXPECT_EQ(finding["kind"], "send_on_closed");
  EXPECT_EQ(finding["steps"], json({3}));
}

TEST(DocumentTest, NoTextEndsTheScriptThatItStandsIn) {
  TraceMaker maker("</script><!--");
  maker.file = "/<script>/a.cpp";
  maker.channel("</SCRIPT ><script>alert(1)", 1);
  maker.task("\xff\xfe<!--<script>");

  const std::string text = to_document(maker.finish(), {}, "");

  EXPECT_THAT(text, Not(HasSubstr("<")));
  EXPECT_EQ(json::parse(text)["title"], "</script><!--");
}

}  // namespace
}  // namespace chantrace::view
