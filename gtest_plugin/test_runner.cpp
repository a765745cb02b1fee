#include "test_runner.h"

#include <gtest/gtest-spi.h>

#include <exception>
#include <memory>

#include "chantrace/task.h"

namespace chantrace {
namespace {

/// Gives out members that are not public, which an explicit instantiation may name.
///
/// Source: C++20, [temp.spec.general]: usual access checking rules do not apply there.
template <auto member, typename Key>
struct Access {
  friend constexpr auto member_of(Key) { return member; }
};

struct FactoryKey {
  friend constexpr auto member_of(FactoryKey);
};
struct SetUpKey {
  friend constexpr auto member_of(SetUpKey);
};
struct TestBodyKey {
  friend constexpr auto member_of(TestBodyKey);
};
struct TearDownKey {
  friend constexpr auto member_of(TearDownKey);
};
template struct Access<&testing::TestInfo::factory_, FactoryKey>;
template struct Access<&testing::Test::SetUp, SetUpKey>;
template struct Access<&testing::Test::TestBody, TestBodyKey>;
template struct Access<&testing::Test::TearDown, TearDownKey>;

bool has_any(const testing::TestPartResultArray& results,
             bool (testing::TestPartResult::*is_so)() const) {
  for (int i = 0; i < results.size(); ++i)
    if ((results.GetTestPartResult(i).*is_so)()) return true;
  return false;
}

/// Calls `part`. False: an exception left it that GoogleTest would report.
template <typename Part>
bool call(Part&& part) {
  try {
    part();
    return true;
  } catch (const Cancelled&) {
    // The execution is over, and its findings say why.
  } catch (const testing::AssertionException&) {
    // It was reported before it was thrown.
  } catch (...) {
    return false;
  }
  return true;
}

}  // namespace

bool TestRunner::run() {
  testing::TestPartResultArray results;
  const testing::ScopedFakeTestPartResultReporter reporter(
      testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &results);
  const auto must_stop = [&] {
    return has_any(results, &testing::TestPartResult::fatally_failed) ||
           has_any(results, &testing::TestPartResult::skipped);
  };
  std::unique_ptr<testing::Test> test;
  bool passed = call([&] { test.reset((test_.*member_of(FactoryKey()))->CreateTest()); });
  if (test != nullptr && !must_stop()) {
    passed = call([&] { (test.get()->*member_of(SetUpKey()))(); }) && passed;
    if (passed && !must_stop())
      passed = call([&] { (test.get()->*member_of(TestBodyKey()))(); }) && passed;
    passed = call([&] { (test.get()->*member_of(TearDownKey()))(); }) && passed;
  }
  passed = call([&] { test.reset(); }) && passed;
  was_skipped_ = has_any(results, &testing::TestPartResult::skipped);
  return passed && !has_any(results, &testing::TestPartResult::failed);
}

}  // namespace chantrace
