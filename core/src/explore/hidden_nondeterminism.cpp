#include "hidden_nondeterminism.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace chantrace::detail {
namespace {

constexpr std::string_view kHead = "hidden nondeterminism: ";

bool is_same(const Location& left, const Location& right) {
  return left.line == right.line && std::string_view(left.file) == right.file;
}

/// Both are the same operation, the logs being equal up to there.
bool is_same(const OperationLog& left_log, const LoggedOperation& left,
             const OperationLog& right_log, const LoggedOperation& right) {
  if (left.task != right.task || left.number != right.number || left.operation != right.operation ||
      left.object != right.object || !is_same(left.site, right.site))
    return false;
  // Objects are numbered as they are met, so that two different ones may have the same number.
  const auto& left_object = left_log.object(left.object);
  const auto& right_object = right_log.object(right.object);
  return left_object.name == right_object.name && left_object.kind == right_object.kind &&
         is_same(left_object.created, right_object.created);
}

std::string name_of_task(const OperationLog& log, std::uint32_t task) {
  const std::string_view label = log.label(task);
  return label.empty() ? "task " + std::to_string(task) : std::string(label);
}

/// "worker's operation 3"
std::string whose(const OperationLog& log, const LoggedOperation& operation) {
  return name_of_task(log, operation.task) + "'s operation " + std::to_string(operation.number);
}

/// "send(results)"
std::string what(const OperationLog& log, const LoggedOperation& operation) {
  std::string text{to_string(operation.operation)};
  if (operation.object == 0) return text;
  const OperationLog::LoggedObject& object = log.object(operation.object);
  const std::string name = !object.name.empty() ? object.name
                                                : std::string(to_string(object.kind)) + " " +
                                                      std::to_string(operation.object);
  return text + "(" + name + ")";
}

Site to_site(const Location& place) { return {place.file, place.function, place.line}; }

/// One side of the difference. `has_owner`: whose operation it is has to be said.
Participant side(std::string label, const OperationLog& log, std::size_t index, bool has_owner) {
  Participant participant;
  participant.label = std::move(label);
  if (index >= log.operations().size()) {
    participant.text = "nothing: the execution had ended";
    return participant;
  }
  const LoggedOperation& operation = log.operations()[index];
  participant.text =
      (has_owner ? whose(log, operation) + ", " : std::string()) + what(log, operation);
  participant.site = to_site(operation.site);
  return participant;
}

Finding make_finding(std::string summary) {
  Finding finding;
  finding.kind = FindingKind::kDivergence;
  finding.summary = std::string(kHead) + std::move(summary);
  finding.reason = {
      "what the program does depends on more than its schedule: a static or global variable",
      "that keeps its value from one execution to the next, std::random_device, an address,",
      "the order of a container that is sorted or hashed by addresses, or the host's time",
      "to mend it, set such state anew in each execution, give random engines a fixed seed,",
      "and take the time from chantrace::now()"};
  return finding;
}

}  // namespace

std::optional<Finding> find_first_difference(const OperationLog& once, const OperationLog& again) {
  const auto left = once.operations();
  const auto right = again.operations();
  const std::size_t common = std::min(left.size(), right.size());
  std::size_t index = 0;
  while (index < common && is_same(once, left[index], again, right[index])) ++index;
  if (index == left.size() && index == right.size()) return std::nullopt;

  // Up to there both followed the schedule, so the first one shows whose turn it was.
  const bool is_at_end = index >= left.size();
  const OperationLog& log = is_at_end ? again : once;
  const LoggedOperation& operation = log.operations()[index];
  const bool is_same_task = index < common && left[index].task == right[index].task;
  Finding finding =
      make_finding(whose(log, operation) + " is another one when the same schedule runs again");
  if (index >= common)
    finding.summary = std::string(kHead) + whose(log, operation) + " is made only " +
                      (is_at_end ? "when the same schedule runs again"
                                 : "once, and not when the same schedule runs again");
  finding.task = TaskId{operation.task};
  finding.participants = {side("once", once, index, !is_same_task && index < common),
                          side("again", again, index, !is_same_task && index < common)};
  for (const Participant& one : finding.participants)
    if (!one.site.file.empty() && (finding.sites.empty() || finding.sites[0].site != one.site))
      finding.sites.push_back({one.label, one.site});
  return finding;
}

std::optional<Finding> find_difference(const Conduct& once, const Conduct& again) {
  if (once.fingerprint != again.fingerprint) {
    Finding finding =
        make_finding("not the same operations were made when the same schedule ran again");
    finding.reason.insert(
        finding.reason.begin(),
        {"which of them differed first is not known: " + std::to_string(once.steps) +
             " steps once, " + std::to_string(again.steps) + " steps again,",
         "and what is run again since makes the same operations each time"});
    return finding;
  }
  if (once.judgement == again.judgement) return std::nullopt;
  return make_finding(again.judgement == Judgement::kFailed
                          ? "passed, and failed when the same schedule ran again, by the same "
                            "operations"
                          : "failed, and passed when the same schedule ran again, by the same "
                            "operations");
}

}  // namespace chantrace::detail
