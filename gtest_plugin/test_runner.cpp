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
struct ResultKey {
  friend constexpr auto member_of(ResultKey);
};
struct AddPartKey {
  friend constexpr auto member_of(AddPartKey);
};
struct ClearKey {
  friend constexpr auto member_of(ClearKey);
};
template struct Access<&testing::TestInfo::factory_, FactoryKey>;
template struct Access<&testing::Test::SetUp, SetUpKey>;
template struct Access<&testing::Test::TestBody, TestBodyKey>;
template struct Access<&testing::Test::TearDown, TearDownKey>;
template struct Access<&testing::TestInfo::result_, ResultKey>;
template struct Access<&testing::TestResult::AddTestPartResult, AddPartKey>;
template struct Access<&testing::TestResult::Clear, ClearKey>;

/// Keeps back what is reported, and lets the test see it: it may ask `HasFatalFailure`.
class Reporter final : public testing::ScopedFakeTestPartResultReporter {
 public:
  Reporter(testing::TestResult& result, testing::TestPartResultArray& unused,
           std::string& first_failure)
      : ScopedFakeTestPartResultReporter(INTERCEPT_ALL_THREADS, &unused),
        result_(result),
        first_failure_(first_failure) {}
  /// GoogleTest calls this under a lock of its own.
  void ReportTestPartResult(const testing::TestPartResult& part) override {
    if (part.failed() && first_failure_.empty()) first_failure_ = place_of(part);
    (result_.*member_of(AddPartKey()))(part);
  }

 private:
  static std::string place_of(const testing::TestPartResult& part) {
    const std::string file = part.file_name() != nullptr ? part.file_name() : "";
    return "assertion " + file.substr(file.rfind('/') + 1) + ":" +
           std::to_string(part.line_number());
  }

  testing::TestResult& result_;
  std::string& first_failure_;
};

/// Failures of an execution end neither the program nor the execution.
class FailuresOnlyNoted {
 public:
  FailuresOnlyNoted() : breaks_(GTEST_FLAG_GET(break_on_failure)) {
    GTEST_FLAG_SET(break_on_failure, false);
  }
  ~FailuresOnlyNoted() { GTEST_FLAG_SET(break_on_failure, breaks_); }
  FailuresOnlyNoted(const FailuresOnlyNoted&) = delete;
  FailuresOnlyNoted& operator=(const FailuresOnlyNoted&) = delete;

 private:
  const bool breaks_;
};

enum class Ended {
  kWell,
  kEarly,  ///< By something that was reported, or is found.
  kBadly,  ///< By an exception that GoogleTest would report.
};

template <typename Part>
Ended call(Part&& part) {
  try {
    part();
    return Ended::kWell;
  } catch (const Cancelled&) {
  } catch (const testing::AssertionException&) {
  } catch (...) {
    return Ended::kBadly;
  }
  return Ended::kEarly;
}

}  // namespace

bool TestRunner::run() {
  testing::TestResult& result = const_cast<testing::TestInfo&>(test_).*member_of(ResultKey());
  // As for a test that has not run: it may count what it does.
  (result.*member_of(ClearKey()))();
  testing::TestPartResultArray unused;
  failure_.clear();
  const Reporter reporter(result, unused, failure_);
  const FailuresOnlyNoted noted;
  const auto goes_on_after = [&](const auto& part) {
    const Ended ended = call(part);
    if (ended == Ended::kBadly && failure_.empty()) failure_ = "exception of the body";
    return ended == Ended::kWell && !result.HasFatalFailure() && !result.Skipped();
  };
  std::unique_ptr<testing::Test> test;
  if (goes_on_after([&] { test.reset((test_.*member_of(FactoryKey()))->CreateTest()); })) {
    if (goes_on_after([&] { (test.get()->*member_of(SetUpKey()))(); }))
      goes_on_after([&] { (test.get()->*member_of(TestBodyKey()))(); });
    goes_on_after([&] { (test.get()->*member_of(TearDownKey()))(); });
  }
  goes_on_after([&] { test.reset(); });
  const bool has_passed = !result.Failed() && failure_.empty();
  if (!has_passed && failure_.empty()) failure_ = "assertion";
  (result.*member_of(ClearKey()))();
  return has_passed;
}

}  // namespace chantrace
