#include "stack_copy.h"

#include <cstring>

#include "process.h"

namespace chantrace::notouch {

StackCopy StackCopy::of(const SystemCall& call) {
  std::vector<unsigned char> bytes(kStackBytesMax);
  bytes.resize(read_memory(call.stack_pointer, bytes.data(), bytes.size()));
  bytes.shrink_to_fit();
  return {call.stack_pointer, std::move(bytes)};
}

std::optional<std::uint64_t> StackCopy::word(std::uint64_t address) const {
  std::uint64_t value = 0;
  if (address < start_ || address - start_ > bytes_.size() ||
      bytes_.size() - (address - start_) < sizeof value)
    return std::nullopt;
  std::memcpy(&value, bytes_.data() + (address - start_), sizeof value);
  return value;
}

}  // namespace chantrace::notouch
