// Built with `chantrace` renamed to `chantrace_plain` and recording left out, as is the copy of the
// library that it links: both stand in one process with the real ones.
#include <cstdint>

#include "chantrace/channel.h"

// The name of the function is the real library's.
#undef chantrace
namespace chantrace::bench {

void plain_pairs(std::uint64_t count) {
  static const chantrace_plain::Channel<std::uint64_t> channel("plain", 64);
  for (std::uint64_t i = 0; i < count; ++i) {
    channel.send(i);
    channel.recv();
  }
}

}  // namespace chantrace::bench
