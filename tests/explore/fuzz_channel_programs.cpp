// Tries random programs until its time is over, or one does not do what its model says. Prints the
// smallest one that does not.
#include <rapidcheck.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "support/check_channel_program.h"

namespace chantrace {
namespace {

ProgramVerdict check(const ChannelProgram& program, std::uint64_t seed) {
  return ChannelProgramChecker(program, {.seed = seed}).run();
}

/// Shrinks as long as there is any disagreement. One of threads may not come again.
int report(rc::Shrinkable<ChannelProgram> program, std::uint64_t seed) {
  std::string disagreement;
  const auto find_smaller = [&] {
    auto smaller = program.shrinks();
    while (auto next = smaller.next()) {
      const ProgramVerdict verdict = check(next->value(), seed);
      if (verdict.disagreement.empty()) continue;
      disagreement = verdict.disagreement;
      program = *next;
      return true;
    }
    return false;
  };
  while (find_smaller()) {
  }
  if (!disagreement.empty())
    std::cout << "\nsmaller: " << disagreement << "\n" << program.value() << "\n";
  return 1;
}

int fuzz(std::chrono::seconds budget, std::uint64_t seed) {
  const auto start = std::chrono::steady_clock::now();
  auto last_line = start;
  std::uint64_t programs = 0;
  std::uint64_t exhausted = 0;
  std::uint64_t too_large = 0;
  for (;; ++seed, ++programs) {
    const auto present = std::chrono::steady_clock::now();
    const bool is_over = present - start >= budget;
    if (is_over || present - last_line > std::chrono::seconds(30)) {
      last_line = present;
      std::cout << programs << " programs up to seed " << seed << ", " << exhausted
                << " with all they can come to, " << too_large << " too large" << std::endl;
    }
    if (is_over) return 0;
    const auto program = rc::gen::arbitrary<ChannelProgram>()(rc::Random(seed), 100);
    const ProgramVerdict verdict = check(program.value(), seed);
    exhausted += verdict.is_exhausted ? 1 : 0;
    too_large += verdict.is_too_large ? 1 : 0;
    if (verdict.disagreement.empty()) continue;
    std::cout << "seed " << seed << ": " << verdict.disagreement << "\n" << program.value() << "\n";
    return report(program, seed);
  }
}

}  // namespace
}  // namespace chantrace

int main(int argc, char** argv) {
  const long seconds = argc >= 2 ? std::atol(argv[1]) : 0;
  const std::uint64_t seed = argc >= 3 ? std::strtoull(argv[2], nullptr, 10) : 1;
  if (argc > 3 || seconds <= 0 || seed == 0) {
    std::cerr << "usage: fuzz_channel_programs SECONDS [SEED]; both are numbers from 1\n";
    return 2;
  }
  return chantrace::fuzz(std::chrono::seconds(seconds), seed);
}
