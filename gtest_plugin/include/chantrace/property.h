/// \file
/// Properties: tests with inputs, which RapidCheck draws and makes small, under many schedules.
///
/// Needs RapidCheck: link `chantrace::rapidcheck`.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "chantrace/detail/literal.h"
#include "chantrace/detail/test_inputs.h"
#include "chantrace/explore_test.h"
#include "chantrace/rapidcheck.h"

namespace chantrace::detail {

/// All of a property that does not depend on the types of its arguments.
class PropertyInputs : public TestInputs {
 public:
  /// `arguments`: as they are declared, in parentheses.
  PropertyInputs(const char* test, const char* arguments);
  PropertyInputs(const PropertyInputs&) = delete;
  PropertyInputs& operator=(const PropertyInputs&) = delete;

  Search search(const Attempt& attempt, std::uint64_t seed) override;
  bool shrink(const Attempt& attempt) override;
  bool recall() override;
  bool are_unwanted() const override { return are_unwanted_; }
  std::vector<std::pair<std::string, std::string>> shown() const override;
  std::string environment() const override;

  /// The body of the test.
  void run();

 protected:
  /// Draws an input, which becomes the present one, and says what `try_present` does of it.
  virtual rc::detail::Property property() = 0;
  virtual bool has_present() const = 0;
  virtual std::vector<std::string> values() const = 0;
  virtual void call_body() = 0;

  rc::detail::CaseResult try_present() const;
  /// One that no generator has made.
  void note_given() { found_.reset(); }

 private:
  class Attempts;
  rc::Shrinkable<rc::detail::CaseDescription> draw(const rc::detail::Reproduce& found);

  const std::string test_;
  const std::vector<std::string> names_;
  const Attempt* attempt_ = nullptr;
  std::optional<rc::detail::Reproduce> found_;  ///< How the present input is drawn.
  bool are_unwanted_ = false;
};

template <typename Body>
class Property;

/// A property's body and its inputs.
template <typename... Arguments>
class Property<void(Arguments...)> final : public PropertyInputs {
 public:
  using Body = void (*)(Arguments...);

  Property(const char* test, const char* arguments, Body body, const ExploreOptions& options)
      : PropertyInputs(test, arguments), body_(body) {
    set_explore_options(test, options);
    set_test_inputs(test, *this);
  }

  /// Sets the inputs to these.
  std::function<void()> with(std::decay_t<Arguments>... arguments) {
    return [this, given = Values(std::move(arguments)...)] {
      present_ = given;
      note_given();
    };
  }

  std::optional<std::string> arguments() const override {
    if (!present_) return std::nullopt;
    return std::apply([](const auto&... each) { return to_list(each...); }, *present_);
  }

 private:
  using Values = std::tuple<std::decay_t<Arguments>...>;
  static_assert(sizeof...(Arguments) > 0, "a property without arguments is a CHANTRACE_EXPLORE");

  rc::detail::Property property() override {
    return rc::detail::toProperty([this](std::decay_t<Arguments>... arguments) {
      present_.emplace(std::move(arguments)...);
      return try_present();
    });
  }
  bool has_present() const override { return present_.has_value(); }
  std::vector<std::string> values() const override {
    if (!present_) return {};
    return std::apply(
        [](const auto&... each) { return std::vector<std::string>{rc::toString(each)...}; },
        *present_);
  }
  void call_body() override { std::apply(body_, Values(*present_)); }

  const Body body_;
  std::optional<Values> present_;
};

}  // namespace chantrace::detail

/// `CHANTRACE_PROP(Pool, LosesNothing, (Between<1, 4> workers, std::vector<int> jobs)) { ... }` is
/// a test whose arguments RapidCheck draws: 100 inputs, each of them under 100 schedules. What
/// fails is made small: the inputs first, then the schedule, then both until nothing smaller fails.
///
/// Behind the arguments may stand members of `chantrace::ExploreOptions`; `schedules` is the number
/// for each input, `budget` the time for all, and shards share the inputs. A flag that is given
/// goes before them. What RapidCheck reads from `RC_PARAMS` counts; where that names no seed the
/// inputs come from `seed` and the test's name, and are the same each time.
///
/// `RC_PRE`, which may depend on the arguments alone, and `RC_ASSERT` may stand in the body itself;
/// in its tasks `EXPECT_EQ` and the like do. No generator may: inputs are drawn before. Types need
/// an `rc::Arbitrary`, and have to be copied without starting tasks.
#define CHANTRACE_PROP(suite, name, arguments, ...)                                      \
  static void chantrace_property_of_##suite##_##name arguments;                          \
  static ::chantrace::detail::Property<decltype(chantrace_property_of_##suite##_##name)> \
      chantrace_inputs_of_##suite##_##name(#suite "." #name, #arguments,                 \
                                           chantrace_property_of_##suite##_##name,       \
                                           ::chantrace::ExploreOptions{__VA_ARGS__});    \
  TEST(suite, name) { chantrace_inputs_of_##suite##_##name.run(); }                      \
  static void chantrace_property_of_##suite##_##name arguments
