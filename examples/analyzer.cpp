/// \file
/// A program that is not a test asks what is blocked in it now. The answer comes from the runtime's
/// own state: nothing is recorded, and no threshold of time is needed.
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>

#include "chantrace/chantrace.h"

using chantrace::Mutex;

namespace {

std::string place(const chantrace::Site& site) {
  return site.file.substr(site.file.rfind('/') + 1) + ":" + std::to_string(site.line);
}

/// Holds `first` and wants `second`.
void copy_with(Mutex& first, Mutex& second, chantrace::WaitGroup& both_hold_one) {
  const std::scoped_lock lock_first(first);
  both_hold_one.done();
  both_hold_one.wait();  // So that it goes wrong every time.
  const std::scoped_lock lock_second(second);
}

void report() {
  const chantrace::EndState state = chantrace::current_state();
  for (const chantrace::TaskState& task : state.tasks) {
    if (task.status == chantrace::TaskStatus::kParked && !task.waits.front().has_deadline)
      std::printf("%s waits at %s\n", task.label.c_str(), place(task.waiting_at).c_str());
  }
  for (const chantrace::Finding& finding : chantrace::analyze(state)) {
    std::printf("%s %s: %s\n", std::string(to_string(finding.certainty)).c_str(),
                std::string(to_string(finding.kind)).c_str(), finding.summary.c_str());
    std::printf("%s", to_text(finding).c_str());
  }
}

}  // namespace

int main() {
  static Mutex paper("paper");
  static Mutex glass("glass");
  static chantrace::WaitGroup both_hold_one("both hold one", 2);

  chantrace::go("printer", [] { copy_with(paper, glass, both_hold_one); });
  chantrace::go("scanner", [] { copy_with(glass, paper, both_hold_one); });

  // A service would do this when it is asked, or now and then.
  chantrace::sleep_for(std::chrono::milliseconds(100));
  report();
  std::fflush(stdout);
  std::_Exit(0);  // Two tasks will never end, so nothing they use may be destroyed.
}
