// Compiled twice: as it is, and with `chantrace` renamed to `chantrace_plain` and recording left
// out, as is the copy of the library that the second one links. Both stand in one process, and in
// files of their own, so that the compiler makes the same of both.
#include <benchmark/benchmark.h>

#include <cstdint>

#include "chantrace/channel.h"

// The names of the functions are the build's, and always the real library's.
using PairsChannel = chantrace::Channel<std::uint64_t>;
#undef chantrace
namespace chantrace::bench {

void CHANTRACE_BENCH_PAIRS(std::uint64_t count) {
  const PairsChannel channel("pairs", 64);
  for (std::uint64_t i = 0; i < count; ++i) {
    channel.send(i);
    auto value = channel.recv();
    benchmark::DoNotOptimize(*value);
  }
}

}  // namespace chantrace::bench
