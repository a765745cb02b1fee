#include "chantrace/property.h"

#include <gtest/gtest.h>
#include <rapidcheck/detail/TestListenerAdapter.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace chantrace::detail {
namespace {

using rc::detail::CaseDescription;
using rc::detail::CaseResult;

bool is_of_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// "const std::vector<int>& numbers" has "numbers", and "std::vector<int>" and "unsigned int" have
/// none.
std::string name_of(std::string_view argument) {
  constexpr std::string_view kOfTypes[] = {"int",      "bool",   "char",   "long",  "short",
                                           "unsigned", "signed", "double", "float", "const"};
  while (!argument.empty() && argument.back() == ' ') argument.remove_suffix(1);
  std::size_t start = argument.size();
  while (start > 0 && is_of_name(argument[start - 1])) --start;
  const std::string_view word = argument.substr(start);
  std::string_view type = argument.substr(0, start);
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  const bool has_type = !type.empty() && !type.ends_with("::") && type != "const";
  const bool is_type =
      std::find(std::begin(kOfTypes), std::end(kOfTypes), word) != std::end(kOfTypes);
  return has_type && !is_type ? std::string(word) : std::string();
}

/// "(Between<1, 4> workers, int)" has "workers" and "".
std::vector<std::string> names_of(std::string_view arguments) {
  std::vector<std::string> names;
  std::size_t start = 1;
  int depth = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const char c = arguments[i];
    if (c == ')' || c == '>' || c == '}') --depth;
    if ((c == ',' && depth == 1) || (c == ')' && depth == 0)) {
      names.push_back(name_of(arguments.substr(start, i - start)));
      start = i + 1;
    }
    if (c == '(' || c == '<' || c == '{') ++depth;
  }
  return names;
}

/// What a body draws would be another input in each schedule.
class NoGeneration final : public rc::gen::detail::GenerationHandler {
 public:
  rc::detail::Any onGenerate(const rc::Gen<rc::detail::Any>&) override {
    throw std::logic_error(
        "chantrace: a generator in the body of a CHANTRACE_PROP: what it draws has to be an "
        "argument, so that the input is the same under each schedule");
  }
};

/// "pool_test.cpp:31:\nRC_ASSERT(sum == 4)\n\nExpands to:\n3 == 4"
void report(const std::string& description) {
  const std::string_view first_line(description.data(),
                                    std::min(description.find('\n'), description.size()));
  std::string file;
  int line = -1;
  if (first_line.ends_with(':')) {
    const std::string_view place = first_line.substr(0, first_line.size() - 1);
    const std::size_t colon = place.rfind(':');
    if (colon != std::string_view::npos) {
      file = place.substr(0, colon);
      line = std::atoi(std::string(place.substr(colon + 1)).c_str());
    }
  }
  GTEST_MESSAGE_AT_(file.empty() ? nullptr : file.c_str(), line, "",
                    testing::TestPartResult::kNonFatalFailure)
      << (file.empty() ? description : description.substr(first_line.size() + 1));
}

/// RapidCheck's own seed is another one in each process, unless it is given.
bool has_seed() {
  const char* const params = std::getenv("RC_PARAMS");
  return params != nullptr && std::string_view(params).find("seed=") != std::string_view::npos;
}

/// RapidCheck prints its own seed when it is first asked, which counts only where it was given;
/// what is wrong with RC_PARAMS it says then, too, and ends the program.
const rc::detail::Configuration& read_configuration() {
  static const rc::detail::Configuration& configuration = []() -> const auto& {
    if (std::getenv("RC_PARAMS") != nullptr) return rc::detail::configuration();
    std::ostringstream nowhere;
    std::streambuf* const before = std::cerr.rdbuf(nowhere.rdbuf());
    const auto& read = rc::detail::configuration();
    std::cerr.rdbuf(before);
    return read;
  }
  ();
  return configuration;
}

/// FNV-1a, the same everywhere.
std::uint64_t seed_for(std::uint64_t seed, std::string_view test) {
  std::uint64_t hash = 0xcbf29ce484222325ull ^ seed;
  for (const char c : test) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

/// Counts, and prints nothing: what there is to say comes with the failure.
class Counter final : public rc::detail::TestListenerAdapter {
 public:
  void onTestCaseFinished(const CaseDescription&) override { ++count_; }
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t count_ = 0;
};

CaseResult result_of(TestInputs::Verdict verdict) {
  switch (verdict) {
    case TestInputs::Verdict::kFails:
      return CaseResult(CaseResult::Type::Failure, "");
    case TestInputs::Verdict::kUnwanted:
      return CaseResult(CaseResult::Type::Discard, "");
    case TestInputs::Verdict::kPasses:
      break;
  }
  return CaseResult(CaseResult::Type::Success, "");
}

}  // namespace

/// While one exists, what is drawn is tried so.
class PropertyInputs::Attempts {
 public:
  Attempts(PropertyInputs& inputs, const Attempt* attempt) : inputs_(inputs) {
    inputs_.attempt_ = attempt;
  }
  ~Attempts() { inputs_.attempt_ = nullptr; }
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;

