// A user's fuzz target, whose corpus is a test.
#include "chantrace/chantrace.h"
#include "chantrace/fuzz_target.h"

CHANTRACE_FUZZ_TARGET(User, Counts) {
  chantrace::Atomic<int> count(0, "count");
  const chantrace::Task other = chantrace::go("other", [&] { count.fetch_add(1); });
  count.fetch_add(1);
  other.join();
}
