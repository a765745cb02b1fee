/// \file
/// Finds accesses to variables that nothing orders, from what happens before what.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace chantrace {

/// How far each task that uses variables had come at some moment, as far as somebody knows of it.
///
/// Threads: a plain value.
class VectorClock {
 public:
  std::uint32_t of(std::uint32_t accessor) const {
    return accessor < times_.size() ? times_[accessor] : 0;
  }
  void set(std::uint32_t accessor, std::uint32_t time) {
    if (accessor >= times_.size()) times_.resize(accessor + 1);
    times_[accessor] = time;
  }
  void join(const VectorClock& other) {
    if (other.times_.size() > times_.size()) times_.resize(other.times_.size());
    for (std::size_t i = 0; i < other.times_.size(); ++i)
      times_[i] = std::max(times_[i], other.times_[i]);
  }
  void clear() { times_.clear(); }

 private:
  std::vector<std::uint32_t> times_;  ///< What is not there is 0.
};

/// One use of a variable.
struct Access {
  std::uint32_t task = 0;
  std::uint32_t site = 0;
  bool is_write = false;

  friend bool operator==(const Access&, const Access&) = default;
};

struct Race {
  std::uint32_t variable = 0;
  Access first;
  Access second;  ///< Came later, and could have come before.
};

/// Fed with the steps of an execution in any order that agrees with what happens before what: the
/// accesses of tasks, and what tasks give to each other through clocks that the caller keeps, one
/// for each thing by which something can be known.
///
/// An access races if an earlier one of another task is not known to its task, and one of the two
/// writes. Of a variable's accesses only the last write, and the reads that no later read knows
/// of, are kept: whoever knows those knows the others. So the first race on each variable is found;
/// of later ones some. Accesses of tasks beyond the first `kAccessorsMax` that make any are not
/// judged, though what they know is passed on. Tasks and variables are numbers of the caller's.
///
/// Source: Flanagan and Freund, "FastTrack: Efficient and Precise Dynamic Race Detection", PLDI
/// 2009. There each task has its time in every clock; here only those that use variables.
/// Threads: one thread at a time.
/// Cost: no allocation once it has seen an execution as large.
class RaceDetector {
 public:
  static constexpr std::uint32_t kAccessorsMax = 256;
  /// Races of one execution, each between two places of its own.
  static constexpr std::size_t kRacesMax = 20;

  /// Forgets the execution.
  void clear();

  /// `child` begins, and knows what `parent` knows.
  void start(std::uint32_t parent, std::uint32_t child);
  /// Whoever takes from the clock knows what `task` knows now.
  void give(std::uint32_t task, VectorClock& clock);
  /// The same, and nothing else any more.
  void give_alone(std::uint32_t task, VectorClock& clock);
  void take(std::uint32_t task, const VectorClock& clock);
  /// Each knows what the other does.
  void meet(std::uint32_t left, std::uint32_t right);
  /// The task acts on behalf of whoever gave to the clock, and forgets what it knew.
  void act_for(std::uint32_t task, const VectorClock& clock);
  void read(std::uint32_t task, std::uint32_t variable, std::uint32_t site);
  void write(std::uint32_t task, std::uint32_t variable, std::uint32_t site);

  const std::vector<Race>& races() const { return races_; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Task {
    VectorClock clock;
    std::uint32_t accessor = kNone;
    std::uint32_t time = 1;
    bool has_given = false;  ///< Since its last access: the next one is at a later time.
  };
  struct Epoch {
    std::uint32_t accessor = kNone;
    std::uint32_t time = 0;
    Access access;
  };
  struct Variable {
    Epoch write;
    std::vector<Epoch> reads;
  };

  Task& task(std::uint32_t number);
  Variable& variable(std::uint32_t number);
  /// nullptr: it is one too many.
  Task* access(std::uint32_t number);
  static bool knows(const Task& task, const Epoch& epoch) {
    return epoch.accessor == kNone || epoch.time <= task.clock.of(epoch.accessor);
  }
  void report(std::uint32_t variable, const Access& first, const Access& second);

  std::vector<Task> tasks_;
  std::vector<Variable> variables_;
  std::uint32_t accessors_ = 0;
  std::vector<Race> races_;
};

}  // namespace chantrace
