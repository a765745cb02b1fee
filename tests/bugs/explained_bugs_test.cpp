// What decides in published bugs, as their authors tell it, is found as what decides.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "bugs/programs.h"
#include "chantrace/detail/race_annotations.h"
#include "chantrace/explore.h"

namespace chantrace::bugs {
namespace {

/// `first` has to come before `second` for the bug to show.
struct Expected {
  const char* program;
  const char* first;
  const char* second;
};

const Expected kExpected[] = {
    {"account", "lock(account) by withdraw", "lock(account) by check"},
    {"bluetooth_driver", "load(is_stopping) by main", "store(is_stopping) by stop"},
    {"cockroach_7504", "lock(cache) by acquirer", "lock(cache) by releaser"},
    {"cve_2009_3547", "lock(pipe) by clearer", "lock(pipe) by user"},
    {"deadlock01", "lock(left) by one", "lock(left) by other"},
    {"dekker", "load(atomic 2) by one", "store(atomic 2) by other"},
    {"grpc_1460", "lock(transport) by keepalive", "lock(transport) by new stream"},
    {"hazard_pointer", "load(hazard) by writer", "store(hazard) by reader"},
    {"lazy01", "lock(data) by two", "lock(data) by check"},
    {"moby_4951", "lock(global) by remover 2", "lock(global) by remover 1"},
    {"published_early", "load(data) by reader", "store(data) by writer"},
    {"reference_count", "load(count) by watcher", "update(count) by owner"},
    {"reorder_3", "load(b) by checker", "store(b) by setter"},
    {"reorder_5", "load(b) by checker", "store(b) by setter"},
    {"sequence_lock", "load(y) by reader", "store(y) by writer"},
    {"stringbuffer", "lock(buffer) by main", "lock(buffer) by eraser"},
    {"treiber_stack", "load(head) by one", "update(head) by other"},
    {"twostage", "lock(second) by reader", "lock(second) by writer"},
    {"wronglock", "load(value) by checker", "store(value) by other"},
};

void (*program_named(const std::string& name))(Variant) {
  for (const Kernel& kernel : kernels())
    if (kernel.name == name) return kernel.run;
  for (const Program& program : sctbench_programs())
    if (program.name == name) return program.run;
  for (const Program& program : lock_free_programs())
    if (program.name == name) return program.run;
  return nullptr;
}

Explanation explain(void (*run)(Variant)) {
  // As long as it takes, also where executions take a hundred times as long.
  const ExploreResult result =
      explore([&] { run(Variant::kFaulty); }, {.schedules = 100'000,
                                               .seed = 1,
                                               .shrink = {.budget = std::chrono::minutes(10)},
                                               .explain = {.budget = std::chrono::minutes(10)}});
  if (!result.first_failure) return {};
  return result.first_failure->explanation.value_or(Explanation{});
}

class ExplainedBugsTest : public ::testing::TestWithParam<Expected> {};

TEST_P(ExplainedBugsTest, NamesTheOrderThatIsKnown) {
#if defined(CHANTRACE_WITH_TSAN)
  GTEST_SKIP() << "faulty programs have races that are reported";
#endif
  const Expected& expected = GetParam();
  const Explanation explanation = explain(program_named(expected.program));

  const auto says = [&](const Deed& deed, const char* what) {
    return (deed.text + " by " + explanation.tasks.at(deed.task)) == what;
  };
  EXPECT_TRUE(std::any_of(explanation.orders.begin(), explanation.orders.end(),
                          [&](const DecisiveOrder& order) {
                            return says(order.first, expected.first) &&
                                   says(order.second, expected.second);
                          }))
      << reasons_to_text(explanation);
}

INSTANTIATE_TEST_SUITE_P(, ExplainedBugsTest, ::testing::ValuesIn(kExpected),
                         [](const auto& test) { return std::string(test.param.program); });

TEST(BugsInEachScheduleTest, HaveNoOrderThatDecides) {
  for (const char* const name : {"cockroach_584", "moby_4395", "cockroach_13755", "moby_29733",
                                 "cockroach_1055", "moby_25384", "grpc_1687", "kubernetes_38669"}) {
    const Explanation explanation = explain(program_named(name));
    EXPECT_TRUE(explanation.orders.empty()) << name << "\n" << reasons_to_text(explanation);
    EXPECT_EQ(explanation.decided_at, 0u) << name;
    EXPECT_GT(explanation.continuations, 0u) << name;
  }
}

}  // namespace
}  // namespace chantrace::bugs
