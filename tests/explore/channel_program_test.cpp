// Random programs of tasks, channels and locks do what a model says that knows neither tasks nor
// schedules. `fuzz_channel_programs` does the same for as long as one likes.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>

#include "support/check_channel_program.h"
#include "support/leaks_allowed.h"

namespace chantrace {
namespace {

#if defined(CHANTRACE_WITH_TSAN) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kPrograms = 20;
#else
constexpr std::uint64_t kPrograms = 100;
#endif

TEST(ChannelProgram, DoesWhatItsModelSays) {
  [[maybe_unused]] const LeaksAllowed leaks;
  std::uint64_t exhausted = 0;
  for (std::uint64_t seed = 1; seed <= kPrograms; ++seed) {
    const auto program = rc::gen::arbitrary<ChannelProgram>()(rc::Random(seed), 100).value();

    const ProgramVerdict verdict = ChannelProgramChecker(program, {.seed = seed}).run();

    EXPECT_EQ(verdict.disagreement, "") << "seed " << seed << "\n" << program;
    exhausted += verdict.is_exhausted ? 1 : 0;
  }
  EXPECT_GT(exhausted, kPrograms / 2);
}

using Kind = ChannelProgram::Kind;

/// Programs that disagreed once. Of this one it was the checker's fault, which took what a task
/// does when another one is unwound, and gives back its lock, for what the program comes to.
const ChannelProgram kKept[] = {
    {.capacities = {0, 2},
     .tasks = {{{Kind::kSend, {{false, 1}}, false, {0, 1}}, {Kind::kSize, {{false, 0}}, false, {}}},
               {},
               {{Kind::kReceive, {{false, 1}}, false, {1}},
                {Kind::kReceive, {{false, 0}}, false, {1, 0}}}}}};

TEST(ChannelProgram, DisagreesNoLonger) {
  [[maybe_unused]] const LeaksAllowed leaks;
  for (const ChannelProgram& program : kKept)
    EXPECT_EQ(ChannelProgramChecker(program, {.runs_on_threads = 50}).run().disagreement, "")
        << program;
}

}  // namespace
}  // namespace chantrace
