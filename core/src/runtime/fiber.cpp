#include "fiber.h"

#include <sys/mman.h>
#include <unistd.h>

namespace chantrace::detail {
namespace {

std::size_t page_bytes() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

/// Below each stack. A frame with a large array may begin far below the one that calls it, and must
/// not reach the stack of another task. Takes addresses, and no memory.
std::size_t guard_bytes() { return 16 * page_bytes(); }

}  // namespace

void StackPool::set_size(std::size_t size_bytes) {
  const std::size_t page = page_bytes();
  const std::size_t rounded = (size_bytes * kFrameFactor + page - 1) / page * page;
  if (rounded == size_bytes_) return;
  unmap_all();
  size_bytes_ = rounded;
}

std::byte* StackPool::map() {
  const std::size_t guard = guard_bytes();
  void* const memory = mmap(nullptr, guard + size_bytes_, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* const lowest = static_cast<std::byte*>(memory);
  if (mprotect(lowest, guard, PROT_NONE) != 0) {
    munmap(lowest, guard + size_bytes_);
    return nullptr;
  }
  std::byte* const stack = lowest + guard;
  mapped_.push_back(stack);
  free_.reserve(mapped_.size());  // Giving one back never allocates.
  static_cast<void>(VALGRIND_STACK_REGISTER(stack, stack + size_bytes_));
  return stack;
}

void StackPool::unmap_all() {
  const std::size_t guard = guard_bytes();
  for (std::byte* const stack : mapped_) {
    forget_stack_contents(stack, size_bytes_);
    munmap(stack - guard, guard + size_bytes_);
  }
  mapped_.clear();
  free_.clear();
}

bool StackPool::is_below(const std::byte* stack, const void* address) {
  const auto* const byte = static_cast<const std::byte*>(address);
  return byte < stack && byte >= stack - guard_bytes();
}

}  // namespace chantrace::detail
