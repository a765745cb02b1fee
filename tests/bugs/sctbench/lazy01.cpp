// A check that holds unless it comes last.
#include <mutex>

#include "bugs/programs.h"
#include "chantrace/chantrace.h"

namespace chantrace::bugs {

void lazy01(Variant variant) {
  Mutex mutex("data");
  int data = 0;
  const int limit = variant == Variant::kFaulty ? 3 : 4;
  const auto add = [&](int amount) {
    const std::scoped_lock lock(mutex);
    data += amount;
  };
  Task check = go("check", [&] {
    const std::scoped_lock lock(mutex);
    ensure(data < limit, "the data is below its limit");
  });
  Task two = go("two", [&] { add(2); });
  Task one = go("one", [&] { add(1); });
  check.join();
  two.join();
  one.join();
}

}  // namespace chantrace::bugs
