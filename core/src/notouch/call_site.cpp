#include "call_site.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "process.h"

namespace chantrace::notouch {
namespace {

/// How sure it is that an address is where a call of a function returns to.
enum class CallMatch { kNone, kIndirect, kThroughTable, kDirect };

template <typename Integer>
std::optional<Integer> read_value(std::uint64_t address) {
  Integer value{};
  if (read_memory(address, &value, sizeof value) != sizeof value) return std::nullopt;
  return value;
}

/// Where a stub of the procedure linkage table at `address` leads to.
std::optional<std::uint64_t> target_of_stub(std::uint64_t address) {
  std::array<unsigned char, 16> code{};
  if (read_memory(address, code.data(), code.size()) != code.size()) return std::nullopt;
  std::size_t at = 0;
  if (code[0] == 0xf3 && code[1] == 0x0f && code[2] == 0x1e) at = 4;  // endbr64
  if (code[at] == 0xf2) ++at;                                         // bnd
  if (code[at] != 0xff || code[at + 1] != 0x25) return std::nullopt;  // jmp *offset(%rip)
  std::int32_t offset = 0;
  std::memcpy(&offset, &code[at + 2], sizeof offset);
  return read_value<std::uint64_t>(address + at + 6 +
                                   static_cast<std::uint64_t>(static_cast<std::int64_t>(offset)));
}

/// Looks at the instruction before `returns_to`.
CallMatch match_call(std::uint64_t returns_to, std::uint64_t entry) {
  std::array<unsigned char, 8> code{};
  if (read_memory(returns_to - code.size(), code.data(), code.size()) != code.size())
    return CallMatch::kNone;
  if (code[3] == 0xe8) {  // call offset
    std::int32_t offset = 0;
    std::memcpy(&offset, &code[4], sizeof offset);
    const std::uint64_t target =
        returns_to + static_cast<std::uint64_t>(static_cast<std::int64_t>(offset));
    if (target == entry) return CallMatch::kDirect;
    if (target_of_stub(target) == entry) return CallMatch::kThroughTable;
  }
  // call *register, call *offset(register), call *offset(%rip): 2, 3, 6 or 7 bytes.
  for (const std::size_t length : {2u, 3u, 6u, 7u}) {
    const std::size_t at = code.size() - length;
    if (code[at] == 0xff && (code[at + 1] & 0x38) == 0x10) return CallMatch::kIndirect;
  }
  return CallMatch::kNone;
}

}  // namespace

bool keeps_frame_pointer(std::uint64_t entry) {
  std::array<unsigned char, 32> code{};
  const std::size_t size = read_memory(entry, code.data(), code.size());
  constexpr std::array<unsigned char, 3> kMove{0x48, 0x89, 0xe5};  // mov %rsp,%rbp
  const auto end = code.begin() + static_cast<std::ptrdiff_t>(size);
  return std::search(code.begin(), end, kMove.begin(), kMove.end()) != end;
}

std::optional<CallSite> find_call(std::uint64_t entry, std::uint64_t stack_pointer,
                                  const StackCopy& stack,
                                  const std::function<bool(std::uint64_t)>& is_code) {
  std::optional<CallSite> best;
  CallMatch best_match = CallMatch::kNone;
  for (std::uint64_t at = (stack_pointer + 7) & ~std::uint64_t{7};; at += 8) {
    const auto pushed = stack.word(at);
    const auto returns_to = stack.word(at + 8);
    if (!pushed || !returns_to) break;
    // Stacks are full of zeros, and one is quickly told.
    if (*returns_to == 0 || !is_code(*returns_to - 1)) continue;
    const CallMatch match = match_call(*returns_to, entry);
    if (match <= best_match) continue;
    // An outer frame lies further out; the outermost one's pointer is 0, or anything.
    const bool is_frame = *pushed > at && stack.contains(*pushed);
    if (match == CallMatch::kIndirect && !is_frame) continue;
    best_match = match;
    best = CallSite{*returns_to, at + 16, *pushed};
    if (match >= CallMatch::kThroughTable) break;
  }
  return best;
}

}  // namespace chantrace::notouch
