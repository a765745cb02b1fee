// Small random programs whose tasks write down what they see: a search that says it has tried all
// schedules must have come to every outcome that there is, and to no other. What there is comes
// from a model of its own, which knows neither tasks nor schedules: it goes through all states that
// a program can be in, where every operation and every look is made at once, and others may come
// between any two.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/explore.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

#if defined(CHANTRACE_WITH_TSAN) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kPrograms = 60;
#else
constexpr std::uint64_t kPrograms = 1'500;
#endif

enum class Step : std::uint8_t {
  kSend,
  kReceive,
  kTrySend,
  kTryReceive,
  kSize,
  kClose,
  kLock,
  kUnlock,
  kTryLock,  // And unlocks.
  kLoad,
  kStore,
  kAdd,
  kYield,
  kStopTimer,
  kTryTimer,
  kError,
  kCancel,
  kHasEnded,  // The task before this one.
};

constexpr std::size_t kChannels = 2;
constexpr std::size_t kCapacity[kChannels] = {1, 0};

struct Operation {
  Step step;
  int which;
  friend bool operator==(const Operation&, const Operation&) = default;
};

/// What each task does. A lock is given back by the operation after the next.
struct Program {
  std::vector<std::vector<Operation>> tasks;
  bool has_timer = false;
  bool has_deadline = false;
};

Program make_program(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Program program;
  // Few kinds in one program, so that tasks meet.
  std::vector<Step> kinds;
  for (int i = 0; i < 3; ++i) kinds.push_back(static_cast<Step>(random() % 18));
  const std::size_t tasks = 2 + random() % 2;
  std::size_t room = 7;
  for (std::size_t task = 0; task < tasks; ++task) {
    auto& operations = program.tasks.emplace_back();
    const std::size_t count = 1 + random() % 3;
    for (std::size_t i = 0; i < count && room > 0; ++i, --room) {
      const Step step = kinds[random() % kinds.size()];
      const int which = static_cast<int>(random() % 2);
      if (step == Step::kUnlock) continue;
      // Who yields twice at one place waits for a change, and is not let go on before.
      if (step == Step::kYield && std::find(operations.begin(), operations.end(),
                                            Operation{step, which}) != operations.end())
        continue;
      operations.push_back({step, which});
      if (step != Step::kLock) continue;
      const Step inner = kinds[random() % kinds.size()];
      if (inner != Step::kLock && inner != Step::kUnlock && inner != Step::kTryLock &&
          inner != Step::kYield)
        operations.push_back({inner, which});
      operations.push_back({Step::kUnlock, which});
    }
  }
  for (const auto& operations : program.tasks)
    for (const Operation& one : operations) {
      program.has_timer |= one.step == Step::kStopTimer || one.step == Step::kTryTimer;
      program.has_deadline |= one.step == Step::kError && seed % 2 == 0;
    }
  return program;
}

std::string describe(const Program& program) {
  static const char* const names[] = {"send",  "receive", "try_send", "try_receive", "size",
                                      "close", "lock",    "unlock",   "try_lock",    "load",
                                      "store", "add",     "yield",    "stop_timer",  "try_timer",
                                      "error", "cancel",  "has_ended"};
  std::string text;
  for (const auto& operations : program.tasks) {
    text += "task:";
    for (const Operation& one : operations)
      text += std::string(" ") + names[static_cast<int>(one.step)] + std::to_string(one.which);
    text += "\n";
  }
  return text + (program.has_timer ? "timer\n" : "") + (program.has_deadline ? "deadline\n" : "");
}

// What tasks see is one character for each operation that is done.

/// One state of the model.
struct State {
  struct Task {
    std::size_t next = 0;  ///< The operation that it is at.
    bool is_parked = false;
    bool has_ended = false;
    std::string seen;
    auto operator<=>(const Task&) const = default;
  };
  struct Channel {
    std::vector<int> buffer;
    std::vector<int> senders;  ///< Tasks that wait, first come first served.
    std::vector<int> receivers;
    bool is_closed = false;
    auto operator<=>(const Channel&) const = default;
  };
  std::vector<Task> tasks;
  Channel channels[kChannels];
  int holder = -1;
  int value = 0;
  bool timer_is_armed = false;
  bool timer_has_sent = false;
  bool deadline_is_armed = false;
  char error = '-';
  auto operator<=>(const State&) const = default;
};