 private:
  PropertyInputs& inputs_;
};

PropertyInputs::PropertyInputs(const char* test, const char* arguments)
    : test_(test), names_(names_of(arguments)) {}

CaseResult PropertyInputs::try_present() const {
  return result_of(attempt_ != nullptr ? (*attempt_)() : Verdict::kPasses);
}

TestInputs::Search PropertyInputs::search(const Attempt& attempt, std::uint64_t seed) {
  const rc::detail::Configuration& configuration = read_configuration();
  rc::detail::TestParams params = configuration.testParams;
  if (!has_seed()) params.seed = seed_for(seed, test_);
  Counter counter;
  rc::detail::TestResult result = [&] {
    const Attempts attempts(*this, &attempt);
    return rc::detail::checkProperty(property(), {test_, test_}, params, counter,
                                     configuration.reproduce);
  }();
  found_.reset();
  Search search;
  if (result.is<rc::detail::FailureResult>()) {
    search.has_failed = true;
    draw(result.get<rc::detail::FailureResult>().reproduce);
  } else if (result.is<rc::detail::GaveUpResult>()) {
    search.problem = "gave up after " + std::to_string(counter.count()) +
                     " inputs: hardly any is wanted, as RC_PRE has it";
  } else if (result.is<rc::detail::Error>()) {
    search.problem = result.get<rc::detail::Error>().description;
  }
  return search;
}

/// Nothing is run on the way.
rc::Shrinkable<CaseDescription> PropertyInputs::draw(const rc::detail::Reproduce& found) {
  const Attempts none(*this, nullptr);
  auto drawn = rc::shrinkable::walkPath(property()(found.random, found.size), found.shrinkPath);
  if (!drawn)
    throw std::runtime_error("chantrace: RC_PARAMS names an input that " + test_ +
                             " does not have, as it was changed since");
  found_ = found;
  drawn->value();
  return *drawn;
}

bool PropertyInputs::shrink(const Attempt& attempt) {
  if (!found_ || read_configuration().testParams.disableShrinking) return false;
  const auto find_smaller = [&](rc::detail::Reproduce& found) {
    auto smaller = draw(found).shrinks();
    for (std::size_t index = 0;; ++index) {
      const auto next = smaller.next();
      if (!next) return false;
      const Attempts attempts(*this, &attempt);
      if (next->value().result.type != CaseResult::Type::Failure) continue;
      found.shrinkPath.push_back(index);
      return true;
    }
  };
  rc::detail::Reproduce found = *found_;
  bool is_smaller = false;
  while (find_smaller(found)) is_smaller = true;
  draw(found);
  return is_smaller;
}

bool PropertyInputs::recall() {
  const auto& known = read_configuration().reproduce;
  const auto found = known.find(test_);
  if (found == known.end()) return false;
  draw(found->second);
  return true;
}

std::vector<std::pair<std::string, std::string>> PropertyInputs::shown() const {
  std::vector<std::pair<std::string, std::string>> shown;
  const std::vector<std::string> texts = values();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const bool has_name = i < names_.size() && !names_[i].empty();
    shown.emplace_back(has_name ? names_[i] : "argument " + std::to_string(i + 1), texts[i]);
  }
  return shown;
}

std::string PropertyInputs::environment() const {
  if (!found_) return {};
  rc::detail::Configuration configuration;
  configuration.reproduce[test_] = *found_;
  // What is not the default may stand behind it.
  const std::string text = rc::detail::configToMinimalString(configuration);
  return "RC_PARAMS=" + text.substr(0, text.find(' '));
}

void PropertyInputs::run() {
  if (!explores_tests())
    FAIL() << "nothing explores this test: link chantrace::gtest_main, or call "
              "chantrace::install_listener in main";
  if (!has_present()) {
    // RapidCheck passes over those that it is not given.
    if (!read_configuration().reproduce.empty())
      GTEST_SKIP() << "RC_PARAMS names inputs of other tests only";
    FAIL() << "nothing has drawn an input for this test: RC_PARAMS allows none, or it is a death "
              "test, which is not explored";
  }
  are_unwanted_ = false;
  NoGeneration none;
  const rc::detail::ImplicitParam<rc::gen::detail::param::CurrentHandler> handler(&none);
  try {
    call_body();
  } catch (const CaseResult& result) {
    if (result.type == CaseResult::Type::Failure) report(result.description);
    are_unwanted_ = result.type == CaseResult::Type::Discard;
  }
}

std::string string_literal(std::string_view text) {
  std::string literal = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      literal += '\\';
      literal += c;
    } else if (c == '\n') {
      literal += "\\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      literal += {'\\', static_cast<char>('0' + byte / 64), static_cast<char>('0' + byte / 8 % 8),
                  static_cast<char>('0' + byte % 8)};
    } else {
      literal += c;
    }
  }
  literal += '"';
  if (text.find('\0') == std::string_view::npos) return literal;
  return "std::string(" + literal + ", " + std::to_string(text.size()) + ")";
}

}  // namespace chantrace::detail
