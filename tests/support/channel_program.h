/// \file
/// Random programs of tasks, channels and locks; what they can come to, by a model of their own;
/// and running them.
#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <atomic>
#include <compare>
#include <cstddef>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "chantrace/chantrace.h"

namespace chantrace {

struct ChannelProgram {
  static constexpr std::size_t kMutexes = 2;

  enum class Kind { kSend, kReceive, kTrySend, kTryReceive, kSize, kClose, kSelect, kNothing };
  struct Case {
    bool is_send = false;
    std::size_t channel = 0;
  };
  /// Made while the locks are held, which are taken in this order.
  struct Operation {
    Kind kind = Kind::kSend;
    std::vector<Case> cases;   ///< Of a select, or the one channel of any other.
    bool has_default = false;  ///< A select.
    std::vector<std::size_t> locks;
  };

  std::vector<std::size_t> capacities;
  std::vector<std::vector<Operation>> tasks;
};

inline std::ostream& operator<<(std::ostream& out, const ChannelProgram& program) {
  static const char* const kNames[] = {"send", "receive", "try_send", "try_receive",
                                       "size", "close",   "select",   "nothing"};
  out << "capacities:";
  for (const std::size_t capacity : program.capacities) out << " " << capacity;
  for (const auto& task : program.tasks) {
    out << "\n  task:";
    for (const ChannelProgram::Operation& one : task) {
      for (const std::size_t lock : one.locks) out << " lock-" << lock;
      out << " " << kNames[static_cast<int>(one.kind)];
      for (const ChannelProgram::Case& each : one.cases)
        out << (one.kind != ChannelProgram::Kind::kSelect ? " "
                : each.is_send                            ? " send-"
                                                          : " receive-")
            << each.channel;
      out << (one.has_default ? " default" : "") << (one.locks.empty() ? ";" : " unlock;");
    }
  }
  return out;
}

/// How a task notes the value that its operation number `index` sends.
inline int sent_value(std::size_t task, std::size_t index) {
  return static_cast<int>(task * 10 + index);
}
inline std::string seen_value(int value) {
  return std::string(1, static_cast<char>('A' + value / 10)) + static_cast<char>('0' + value % 10);
}
inline std::string seen_case(std::size_t index) {
  return std::string(1, static_cast<char>('p' + index));
}

/// All that a program can come to: what each task has seen, and whether it has ended. Goes through
/// all states, where each operation is made at once and any other may come between two.
class ChannelProgramModel {
 public:
  explicit ChannelProgramModel(const ChannelProgram& program) : program_(program) {
    for (const auto& task : program.tasks) {
      std::vector<Micro>& micros = tasks_.emplace_back();
      for (std::size_t i = 0; i < task.size(); ++i) {
        for (const std::size_t lock : task[i].locks) micros.push_back({&task[i], i, true, lock});
        micros.push_back({&task[i], i, false, kNoLock});
        for (auto lock = task[i].locks.rbegin(); lock != task[i].locks.rend(); ++lock)
          micros.push_back({&task[i], i, false, *lock});
      }
    }
  }

  /// nullopt: there are more states than that.
  std::optional<std::set<std::string>> outcomes(std::size_t states_max) {
    State start;
    start.tasks.resize(tasks_.size());
    start.channels.resize(program_.capacities.size());
    start.holders.assign(ChannelProgram::kMutexes, kNobody);
    visit(std::move(start));
    while (!open_.empty()) {
      if (seen_.size() > states_max) return std::nullopt;
      const State state = std::move(open_.back());
      open_.pop_back();
      expand(state);
    }
    return outcomes_;
  }

 private:
  using Kind = ChannelProgram::Kind;
  static constexpr std::size_t kNoLock = ~std::size_t{0};
  static constexpr std::size_t kNoCase = ~std::size_t{0};
  static constexpr int kNobody = -1;

  /// A step of a task: an operation, or taking or giving back one of its locks.
  struct Micro {
    const ChannelProgram::Operation* operation;
    std::size_t index;
    bool takes;
    std::size_t lock;
  };
  struct Waiter {
    std::size_t task;
    std::size_t which;  ///< The case of a select, or `kNoCase`.
    int value;          ///< Of a sender.
    auto operator<=>(const Waiter&) const = default;
  };
  struct State {
    struct Task {
      std::size_t next = 0;
      bool is_parked = false;
      bool has_ended = false;
      std::string seen;
      auto operator<=>(const Task&) const = default;
    };
    struct Channel {
      std::vector<int> buffer;
      std::vector<Waiter> senders;  ///< First come, first served.
      std::vector<Waiter> receivers;
      bool is_closed = false;
      auto operator<=>(const Channel&) const = default;
    };
    std::vector<Task> tasks;
    std::vector<Channel> channels;
    std::vector<int> holders;
    auto operator<=>(const State&) const = default;
  };