class Model {
 public:
  explicit Model(const Program& program) : program_(program) {}

  std::set<std::string> outcomes() {
    State start;
    start.tasks.resize(program_.tasks.size());
    start.timer_is_armed = program_.has_timer;
    start.deadline_is_armed = program_.has_deadline;
    visit(start);
    while (!open_.empty()) {
      const State state = std::move(open_.back());
      open_.pop_back();
      expand(state);
    }
    return outcomes_;
  }

 private:
  void visit(State state) {
    if (seen_.insert(state).second) open_.push_back(std::move(state));
  }

  void expand(const State& state) {
    bool is_stuck = true;
    if (state.timer_is_armed) {
      State next = state;
      next.timer_is_armed = false;
      next.timer_has_sent = true;
      visit(std::move(next));
    }
    // It comes later.
    if (state.deadline_is_armed && !state.timer_is_armed) {
      State next = state;
      next.deadline_is_armed = false;
      next.error = 'd';
      visit(std::move(next));
    }
    for (std::size_t task = 0; task < state.tasks.size(); ++task) {
      if (state.tasks[task].is_parked || state.tasks[task].has_ended) continue;
      State next = state;
      if (!make(next, task)) continue;
      is_stuck = false;
      visit(std::move(next));
    }
    if (!is_stuck) return;
    std::string outcome;
    for (const State::Task& task : state.tasks)
      outcome += task.seen + (task.has_ended ? "." : "!") + " ";
    outcomes_.insert(outcome);
  }

  static void done(State& state, std::size_t task, char seen) {
    state.tasks[task].seen += seen;
    state.tasks[task].is_parked = false;
    ++state.tasks[task].next;
  }
  static int take_first(std::vector<int>& line) {
    const int first = line.front();
    line.erase(line.begin());
    return first;
  }

  /// False: it cannot.
  bool make(State& state, std::size_t task) const {
    if (state.tasks[task].next == program_.tasks[task].size()) {
      state.tasks[task].has_ended = true;
      return true;
    }
    const Operation& one = program_.tasks[task][state.tasks[task].next];
    State::Channel& channel = state.channels[one.which];
    const std::size_t capacity = kCapacity[one.which];
    switch (one.step) {
      case Step::kSend:
      case Step::kTrySend:
        if (channel.is_closed) {
          done(state, task, 'x');
        } else if (!channel.receivers.empty()) {
          done(state, static_cast<std::size_t>(take_first(channel.receivers)), digit(task));
          done(state, task, 's');
        } else if (channel.buffer.size() < capacity) {
          channel.buffer.push_back(static_cast<int>(task));
          done(state, task, 's');
        } else if (one.step == Step::kTrySend) {
          done(state, task, 'f');
        } else {
          channel.senders.push_back(static_cast<int>(task));
          state.tasks[task].is_parked = true;
        }
        return true;
      case Step::kReceive:
      case Step::kTryReceive:
        if (!channel.buffer.empty()) {
          done(state, task, digit(static_cast<std::size_t>(take_first(channel.buffer))));
          if (!channel.senders.empty()) {
            const int sender = take_first(channel.senders);
            channel.buffer.push_back(sender);
            done(state, static_cast<std::size_t>(sender), 's');
          }
        } else if (!channel.senders.empty()) {
          const int sender = take_first(channel.senders);
          done(state, task, digit(static_cast<std::size_t>(sender)));
          done(state, static_cast<std::size_t>(sender), 's');
        } else if (channel.is_closed) {
          done(state, task, 'c');
        } else if (one.step == Step::kTryReceive) {
          done(state, task, 'e');
        } else {
          channel.receivers.push_back(static_cast<int>(task));
          state.tasks[task].is_parked = true;
        }
        return true;
      case Step::kSize:
        done(state, task, digit(channel.buffer.size()));
        return true;
      case Step::kClose:
        if (channel.is_closed) {
          done(state, task, 'x');
          return true;
        }
        channel.is_closed = true;
        while (!channel.receivers.empty())
          done(state, static_cast<std::size_t>(take_first(channel.receivers)), 'c');
        while (!channel.senders.empty())
          done(state, static_cast<std::size_t>(take_first(channel.senders)), 'x');
        done(state, task, 'k');
        return true;
      case Step::kLock:
        if (state.holder >= 0) return false;
        state.holder = static_cast<int>(task);
        done(state, task, 'l');
        return true;
      case Step::kUnlock:
        state.holder = -1;
        done(state, task, 'u');
        return true;
      case Step::kTryLock:
        // In two: what is tried, and giving it back.
        if (state.holder == static_cast<int>(task)) {
          state.holder = -1;
          done(state, task, 'y');
        } else if (state.holder >= 0) {
          done(state, task, 'n');
        } else {
          state.holder = static_cast<int>(task);
        }
        return true;
      case Step::kLoad:
        done(state, task, digit(static_cast<std::size_t>(state.value)));
        return true;
      case Step::kStore:
        state.value = static_cast<int>(task) + 1;
        done(state, task, 'w');
        return true;
      case Step::kAdd:
        done(state, task, digit(static_cast<std::size_t>(state.value)));
        ++state.value;
        return true;
      case Step::kYield:
        done(state, task, 'y');
        return true;
      case Step::kStopTimer:
        done(state, task, state.timer_is_armed ? 't' : 'f');
        state.timer_is_armed = false;
        return true;
      case Step::kTryTimer:
        done(state, task, state.timer_has_sent ? 't' : 'f');
        state.timer_has_sent = false;
        return true;
      case Step::kError:
        done(state, task, state.error);
        return true;
      case Step::kCancel:
        if (state.error == '-') state.error = 'c';
        state.deadline_is_armed = false;
        done(state, task, 'k');
        return true;
      case Step::kHasEnded:
        done(state, task, task > 0 && state.tasks[task - 1].has_ended ? 't' : 'f');
        return true;
    }
    return true;
  }

