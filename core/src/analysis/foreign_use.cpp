#include "foreign_use.h"

namespace chantrace {

Finding describe(const ForeignUse& use, const StateIndex& index) {
  Finding finding;
  finding.kind = FindingKind::kForeignThread;
  finding.object = use.object;
  const std::string thread = use.thread.empty() ? "a thread" : "the thread \"" + use.thread + "\"";
  finding.summary = thread + " that no task of the test has started " +
                    (use.task != TaskId{} ? "waits for the end of " + name_of(index, use.task)
                                          : "uses " + described(index, use.object));
  if (use.operation != Operation::kNone)
    finding.reason.push_back("its " + std::string(to_string(use.operation)) + at(use.site) +
                             " was held up and did nothing");
  finding.reason.push_back(
      "only tasks can be scheduled: start it with chantrace::go, or run this test on threads");
  add_site(finding, "used", use.site);
  if (const ObjectState* const object = index.object(use.object))
    add_site(finding, "created", object->created_at);
  return finding;
}

}  // namespace chantrace
