#include "misuse_findings.h"

#include <string>
#include <utility>

namespace chantrace {
namespace {

/// What was done, and of what kind that is.
struct Deed {
  FindingKind kind;
  std::string text;
};

Deed deed_of(const Misuse& misuse, const StateIndex& index) {
  const bool has_object = to_number(misuse.object) != 0;
  const auto what = [&](const char* otherwise) {
    return has_object ? name_of(index, misuse.object) : std::string(otherwise);
  };
  switch (misuse.kind) {
    case Misuse::Kind::kSendOnClosed:
      return {FindingKind::kSendOnClosed, "sent on " + what("a channel") + " after it was closed"};
    case Misuse::Kind::kCloseOfClosed:
      return {FindingKind::kDoubleClose, "closed " + what("a channel") + " a second time"};
    case Misuse::Kind::kCloseOfNil:
      return {FindingKind::kDoubleClose, "closed a nil channel"};
    case Misuse::Kind::kNegativeWaitGroup:
      return {FindingKind::kNegativeWaitGroup,
              "took the count of " + what("a wait group") + " below zero"};
    case Misuse::Kind::kUnlockOfUnlocked:
      return {FindingKind::kMisuse, "unlocked " + what("a lock") + ", which nobody held"};
    case Misuse::Kind::kForeignUnlock:
      return {FindingKind::kForeignUnlock,
              "unlocked " + what("a lock") + ", which another task had locked"};
    case Misuse::Kind::kOther:
      break;
  }
  return {FindingKind::kMisuse, "broke a rule of " + what("the library")};
}

}  // namespace

Finding describe(const Misuse& misuse, const StateIndex& index) {
  const Deed deed = deed_of(misuse, index);
  const bool is_note = misuse.kind == Misuse::Kind::kForeignUnlock || !misuse.escaped;
  Finding finding;
  finding.kind = deed.kind;
  finding.certainty = is_note ? Certainty::kNote : Certainty::kCertain;
  finding.task = misuse.task;
  finding.object = misuse.object;
  finding.summary = name_of(index, misuse.task) + " " + deed.text;
  if (const TaskState* const by = index.task(misuse.task); by != nullptr) {
    Participant participant = make_participant(index, *by);
    participant.text = deed.text;
    participant.site = misuse.site;
    finding.participants.push_back(std::move(participant));
  }
  if (misuse.kind != Misuse::Kind::kForeignUnlock)
    finding.reason.push_back(misuse.escaped ? "the exception left the task"
                                            : "the exception was caught");
  add_site(finding, "misused", misuse.site);
  if (const ObjectState* const object = index.object(misuse.object); object != nullptr)
    add_site(finding, "created", object->created_at);
  return finding;
}

}  // namespace chantrace