  static char digit(std::size_t number) { return static_cast<char>('0' + number); }

  const Program& program_;
  std::set<State> seen_;
  std::vector<State> open_;
  std::set<std::string> outcomes_;
};

/// The program itself, and what its tasks have seen.
struct World {
  std::deque<Channel<int>> channels;
  Mutex mutex{"mutex"};
  Atomic<int> value{0, "value"};
  std::unique_ptr<Timer> timer;
  Context context = Context::background();
  std::vector<Task> tasks;
};

char of(const RecvResult<int>& result) {
  switch (result.status()) {
    case RecvStatus::kReceived:
      return static_cast<char>('0' + result.value());
    case RecvStatus::kClosed:
      return 'c';
    default:
      return 'e';
  }
}

char make(World& world, std::size_t task, const Operation& one) {
  const Channel<int>& channel = world.channels[static_cast<std::size_t>(one.which)];
  const int mine = static_cast<int>(task);
  try {
    switch (one.step) {
      case Step::kSend:
        channel.send(mine);
        return 's';
      case Step::kReceive: {
        const std::optional<int> value = channel.recv();
        return value ? static_cast<char>('0' + *value) : 'c';
      }
      case Step::kTrySend:
        return channel.try_send(mine) ? 's' : 'f';
      case Step::kTryReceive:
        return of(channel.try_recv());
      case Step::kSize:
        return static_cast<char>('0' + channel.size());
      case Step::kClose:
        channel.close();
        return 'k';
      case Step::kLock:
        world.mutex.lock();
        return 'l';
      case Step::kUnlock:
        world.mutex.unlock();
        return 'u';
      case Step::kTryLock:
        if (!world.mutex.try_lock()) return 'n';
        world.mutex.unlock();
        return 'y';
      case Step::kLoad:
        return static_cast<char>('0' + world.value.load());
      case Step::kStore:
        world.value.store(mine + 1);
        return 'w';
      case Step::kAdd:
        return static_cast<char>('0' + world.value.fetch_add(1));
      case Step::kYield:
        if (one.which == 0)
          yield();
        else
          yield();  // Elsewhere.
        return 'y';
      case Step::kStopTimer:
        return world.timer->stop() ? 't' : 'f';
      case Step::kTryTimer:
        return world.timer->channel().try_recv().status() == RecvStatus::kReceived ? 't' : 'f';
      case Step::kError:
        switch (world.context.error()) {
          case ContextError::kNone:
            return '-';
          case ContextError::kCancelled:
            return 'c';
          default:
            return 'd';
        }
      case Step::kCancel:
        world.context.cancel();
        return 'k';
      case Step::kHasEnded:
        return task > 0 && world.tasks[task - 1].has_ended() ? 't' : 'f';
    }
  } catch (const ChannelClosed&) {
    return 'x';
  }
  return '?';
}