  void visit(State state) {
    if (seen_.insert(state).second) open_.push_back(std::move(state));
  }

  void expand(const State& state) {
    bool is_stuck = true;
    for (std::size_t task = 0; task < state.tasks.size(); ++task) {
      if (state.tasks[task].is_parked || state.tasks[task].has_ended) continue;
      for (State& next : steps_of(state, task)) {
        is_stuck = false;
        visit(std::move(next));
      }
    }
    if (!is_stuck) return;
    std::string outcome;
    for (const State::Task& task : state.tasks)
      outcome += task.seen + (task.has_ended ? ". " : "! ");
    outcomes_.insert(outcome);
  }

  static void done(State& state, std::size_t task, const std::string& seen) {
    state.tasks[task].seen += seen;
    state.tasks[task].is_parked = false;
    ++state.tasks[task].next;
  }
  /// It takes no other case.
  static Waiter take_first(State& state, std::vector<Waiter>& line) {
    const Waiter first = line.front();
    for (State::Channel& channel : state.channels)
      for (std::vector<Waiter>* const each : {&channel.senders, &channel.receivers})
        std::erase_if(*each, [&](const Waiter& one) { return one.task == first.task; });
    return first;
  }
  static void wake(State& state, const Waiter& waiter, const std::string& seen) {
    done(state, waiter.task, (waiter.which != kNoCase ? seen_case(waiter.which) : "") + seen);
  }

  /// None: it cannot go on now.
  std::vector<State> steps_of(const State& state, std::size_t task) const {
    State next = state;
    if (state.tasks[task].next == tasks_[task].size()) {
      next.tasks[task].has_ended = true;
      return {next};
    }
    const Micro& micro = tasks_[task][state.tasks[task].next];
    if (micro.lock != kNoLock) {
      if (micro.takes && state.holders[micro.lock] != kNobody) return {};
      next.holders[micro.lock] = micro.takes ? static_cast<int>(task) : kNobody;
      done(next, task, "");
      return {next};
    }
    const ChannelProgram::Operation& one = *micro.operation;
    const int value = sent_value(task, micro.index);
    switch (one.kind) {
      case Kind::kNothing:
        done(next, task, "");
        return {next};
      case Kind::kSize:
        done(next, task, std::to_string(state.channels[one.cases[0].channel].buffer.size()));
        return {next};
      case Kind::kClose:
        close(next, task, one.cases[0].channel);
        return {next};
      default:
        break;
    }
    const bool is_select = one.kind == Kind::kSelect;
    std::vector<State> all;
    for (std::size_t i = 0; i < one.cases.size(); ++i) {
      State taken = state;
      if (take(taken, task, case_of(one, i), is_select ? i : kNoCase, value))
        all.push_back(std::move(taken));
    }
    if (!all.empty()) return all;
    if (one.has_default || one.kind == Kind::kTrySend || one.kind == Kind::kTryReceive) {
      done(next, task, "-");
      return {next};
    }
    next.tasks[task].is_parked = true;
    for (std::size_t i = 0; i < one.cases.size(); ++i) {
      const ChannelProgram::Case each = case_of(one, i);
      State::Channel& channel = next.channels[each.channel];
      (each.is_send ? channel.senders : channel.receivers)
          .push_back({task, is_select ? i : kNoCase, value});
    }
    return {next};
  }

  static ChannelProgram::Case case_of(const ChannelProgram::Operation& one, std::size_t index) {
    ChannelProgram::Case each = one.cases[index];
    if (one.kind != Kind::kSelect)
      each.is_send = one.kind == Kind::kSend || one.kind == Kind::kTrySend;
    return each;
  }

