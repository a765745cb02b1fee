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

    ASSERT_EQ(verdict.disagreement, "") << "seed " << seed << "\n" << program;
    exhausted += verdict.is_exhausted ? 1 : 0;
  }
  EXPECT_GT(exhausted, kPrograms / 2);
}

}  // namespace
}  // namespace chantrace
