#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "chantrace/channel.h"
#include "chantrace/mutex.h"
#include "chantrace/task.h"
#include "support/run_on_threads.h"
#include "support/until_parked.h"

namespace chantrace {
namespace {

TEST(SharedMutexTest, ReadersShareAndWritersDoNot) {
  SharedMutex mutex("table");
  mutex.lock_shared();
  go("other", [&] {
    EXPECT_TRUE(mutex.try_lock_shared());
    EXPECT_FALSE(mutex.try_lock());
    mutex.unlock_shared();
  }).join();
  mutex.unlock_shared();

  mutex.lock();
  go("other", [&] {
    EXPECT_FALSE(mutex.try_lock_shared());
    EXPECT_FALSE(mutex.try_lock());
  }).join();
  mutex.unlock();

  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(SharedMutexTest, WaitingWriterKeepsNewReadersOut) {
  SharedMutex mutex;
  mutex.lock_shared();
  const Task writer = go("writer", [&] {
    mutex.lock();
    mutex.unlock();
  });
  until_parked("writer");

  EXPECT_FALSE(mutex.try_lock_shared());

  mutex.unlock_shared();
  writer.join();
  EXPECT_TRUE(mutex.try_lock_shared());
  mutex.unlock_shared();
}

TEST(SharedMutexTest, WaitingReadersComeBeforeTheNextWriter) {
  SharedMutex mutex;
  std::vector<const char*> order;
  mutex.lock();
  const Task writer = go("writer", [&] {
    mutex.lock();
    order.push_back("writer");
    mutex.unlock();
  });
  until_parked("writer");
  const Channel<int> inside("inside");
  std::vector<Task> readers;
  for (int i = 0; i < 3; ++i) {
    readers.push_back(go("reader", [&] {
      const std::shared_lock lock(mutex);
      inside.recv();
    }));
  }
  until_parked("reader", 3);

  mutex.unlock();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(order.empty());
    inside.send(i);  // All three are inside at once, or this would wait for ever.
  }
  for (const Task& reader : readers) reader.join();
  writer.join();

  EXPECT_EQ(order.size(), 1u);
}

TEST(SharedMutexTest, ReadingAgainWhileAWriterWaitsIsADeadlock) {
  const ThreadsRun run = run_on_threads([] {
    const auto mutex = std::make_shared<SharedMutex>("state");
    const Channel<int> writer_waits("writer waits");
    go("reader", [=] {
      const std::shared_lock outer(*mutex);
      writer_waits.recv();
      const std::shared_lock inner(*mutex);
    });
    until_parked("reader");
    go("writer", [=] { const std::scoped_lock lock(*mutex); });
    until_parked("writer");
    writer_waits.send(1);
  });

  const Finding* const finding = run.find(FindingKind::kDeadlock);
  ASSERT_NE(finding, nullptr) << run.to_string();
  EXPECT_EQ(finding->participants.size(), 2u);
  EXPECT_EQ(run.end.abandoned, 0u);
}

TEST(SharedMutexTest, UnlockOfWhatIsNotHeldThrows) {
  SharedMutex mutex;

  EXPECT_THROW(mutex.unlock(), NotLocked);
  EXPECT_THROW(mutex.unlock_shared(), NotLocked);
  mutex.lock_shared();
  EXPECT_THROW(mutex.unlock(), NotLocked);
  mutex.unlock_shared();
  mutex.lock();
  EXPECT_THROW(mutex.unlock_shared(), NotLocked);
  mutex.unlock();
}

TEST(SharedMutexTest, ReadLocksCount) {
  SharedMutex mutex;
  for (int i = 0; i < 30; ++i) mutex.lock_shared();
  for (int i = 0; i < 29; ++i) mutex.unlock_shared();

  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock_shared();
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(SharedMutexTest, AnotherTaskMayUnlock) {
  const ThreadsRun run = run_on_threads([] {
    SharedMutex mutex;
    mutex.lock();
    go("other", [&] { mutex.unlock(); }).join();
    mutex.lock_shared();
    go("other", [&] { mutex.unlock_shared(); }).join();
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  });

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
  EXPECT_NE(run.find(FindingKind::kForeignUnlock), nullptr) << run.to_string();
}

TEST(SharedMutexTest, GuardsAgainstWritersUnderLoad) {
  SharedMutex mutex;
  int first = 0;
  int second = 0;
  std::vector<Task> tasks;
  for (int i = 0; i < 4; ++i) {
    tasks.push_back(go("mixer", [&, i] {
      for (int step = 0; step < 1'000; ++step) {
        if ((step + i) % 4 == 0) {
          const std::scoped_lock lock(mutex);
          ++first;
          ++second;
        } else {
          const std::shared_lock lock(mutex);
          EXPECT_EQ(first, second);
        }
      }
    }));
  }
  for (const Task& task : tasks) task.join();

  EXPECT_EQ(first, 1'000);
}

}  // namespace
}  // namespace chantrace