  /// False: it is not ready.
  bool take(State& state, std::size_t task, const ChannelProgram::Case& each, std::size_t which,
            int value) const {
    State::Channel& channel = state.channels[each.channel];
    const std::string prefix = which != kNoCase ? seen_case(which) : "";
    if (each.is_send) {
      if (channel.is_closed) {
        done(state, task, "x");  // An exception does not say which case it was.
      } else if (!channel.receivers.empty()) {
        wake(state, take_first(state, channel.receivers), seen_value(value));
        done(state, task, prefix + "s");
      } else if (channel.buffer.size() < program_.capacities[each.channel]) {
        channel.buffer.push_back(value);
        done(state, task, prefix + "s");
      } else {
        return false;
      }
      return true;
    }
    if (!channel.buffer.empty()) {
      const int first = channel.buffer.front();
      channel.buffer.erase(channel.buffer.begin());
      done(state, task, prefix + seen_value(first));
      if (!channel.senders.empty()) {
        const Waiter sender = take_first(state, channel.senders);
        channel.buffer.push_back(sender.value);
        wake(state, sender, "s");
      }
    } else if (!channel.senders.empty()) {
      const Waiter sender = take_first(state, channel.senders);
      done(state, task, prefix + seen_value(sender.value));
      wake(state, sender, "s");
    } else if (channel.is_closed) {
      done(state, task, prefix + "c");
    } else {
      return false;
    }
    return true;
  }

  static void close(State& state, std::size_t task, std::size_t which) {
    State::Channel& channel = state.channels[which];
    if (channel.is_closed) return done(state, task, "x");
    channel.is_closed = true;
    while (!channel.receivers.empty()) wake(state, take_first(state, channel.receivers), "c");
    while (!channel.senders.empty()) done(state, take_first(state, channel.senders).task, "x");
    done(state, task, "k");
  }

  const ChannelProgram& program_;
  std::vector<std::vector<Micro>> tasks_;
  std::set<State> seen_;
  std::vector<State> open_;
  std::set<std::string> outcomes_;
};

/// Runs a program, and notes what its tasks see.
class RunningProgram {
 public:
  explicit RunningProgram(const ChannelProgram& program) : program_(program) {}

  /// The body. Starts the tasks, and does not wait for them.
  void run() {
    seen_.assign(program_.tasks.size(), "");
    // Whoever is left behind still uses it.
    const auto world = std::make_shared<World>();
    for (const std::size_t capacity : program_.capacities)
      world->channels.emplace_back("channel", capacity);
    for (std::size_t task = 0; task < program_.tasks.size(); ++task)
      go("task-" + std::to_string(task), [this, world, task] {
        for (std::size_t i = 0; i < program_.tasks[task].size(); ++i)
          note(*world, task, make(*world, program_.tasks[task][i], sent_value(task, i)));
        note(*world, task, ".");
      });
  }
  /// Of the last run, when all has ended that can.
  std::string outcome() const {
    std::string outcome;
    for (const std::string& one : seen_) outcome += one + (one.ends_with('.') ? " " : "! ");
    return outcome;
  }
  bool has_run() const { return !seen_.empty(); }

 private:
  using Kind = ChannelProgram::Kind;
  struct World {
    std::deque<Channel<int>> channels;
    Mutex mutexes[ChannelProgram::kMutexes]{Mutex("mutex-0"), Mutex("mutex-1")};
    /// All has ended that can, and a task is unwound: another one may get its locks and go on.
    std::atomic<bool> is_over = false;
  };
  struct NoteUnwinding {
    World& world;
    ~NoteUnwinding() {
      if (std::uncaught_exceptions() > 0) world.is_over = true;
    }
  };

  void note(const World& world, std::size_t task, const std::string& seen) {
    if (!world.is_over) seen_[task] += seen;
  }

  static std::string make(World& world, const ChannelProgram::Operation& one, int value) {
    std::vector<std::unique_lock<Mutex>> locks;
    // Before the locks are given back.
    for (const std::size_t lock : one.locks) {
      const NoteUnwinding unwinding{world};
      locks.emplace_back(world.mutexes[lock]);
    }
    const NoteUnwinding unwinding{world};
    std::string seen = make_inside(world, one, value);
    while (!locks.empty()) locks.pop_back();
    return seen;
  }

  static std::string make_inside(World& world, const ChannelProgram::Operation& one, int value) {
    try {
      if (one.kind == Kind::kNothing) return "";
      if (one.kind == Kind::kSelect) return select_among(world, one, value);
      const Channel<int>& channel = world.channels[one.cases[0].channel];
      switch (one.kind) {
        case Kind::kSend:
          channel.send(value);
          return "s";
        case Kind::kReceive:
          return seen_of(channel.recv());
        case Kind::kTrySend:
          return channel.try_send(value) ? "s" : "-";
        case Kind::kTryReceive: {
          const RecvResult<int> result = channel.try_recv();
          if (result.status() == RecvStatus::kReceived) return seen_value(result.value());
          return result.status() == RecvStatus::kClosed ? "c" : "-";
        }
        case Kind::kSize:
          return std::to_string(channel.size());
        default:
          channel.close();
          return "k";
      }
    } catch (const ChannelClosed&) {
      return "x";
    }
  }

