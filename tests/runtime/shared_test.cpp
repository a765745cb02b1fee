#include "chantrace/shared.h"

#include <gtest/gtest.h>

#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "chantrace/task.h"
#include "support/run_on_threads.h"

namespace chantrace {
namespace {

TEST(SharedTest, KeepsWhatWasStored) {
  Shared<int> number(3, "number");
  Shared<std::string> text;

  EXPECT_EQ(number.load(), 3);
  EXPECT_EQ(text.load(), "");
  number.store(4);
  text.store("longer than fits into the string itself");
  EXPECT_EQ(number.load(), 4);
  EXPECT_EQ(text.load(), "longer than fits into the string itself");
}

TEST(SharedTest, EachAccessIsWholeByItself) {
  Shared<std::string> text(std::string(100, 'a'), "text");
  std::vector<Task> writers;
  for (const char letter : {'b', 'c'}) {
    writers.push_back(go("writer", [&, letter] {
      for (int i = 0; i < 500; ++i) text.store(std::string(100, letter));
    }));
  }
  for (int i = 0; i < 500; ++i) {
    const std::string seen = text.load();
    EXPECT_EQ(seen, std::string(100, seen.front()));
  }
  for (const Task& writer : writers) writer.join();
}

TEST(AtomicTest, OperationsReturnWhatWasThere) {
  Atomic<int> number(5, "number");

  EXPECT_EQ(number.fetch_add(2), 5);
  EXPECT_EQ(number.fetch_sub(3), 7);
  EXPECT_EQ(number.exchange(9), 4);
  int expected = 8;
  EXPECT_FALSE(number.compare_exchange(expected, 10));
  EXPECT_EQ(expected, 9);
  EXPECT_TRUE(number.compare_exchange(expected, 10));
  EXPECT_EQ(number.load(), 10);
  number.store(11);
  EXPECT_EQ(number.load(), 11);
}

TEST(AtomicTest, LosesNoUpdate) {
  const ThreadsRun run = run_on_threads([] {
    Atomic<int> count(0, "count");
    std::vector<Task> tasks;
    for (int i = 0; i < 4; ++i) {
      tasks.push_back(go("counter", [&] {
        for (int step = 0; step < 1'000; ++step) {
          count.fetch_add(1);
          int seen = count.load();
          while (!count.compare_exchange(seen, seen + 1)) {
          }
        }
      }));
    }
    for (const Task& task : tasks) task.join();
    EXPECT_EQ(count.load(), 8'000);
  });

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
}

struct ThrowsWhenCopied {
  bool is_bad = false;
  ThrowsWhenCopied() = default;
  ThrowsWhenCopied(const ThrowsWhenCopied& other) : is_bad(other.is_bad) {
    if (is_bad) throw std::runtime_error("copied");
  }
  ThrowsWhenCopied(ThrowsWhenCopied&&) noexcept = default;
  ThrowsWhenCopied& operator=(ThrowsWhenCopied&&) noexcept = default;
};

TEST(SharedTest, CanBeUsedAfterACopyHasThrown) {
  Shared<ThrowsWhenCopied> shared;
  ThrowsWhenCopied bad;
  bad.is_bad = true;
  shared.store(std::move(bad));

  EXPECT_THROW(shared.load(), std::runtime_error);
  shared.store(ThrowsWhenCopied());
  EXPECT_FALSE(shared.load().is_bad);
}

struct LooksAtItsVariable {
  const Shared<LooksAtItsVariable>* variable = nullptr;
};
std::ostream& operator<<(std::ostream& out, const LooksAtItsVariable& value) {
  return out << (value.variable != nullptr ? value.variable->load().variable : nullptr);
}

TEST(SharedTest, ItsValueMayUseItWhenItIsPrinted) {
  const ThreadsRun run = run_on_threads([] {
    Shared<LooksAtItsVariable> shared;
    shared.store({nullptr});
    EXPECT_EQ(shared.load().variable, nullptr);
  });

  EXPECT_TRUE(run.faults().empty()) << run.to_string();
}

}  // namespace
}  // namespace chantrace
