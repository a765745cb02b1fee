#include "endurance.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "measure.h"

namespace chantrace::bench {
namespace {

constexpr std::uint64_t kWarmUp = 50'000;
constexpr std::uint64_t kAtOnce = 250;
constexpr std::int64_t kGrowthMaxKilobytes = 1'024;

/// What a process holds.
struct Held {
  std::int64_t resident_kilobytes = 0;
  std::int64_t maps = 0;
  std::int64_t files = 0;
};

Held look() {
  Held held;
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  held.resident_kilobytes = pages * sysconf(_SC_PAGESIZE) / 1'024;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) ++held.maps;
  const std::filesystem::directory_iterator files("/proc/self/fd");
  held.files = std::distance(begin(files), end(files));
  return held;
}

void print(std::uint64_t executions, const Held& held) {
  fmt::print("after {:>9} executions: {} KiB resident, {} maps, {} files\n", executions,
             held.resident_kilobytes, held.maps, held.files);
}

/// Explores in turn until there were `count` more executions. `turn` goes on from call to call.
class Rounds {
 public:
  explicit Rounds(const std::vector<BugProgram>& programs) : programs_(programs) {}

  void run(std::uint64_t count) {
    for (std::uint64_t made = 0; made < count; ++turn_) {
      const BugProgram& program = programs_[turn_ % programs_.size()];
      const auto& strategies = searched_strategies();
      const bool is_fixed = turn_ / programs_.size() % 4 == 3;
      const ExploreResult result =
          explore([&] { is_fixed ? program.fixed() : program.faulty(); },
                  {.schedules = kAtOnce,
                   .strategy = strategies[turn_ / programs_.size() % strategies.size()],
                   .seed = turn_,
                   .run = run_options({}),
                   .goes_on = true,
                   .shrink = {.executions = 0}});
      made += result.executions;
      failures_ += result.failures;
      abandoned_ += result.abandoned;
    }
  }
  std::uint64_t failures() const { return failures_; }
  std::uint64_t abandoned() const { return abandoned_; }

 private:
  const std::vector<BugProgram>& programs_;
  std::uint64_t turn_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t abandoned_ = 0;
};

}  // namespace

bool endure(const std::vector<BugProgram>& programs, std::uint64_t executions) {
  Rounds rounds(programs);
  rounds.run(kWarmUp);
  const Held before = look();
  print(0, before);
  constexpr std::uint64_t kParts = 10;
  Held after;
  for (std::uint64_t part = 1; part <= kParts; ++part) {
    rounds.run(executions / kParts);
    after = look();
    print(part * executions / kParts, after);
    std::fflush(stdout);
  }
  const bool holds = after.resident_kilobytes - before.resident_kilobytes <= kGrowthMaxKilobytes &&
                     after.maps <= before.maps && after.files <= before.files;
  fmt::print("{} executions failed, {} tasks were abandoned\n{}: the process {}\n",
             rounds.failures(), rounds.abandoned(), holds ? "PASS" : "FAIL",
             holds ? "has not grown" : "has grown");
  return holds;
}

}  // namespace chantrace::bench
