#include "harness.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "assertions.h"
#include "chantrace/detail/execution.h"

namespace chantrace {
namespace {

/// While a failure is shrunk and explained its body runs some thousand times. What it prints, and
/// what GoogleTest does, was there once.
class Silence {
 public:
  Silence() : before_(dup(STDOUT_FILENO)) {
    std::fflush(stdout);
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    close(nowhere);
  }
  ~Silence() {
    std::fflush(stdout);
    dup2(before_, STDOUT_FILENO);
    close(before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  const int before_;
};

constexpr const char* kAssertion = "an assertion of the body does not hold";

std::vector<Finding> without_notes(std::vector<Finding> findings) {
  std::erase_if(findings,
                [](const Finding& finding) { return finding.certainty == Certainty::kNote; });
  return findings;
}

std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : without_notes(findings)) text += to_text(finding);
  return text.empty() ? std::string("  ") + kAssertion + "\n" : text;
}

/// What a body that is thrown out of its wait asserts is a consequence.
std::string judge(const std::vector<Finding>& findings) {
  std::string failure = detail::first_fault(findings);
  if (failure.empty() && has_failed_assertion()) failure = "assertion";
  return failure;
}

}  // namespace

Harness::Harness(const detail::FuzzTarget& target, std::span<std::uint8_t> edges)
    : target_(target),
      body_([body = target.body] {
        forget_assertions();
        body();
      }),
      judge_(judge),
      runs_(target.options.run, edges) {
  detail::set_rerun_words([](const std::string& token) {
    return "chantrace: again: the program without an engine, with --schedule=" + token + "\n";
  });
}

detail::ByteRun Harness::run(std::span<const std::uint8_t> input) {
  return runs_.run(body_, input, judge_);
}

std::string Harness::summarize(const detail::ByteRun& failed) {
  const std::vector<Finding> findings = without_notes(failed.findings);
  if (findings.empty()) return kAssertion;
  return findings.size() == 1 ? findings.front().summary : chantrace::summarize(findings);
}

std::optional<std::vector<std::uint8_t>> Harness::find_input(const Schedule& schedule) {
  return runs_.find_bytes(body_, schedule);
}

std::string Harness::describe(const detail::ByteRun& failed) {
  const Schedule schedule = runs_.schedule();
  detail::Follower follower(schedule);
  const ExploreOptions options{.run = target_.options.run,
                               .shrink = target_.options.shrink,
                               .explain = target_.options.explain};
  const ExploreResult again = [&] {
    const Silence silence;
    return detail::shrink_body(body_, follower, options, judge_);
  }();
  std::string text = std::string("chantrace: ") + target_.name + " failed\n";
  if (!again.first_failure)
    return text + text_of(failed.findings) +
           "  It does not fail again under the same schedule: what the body does depends on more "
           "than that.\n\n  schedule   " +
           schedule.to_string() + "\n";
  const Failure& failure = *again.first_failure;
  text += text_of(failure.findings) + "\n";
  if (failure.explanation)
    text += steps_to_text(*failure.explanation) + "\n" + reasons_to_text(*failure.explanation);
  return text + "  schedule   " + failure.schedule.to_string() + "\n";
}

}  // namespace chantrace
