/// \file
/// What the listener has to know of a test whose body takes arguments.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace chantrace::detail {

/// The inputs of one test, one of which is the present one: the test's body is called with it.
///
/// Threads: the one that runs tests.
class TestInputs {
 public:
  enum class Verdict { kPasses, kFails, kUnwanted };
  /// Runs the body with the present input, as often as it takes to say.
  using Attempt = std::function<Verdict()>;

  /// What came of a search.
  struct Search {
    bool has_failed = false;
    std::string problem;  ///< Why it could not be done; empty: it was.
  };

  virtual ~TestInputs() = default;

  /// Draws inputs until one fails, and then smaller ones as long as they do. The one that failed
  /// last becomes the present one, or where none did any. `attempt` must not throw. `seed`: the
  /// same, the same inputs, unless the environment names another one.
  virtual Search search(const Attempt& attempt, std::uint64_t seed) = 0;
  /// Looks among the inputs that are a little smaller than the one found for one that fails, and
  /// among those that are smaller than that. Returns: whether there is one; it becomes the present
  /// one.
  virtual bool shrink(const Attempt& attempt) = 0;
  /// The input that the environment names becomes the present one. False: it names none.
  virtual bool recall() = 0;

  /// The last execution did not want the present input.
  virtual bool are_unwanted() const = 0;
  /// Of the present one, the arguments' names and values.
  virtual std::vector<std::pair<std::string, std::string>> shown() const = 0;
  /// The same as arguments in a program's text; nullopt: there is none for a value.
  virtual std::optional<std::string> arguments() const = 0;
  /// What `recall` understands, to stand in front of a command; empty: the input was given.
  virtual std::string environment() const = 0;
};

/// Notes the inputs of a test, before `main`. `inputs` must outlive all tests.
bool set_test_inputs(const char* test, TestInputs& inputs);

}  // namespace chantrace::detail
