#include "harness.h"

#include "chantrace/detail/explore_body.h"

namespace chantrace {
namespace {

std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings)
    if (finding.certainty != Certainty::kNote) text += to_text(finding);
  return text;
}

}  // namespace

Harness::Harness(const detail::FuzzTarget& target, std::span<std::uint8_t> edges)
    : target_(target), body_(target.body), runs_(target.options.run, edges) {}

detail::ByteRun Harness::run(std::span<const std::uint8_t> input, bool wants_schedule) {
  return runs_.run(body_, input, wants_schedule);
}

std::optional<std::vector<std::uint8_t>> Harness::find_input(const Schedule& schedule) {
  return runs_.find_bytes(body_, schedule);
}

std::string Harness::describe(const detail::ByteRun& failed) const {
  detail::Follower follower(failed.schedule);
  const ExploreOptions options{.run = target_.options.run,
                               .shrink = target_.options.shrink,
                               .explain = target_.options.explain};
  const ExploreResult again = detail::shrink_body(body_, follower, options, detail::first_fault);
  std::string text = std::string("chantrace: ") + target_.name + " failed\n";
  if (!again.first_failure)
    return text + text_of(failed.findings) +
           "  It does not fail again under the same schedule: what the body does depends on more "
           "than that.\n  schedule   " +
           failed.schedule.to_string() + "\n";
  const Failure& failure = *again.first_failure;
  text += text_of(failure.findings);
  if (failure.explanation)
    text += "\n" + steps_to_text(*failure.explanation) + "\n" +
            reasons_to_text(*failure.explanation) + "\n";
  return text + "  schedule   " + failure.schedule.to_string() + "\n";
}

}  // namespace chantrace
