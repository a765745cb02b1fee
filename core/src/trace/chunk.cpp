#include "chantrace/detail/chunk.h"

#include <new>

#include "chantrace/detail/assert.h"
#include "wire.h"

namespace chantrace::detail {

Chunk* make_chunk(std::span<std::byte> memory, TaskId task, std::uint64_t first_index,
                  std::uint64_t lost_before) {
  CHANTRACE_ASSERT(memory.size() >= sizeof(Chunk) + sizeof(EventRecord));
  CHANTRACE_ASSERT(reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(Chunk) == 0);

  // The memory may be a spool's, which a reader may look at after a kill at any instruction. The
  // old chunk is made empty before its events could be taken for the new task's.
  auto* const chunk = std::launder(reinterpret_cast<Chunk*>(memory.data()));
  chunk->count.store(0, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);

  chunk->segment_count_less_one = 0;
  chunk->segment_words = kChunkSegmentWords;
  chunk->root_pointer = kMessagePointer;
  chunk->message_union = kChunkMember;
  chunk->message_pointer = kChunkPointer;
  chunk->task = to_number(task);
  chunk->first_index = first_index;
  chunk->lost_before = lost_before;
  chunk->list_pointer = struct_list_pointer(0);
  chunk->list_tag = struct_list_tag(0, kEventWords);
  return chunk;
}

std::span<const std::byte> seal(Chunk& chunk) {
  const std::uint32_t count = chunk.count.load(std::memory_order_acquire);
  chunk.segment_words = static_cast<std::uint32_t>(kChunkSegmentWords + count * kEventWords);
  chunk.list_pointer = struct_list_pointer(count * kEventWords);
  chunk.list_tag = struct_list_tag(count, kEventWords);
  return {reinterpret_cast<const std::byte*>(&chunk), sizeof(Chunk) + count * sizeof(EventRecord)};
}

}  // namespace chantrace::detail
