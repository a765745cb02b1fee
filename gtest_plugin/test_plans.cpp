#include "test_plans.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "chantrace/explore_test.h"

namespace chantrace {
namespace {

/// As macros name it, without the spaces that a formatter puts into "Some/Suite.Test/0"; whether it
/// is disabled is no part of its name.
std::string name_of(std::string name) {
  constexpr std::string_view kDisabled = "DISABLED_";
  std::erase(name, ' ');
  if (name.starts_with(kDisabled)) name.erase(0, kDisabled.size());
  for (const char before : {'.', '/'}) {
    const std::size_t at = name.find(before + std::string(kDisabled));
    if (at != std::string::npos) name.erase(at + 1, kDisabled.size());
  }
  return name;
}

/// There before any test of another file is.
std::map<std::string, TestPlan, std::less<>>& plans() {
  static std::map<std::string, TestPlan, std::less<>> all;
  return all;
}

bool is_listening = false;

/// When all tests are known: nobody would miss a schedule that does not run.
class KeptSchedules final : public testing::Environment {
 public:
  void SetUp() override {
    std::set<std::string> tests;
    const testing::UnitTest& program = *testing::UnitTest::GetInstance();
    for (int i = 0; i < program.total_test_suite_count(); ++i) {
      const testing::TestSuite& suite = *program.GetTestSuite(i);
      for (int j = 0; j < suite.total_test_count(); ++j)
        tests.insert(name_of(std::string(suite.name()) + "." + suite.GetTestInfo(j)->name()));
    }
    for (const auto& [name, plan] : plans())
      for (const KeptSchedule& kept : plan.kept) {
        if (!is_listening)
          ADD_FAILURE_AT(kept.file.c_str(), kept.line)
              << "chantrace: nothing runs this schedule: link chantrace::gtest_main, or call "
                 "chantrace::install_listener in main";
        else if (!tests.contains(name))
          ADD_FAILURE_AT(kept.file.c_str(), kept.line)
              << "chantrace: there is no test " << name << ", for which this schedule is kept";
      }
  }
};

}  // namespace

namespace detail {

bool set_explore_options(const char* test, const ExploreOptions& options) {
  plans()[name_of(test)].options = options;
  return true;
}

bool set_test_inputs(const char* test, TestInputs& inputs) {
  plans()[name_of(test)].inputs = &inputs;
  return true;
}

bool keep_schedule(const char* test, const char* token, const char* file, int line,
                   std::function<void()> prepare) {
  static const testing::Environment* const checked =
      testing::AddGlobalTestEnvironment(new KeptSchedules);  // GoogleTest deletes it.
  static_cast<void>(checked);
  const std::string path = file;
  plans()[name_of(test)].kept.push_back(
      {token, path.substr(path.rfind('/') + 1) + ":" + std::to_string(line), path, line,
       std::move(prepare)});
  return true;
}

bool explores_tests() { return is_listening; }

}  // namespace detail

const TestPlan* find_test_plan(const std::string& test) {
  const auto plan = plans().find(name_of(test));
  return plan != plans().end() ? &plan->second : nullptr;
}

void note_listener() { is_listening = true; }

}  // namespace chantrace
