// Where a debugger would stop. The linker puts the function below in the library's place.
#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/detail/execution.h"
#include "chantrace/detail/explore_body.h"
#include "chantrace/detail/task_control.h"

namespace {

std::string done;
/// Which task stopped, and what all had done until then.
std::vector<std::string> stops;

}  // namespace

extern "C" void __wrap_chantrace_stop_here();   // NOLINT: as the linker calls it.
extern "C" void __wrap_chantrace_stop_here() {  // NOLINT
  stops.push_back(chantrace::detail::current_task_or_null->label + " behind " + done);
}

namespace chantrace {
namespace {

/// Runs `body` with each task going on as long as it can. Returns: where it stopped.
std::vector<std::string> stops_of(const std::function<void()>& body, std::uint32_t task,
                                  std::uint64_t operation) {
  done.clear();
  stops.clear();
  detail::Follower follower{Schedule{}};
  detail::ExecutionOptions options;
  options.strategy = &follower.strategy();
  options.control.stop_at = {task, operation};
  options.throw_in_body = [] { throw std::string("stuck"); };
  detail::Execution execution(std::move(options));
  try {
    body();
  } catch (const std::string&) {
    // As intended.
  }
  execution.settle({});
  execution.finish(false, true, {});
  return stops;
}

void two_tasks() {
  Channel<int> values("values", 4);
  Mutex mutex("mutex");
  Task worker = go("worker", [&] {
    values.send(1);
    done += "s";
    {
      const std::scoped_lock lock(mutex);
      done += "l";
    }
    done += "u";
    sleep_for(std::chrono::milliseconds(1));
    done += "z";
    values.recv();
    done += "r";
  });
  worker.join();
  done += "j";
}

TEST(StopHereTest, StopsInFrontOfEachOperationOnce) {
  EXPECT_EQ(stops_of(two_tasks, 2, 1), std::vector<std::string>{"worker behind "});
  EXPECT_EQ(stops_of(two_tasks, 2, 2), std::vector<std::string>{"worker behind s"});
  EXPECT_EQ(stops_of(two_tasks, 2, 3), std::vector<std::string>{"worker behind sl"});
  EXPECT_EQ(stops_of(two_tasks, 2, 4), std::vector<std::string>{"worker behind slu"});
  EXPECT_EQ(stops_of(two_tasks, 2, 5), std::vector<std::string>{"worker behind sluz"});
}

TEST(StopHereTest, StopsNowhereWhereThereIsNoSuchOperation) {
  EXPECT_EQ(stops_of(two_tasks, 2, 6), std::vector<std::string>{});
  EXPECT_EQ(stops_of(two_tasks, 3, 1), std::vector<std::string>{});
  EXPECT_EQ(stops_of(two_tasks, 0, 0), std::vector<std::string>{});
}

TEST(StopHereTest, StopsInFrontOfALockThatIsNeverTaken) {
  const auto body = [] {
    Mutex mutex("mutex");
    mutex.lock();
    done += "l";
    Task worker = go("worker", [&] { const std::scoped_lock lock(mutex); });
    worker.join();
  };

  EXPECT_EQ(stops_of(body, 2, 1), std::vector<std::string>{"worker behind l"});
}

}  // namespace
}  // namespace chantrace