  static std::string seen_of(const std::optional<int>& value) {
    return value ? seen_value(*value) : "c";
  }

  static std::string select_among(World& world, const ChannelProgram::Operation& one, int value) {
    std::string seen;
    const auto with_case = [&](std::size_t index, const auto& go_on) {
      const Channel<int>& channel = world.channels[one.cases[index].channel];
      if (one.cases[index].is_send)
        go_on(on_send(channel, value, [&seen, index] { seen = seen_case(index) + "s"; }));
      else
        go_on(on_recv(channel, [&seen, index](std::optional<int> got) {
          seen = seen_case(index) + seen_of(got);
        }));
    };
    const auto finish = [&](auto&&... cases) {
      if (one.has_default)
        select(cases..., on_default([&] { seen = "-"; }));
      else
        select(cases...);
    };
    with_case(0, [&](auto first) {
      if (one.cases.size() == 1) return finish(first);
      with_case(1, [&](auto second) {
        if (one.cases.size() == 2) return finish(first, second);
        with_case(2, [&](auto third) { finish(first, second, third); });
      });
    });
    return seen;
  }

  const ChannelProgram& program_;
  std::vector<std::string> seen_;
};

}  // namespace chantrace

namespace rc {

/// Small enough that all that it can come to is known: two or three tasks with up to four
/// operations each, of few kinds, so that they meet.
template <>
struct Arbitrary<chantrace::ChannelProgram> {
  static Gen<chantrace::ChannelProgram> arbitrary() {
    using chantrace::ChannelProgram;
    using Kind = ChannelProgram::Kind;
    return gen::exec([] {
      ChannelProgram program;
      const auto channels = *gen::inRange<std::size_t>(1, 4);
      program.capacities = *gen::container<std::vector<std::size_t>>(
          channels, gen::element<std::size_t>(0, 1, 0, 2));
      const auto one_case = gen::build<ChannelProgram::Case>(
          gen::set(&ChannelProgram::Case::is_send),
          gen::set(&ChannelProgram::Case::channel, gen::inRange<std::size_t>(0, channels)));
      const auto locks = gen::weightedOneOf<std::vector<std::size_t>>(
          {{5, gen::just(std::vector<std::size_t>{})},
           {1, gen::element(std::vector<std::size_t>{0}, std::vector<std::size_t>{1},
                            std::vector<std::size_t>{0, 1}, std::vector<std::size_t>{1, 0})}});
      const auto operation = gen::mapcat(
          gen::weightedElement<Kind>({{6, Kind::kSend},
                                      {6, Kind::kReceive},
                                      {1, Kind::kTrySend},
                                      {1, Kind::kTryReceive},
                                      {1, Kind::kSize},
                                      {2, Kind::kClose},
                                      {5, Kind::kSelect},
                                      {1, Kind::kNothing}}),
          [=](Kind kind) {
            const auto cases_max = static_cast<std::size_t>(kind == Kind::kSelect ? 4 : 2);
            return gen::build<ChannelProgram::Operation>(
                gen::set(&ChannelProgram::Operation::kind, gen::just(kind)),
                gen::set(&ChannelProgram::Operation::cases,
                         gen::mapcat(gen::inRange<std::size_t>(1, cases_max),
                                     [=](std::size_t count) {
                                       return gen::container<std::vector<ChannelProgram::Case>>(
                                           count, one_case);
                                     })),
                gen::set(&ChannelProgram::Operation::has_default,
                         kind == Kind::kSelect ? gen::weightedElement<bool>({{3, false}, {1, true}})
                                               : gen::just(false)),
                gen::set(&ChannelProgram::Operation::locks, locks));
          });
      const auto tasks = *gen::inRange<std::size_t>(2, 4);
      for (std::size_t i = 0; i < tasks; ++i)
        program.tasks.push_back(
            *gen::mapcat(gen::inRange<std::size_t>(0, 5), [=](std::size_t count) {
              return gen::container<std::vector<ChannelProgram::Operation>>(count, operation);
            }));
      return program;
    });
  }
};

}  // namespace rc
