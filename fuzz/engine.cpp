// What fuzzing engines call, and where they look: the interface of libFuzzer, which AFL++ and
// others have taken over.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "chantrace/fuzz_target.h"
#include "harness.h"

extern "C" {

// libFuzzer changes bytes as it would without us. The driver of AFL++ has one that does nothing.
[[gnu::weak]] std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                           std::size_t size_max);
// Coverage as Clang's trace-pc-guard reports it. AFL++ and honggfuzz give each guard a place in
// their map.
[[gnu::weak]] void __sanitizer_cov_trace_pc_guard(std::uint32_t* guard);
[[gnu::weak]] void __sanitizer_cov_trace_pc_guard_init(std::uint32_t* start, std::uint32_t* stop);
[[gnu::weak]] void __libfuzzer_is_present();

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                    unsigned int seed);
}

namespace chantrace {
namespace {

// Programs of a few hundred lines have less than a thousand edges. libFuzzer looks through all of
// them after each execution.
constexpr std::size_t kEdges = 1 << 14;

// libFuzzer takes what is in this section for counters, and clears it before each execution.
[[gnu::section("__libfuzzer_extra_counters")]] std::array<std::uint8_t, kEdges> edges;

std::optional<detail::FuzzTarget>& registered() {
  static std::optional<detail::FuzzTarget> target;
  return target;
}

/// Engines that know guards and not the section.
class Guards {
 public:
  Guards() {
    if (is_used()) __sanitizer_cov_trace_pc_guard_init(guards_.data(), guards_.data() + kEdges);
  }

  /// Of the last execution; then all are 0.
  void report() {
    if (!is_used()) return;
    for (std::size_t i = 0; i < kEdges; ++i)
      for (; edges[i] > 0; --edges[i]) __sanitizer_cov_trace_pc_guard(&guards_[i]);
  }

 private:
  static bool is_used() {
    return __sanitizer_cov_trace_pc_guard_init != nullptr &&
           __sanitizer_cov_trace_pc_guard != nullptr && __libfuzzer_is_present == nullptr;
  }

  std::array<std::uint32_t, kEdges> guards_ = {};
};

// AFL++ has to know how many there are before it starts.
Guards guards;

/// Of all inputs of this process.
struct Fuzzing {
  Harness harness{detail::fuzz_target(), edges};
  std::uint64_t decisions = 0;  ///< Of the last execution,
  std::uint32_t tasks = 0;      ///< and its tasks.
};

Fuzzing& fuzzing() {
  static Fuzzing one;
  return one;
}

}  // namespace

namespace detail {

bool set_fuzz_target(const FuzzTarget& target) {
  if (registered()) {
    std::fprintf(stderr, "chantrace: %s and %s: a program has one fuzz target\n",
                 registered()->name, target.name);
    std::exit(2);
  }
  registered() = target;
  return true;
}

const FuzzTarget& fuzz_target() {
  if (!registered()) {
    std::fprintf(stderr, "chantrace: this program has no CHANTRACE_FUZZ_TARGET\n");
    std::exit(2);
  }
  return *registered();
}

}  // namespace detail
}  // namespace chantrace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace chantrace;
  Fuzzing& one = fuzzing();
  const detail::ByteRun run = one.harness.run({data, size});
  one.decisions = run.decisions;
  one.tasks = run.tasks;
  guards.report();
  if (!run.has_failed) return 0;
  // AFL++ reads nothing of this, and takes for a hang what takes long.
  if (std::getenv("__AFL_SHM_ID") == nullptr) std::fputs(one.harness.describe(run).c_str(), stderr);
  std::abort();
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t size_max,
                                    unsigned int seed) {
  using namespace chantrace;
  // What libFuzzer itself makes of bytes is now and then what is missing.
  constexpr unsigned int kLeftToEngineOneOf = 8;
  if (LLVMFuzzerMutate != nullptr && seed % kLeftToEngineOneOf == 0)
    return LLVMFuzzerMutate(data, size, size_max);
  std::vector<std::uint8_t> bytes(data, data + size);
  const Fuzzing& one = fuzzing();
  detail::mutate_bytes(
      bytes, {.size_max = size_max, .decisions = one.decisions, .tasks = one.tasks, .seed = seed});
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}
