// Two tasks that write to a plain variable, with a lock or without one, under control: although
// they run on one OS thread, ThreadSanitizer has to tell them apart.
#include <cstdio>
#include <cstring>

#include "chantrace/chantrace.h"

namespace {

void write_twice(bool is_locked) {
  chantrace::Mutex mutex("value");
  int value = 0;
  const auto write = [&] {
    if (is_locked) mutex.lock();
    ++value;
    if (is_locked) mutex.unlock();
  };
  chantrace::Task left = chantrace::go(write);
  chantrace::Task right = chantrace::go(write);
  left.join();
  right.join();
}

}  // namespace

int main(int argc, char** argv) {
  const bool is_locked = argc > 1 && std::strcmp(argv[1], "locked") == 0;
  const chantrace::ExploreResult result =
      chantrace::explore([=] { write_twice(is_locked); }, {.schedules = 100});
  std::printf("%llu executions\n", static_cast<unsigned long long>(result.executions));
  return result.first_failure ? 1 : 0;
}
