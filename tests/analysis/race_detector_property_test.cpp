// Against a model that keeps the whole order: an access races with an earlier one of another task
// if no chain of steps leads from one to the other.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "analysis/race_detector.h"

namespace chantrace {
namespace {

struct Move {
  enum class Kind : std::uint8_t { kStart, kGive, kGiveAlone, kTake, kMeet, kRead, kWrite };
  Kind kind;
  std::uint32_t task;
  std::uint32_t other;  ///< A task, a clock, or a variable.
};

std::ostream& operator<<(std::ostream& out, const Move& move) {
  constexpr const char* kNames[] = {"start", "give", "give alone", "take", "meet", "read", "write"};
  return out << move.task << " " << kNames[static_cast<int>(move.kind)] << " " << move.other;
}

constexpr std::uint32_t kTasks = 5;
constexpr std::uint32_t kOthers = 3;

rc::Gen<std::vector<Move>> any_moves() {
  using Kind = Move::Kind;
  return rc::gen::container<std::vector<Move>>(rc::gen::construct<Move>(
      rc::gen::weightedElement<Kind>({{1, Kind::kStart},
                                      {3, Kind::kGive},
                                      {1, Kind::kGiveAlone},
                                      {4, Kind::kTake},
                                      {1, Kind::kMeet},
                                      {4, Kind::kRead},
                                      {3, Kind::kWrite}}),
      rc::gen::inRange<std::uint32_t>(0, kTasks), rc::gen::inRange<std::uint32_t>(0, kOthers)));
}

/// Each task and each clock knows a set of moves, all that came before it.
class Model {
 public:
  void make(std::uint32_t index, const Move& move) {
    using Kind = Move::Kind;
    Known& self = tasks_[move.task];
    Known& clock = clocks_[move.other];
    switch (move.kind) {
      case Kind::kStart:
        return add(tasks_[move.other], self);
      case Kind::kGiveAlone:
        clock.clear();
        return add(clock, self);
      case Kind::kGive:
        return add(clock, self);
      case Kind::kTake:
        return add(self, clock);
      case Kind::kMeet:
        add(self, tasks_[move.other]);
        return add(tasks_[move.other], self);
      case Kind::kRead:
      case Kind::kWrite:
        break;
    }
    const bool is_write = move.kind == Kind::kWrite;
    for (const auto& [earlier, access] : accesses_)
      if (access.other == move.other && access.task != move.task && !self.contains(earlier) &&
          (is_write || access.kind == Kind::kWrite)) {
        racing_variables_.insert(move.other);
        races_.emplace(earlier, index);
      }
    accesses_.emplace(index, move);
    self.insert(index);
  }

  const std::set<std::uint32_t>& racing_variables() const { return racing_variables_; }
  bool has_race(std::uint32_t first, std::uint32_t second) const {
    return races_.contains({first, second});
  }

 private:
  using Known = std::set<std::uint32_t>;
  static void add(Known& to, const Known& from) { to.insert(from.begin(), from.end()); }

  std::map<std::uint32_t, Known> tasks_;
  std::map<std::uint32_t, Known> clocks_;
  std::map<std::uint32_t, Move> accesses_;  // By index of the move.
  std::set<std::uint32_t> racing_variables_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> races_;
};

/// The move's index is its site.
void make(RaceDetector& detector, std::vector<VectorClock>& clocks, std::uint32_t index,
          const Move& move) {
  using Kind = Move::Kind;
  switch (move.kind) {
    case Kind::kStart:
      return detector.start(move.task, move.other);
    case Kind::kGive:
      return detector.give(move.task, clocks[move.other]);
    case Kind::kGiveAlone:
      return detector.give_alone(move.task, clocks[move.other]);
    case Kind::kTake:
      return detector.take(move.task, clocks[move.other]);
    case Kind::kMeet:
      return detector.meet(move.task, move.other);
    case Kind::kRead:
      return detector.read(move.task, move.other, index);
    case Kind::kWrite:
      return detector.write(move.task, move.other, index);
  }
}

RC_GTEST_PROP(RaceDetectorProperty, FindsRacesWhereTheWholeOrderHasThem, ()) {
  const std::vector<Move> moves = *any_moves();

  RaceDetector detector;
  detector.write(0, 0, 0);  // What came before does not matter.
  detector.clear();
  std::vector<VectorClock> clocks(kOthers);
  Model model;
  for (std::uint32_t i = 0; i < moves.size(); ++i) {
    make(detector, clocks, i, moves[i]);
    model.make(i, moves[i]);
  }

  std::set<std::uint32_t> racing;
  for (const Race& race : detector.races()) {
    racing.insert(race.variable);
    RC_ASSERT(model.has_race(race.first.site, race.second.site));
    RC_ASSERT(race.first.task == moves[race.first.site].task);
    RC_ASSERT(race.second.task == moves[race.second.site].task);
  }
  if (detector.races().size() < RaceDetector::kRacesMax)
    RC_ASSERT(racing == model.racing_variables());
  RC_CLASSIFY(!racing.empty(), "races");
  RC_CLASSIFY(moves.size() > 20 && racing.empty(), "long, and no race");
}

TEST(RaceDetectorTest, TasksBeyondTheLimitAreNotJudgedAndPassOnWhatTheyKnow) {
  RaceDetector detector;
  VectorClock clock;
  for (std::uint32_t task = 0; task < RaceDetector::kAccessorsMax; ++task)
    detector.write(task, task, 1);
  constexpr std::uint32_t kBeyond = RaceDetector::kAccessorsMax;

  detector.write(kBeyond, 0, 2);
  EXPECT_TRUE(detector.races().empty());
  detector.give(0, clock);
  detector.take(kBeyond, clock);
  detector.give(kBeyond, clock);
  detector.take(1, clock);
  detector.write(1, 0, 3);
  EXPECT_TRUE(detector.races().empty());
  detector.write(2, 0, 4);
  EXPECT_EQ(detector.races().size(), 1u);
}

}  // namespace
}  // namespace chantrace