std::set<std::string> outcomes_of(const Program& program, const ExploreOptions& options,
                                  bool& is_exhausted) {
  std::set<std::string> outcomes;
  // Of the last execution. Whoever has not come to its end waits: nobody joins.
  std::vector<std::string> seen;
  const auto note = [&] {
    std::string outcome;
    for (const std::string& one : seen) outcome += one + (one.ends_with('.') ? " " : "! ");
    if (!seen.empty()) outcomes.insert(outcome);
  };
  const ExploreResult result = explore(
      [&] {
        note();
        seen.assign(program.tasks.size(), "");
        const auto world = std::make_shared<World>();
        for (std::size_t i = 0; i < kChannels; ++i)
          world->channels.emplace_back(i == 0 ? "one" : "none", kCapacity[i]);
        if (program.has_timer) world->timer = std::make_unique<Timer>(1ms);
        world->context = program.has_deadline ? with_timeout(Context::background(), 2ms)
                                              : with_cancel(Context::background());
        for (std::size_t task = 0; task < program.tasks.size(); ++task)
          world->tasks.push_back(go([world, &program, &seen, task] {
            for (const Operation& one : program.tasks[task]) seen[task] += make(*world, task, one);
            seen[task] += '.';
          }));
      },
      options);
  note();
  is_exhausted = result.is_exhausted;
  EXPECT_EQ(result.cut, 0u);
  return outcomes;
}

std::string difference(const std::set<std::string>& wanted, const std::set<std::string>& found) {
  std::string text;
  for (const std::string& one : wanted)
    if (!found.contains(one)) text += "missed:   " + one + "\n";
  for (const std::string& one : found)
    if (!wanted.contains(one)) text += "made up:  " + one + "\n";
  return text;
}

class OutcomesProperty : public testing::TestWithParam<bool> {};

TEST_P(OutcomesProperty, SearchOfAllSchedulesComesToEachOutcome) {
  std::uint64_t exhausted = 0;
  for (std::uint64_t seed = 1; seed <= kPrograms; ++seed) {
    const Program program = make_program(seed);
    const std::set<std::string> wanted = Model(program).outcomes();
    bool is_exhausted = false;
    ExploreOptions options{.schedules = 20'000, .strategy = depth_first()};
    options.goes_on = true;
    options.skips_private_objects = GetParam();
    const std::set<std::string> found = outcomes_of(program, options, is_exhausted);
    if (!is_exhausted) continue;
    ++exhausted;
    ASSERT_EQ(difference(wanted, found), "") << "seed " << seed << "\n" << describe(program);
  }
  EXPECT_GT(exhausted, kPrograms * 9 / 10);
}

INSTANTIATE_TEST_SUITE_P(PrivateObjects, OutcomesProperty, testing::Bool(),
                         [](const auto& one) { return one.param ? "PassedOver" : "AreSteps"; });

TEST(OutcomesProperty, SweepComesToEachOutcome) {
  std::uint64_t exhausted = 0;
  for (std::uint64_t seed = 1; seed <= kPrograms / 3; ++seed) {
    const Program program = make_program(seed);
    const std::set<std::string> wanted = Model(program).outcomes();
    bool is_exhausted = false;
    ExploreOptions options{.schedules = 20'000, .strategy = deviation_sweep()};
    options.goes_on = true;
    const std::set<std::string> found = outcomes_of(program, options, is_exhausted);
    if (!is_exhausted) continue;
    ++exhausted;
    ASSERT_EQ(difference(wanted, found), "") << "seed " << seed << "\n" << describe(program);
  }
  EXPECT_GT(exhausted, kPrograms / 3 * 8 / 10);
}

TEST(OutcomesProperty, RandomWalkComesToEachOutcomeInTheEnd) {
  for (std::uint64_t seed = 1; seed <= kPrograms / 30; ++seed) {
    const Program program = make_program(seed);
    const std::set<std::string> wanted = Model(program).outcomes();
    bool is_exhausted = false;
    ExploreOptions options{.schedules = 20'000, .strategy = random_walk()};
    options.goes_on = true;
    options.runs_again = false;
    const std::set<std::string> found = outcomes_of(program, options, is_exhausted);
    ASSERT_EQ(difference(wanted, found), "") << "seed " << seed << "\n" << describe(program);
  }
}

}  // namespace
}  // namespace chantrace
