/// \file
/// How an operation is recorded: some 5 ns in the task's own buffer, and a predicted branch where
/// nothing is recorded.
#pragma once

#include <cstddef>
#include <cstdint>

#include "chantrace/detail/task_control.h"

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#else
#include <ctime>
#endif

namespace chantrace::detail {

/// The time that a record carries.
inline std::uint64_t ticks() {
#if defined(__x86_64__) || defined(__i386__)
  return __rdtsc();
#else
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(time.tv_nsec);
#endif
}

/// The time of a record that `self` makes now.
inline std::uint64_t record_time(const TaskControl& self) {
  return self.clock != nullptr ? *self.clock : ticks();
}

/// Gives the task a chunk with room. False: the recording has ended.
bool next_chunk(TaskControl& self);
/// The id of a site.
std::uint32_t find_site(TaskControl& self, const Location& site);

/// Asks for the cache line of `memory`, whose address need not be valid.
inline void prefetch_for_writing(const void* memory) {
#if defined(__x86_64__)
  // The compiler's own builtin makes this instruction only for a processor that is named to it; all
  // 64-bit ones take it, some as a no-op.
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(memory)));
#else
  __builtin_prefetch(memory, 1);
#endif
}

/// How far ahead of a record its cache line is asked for: some 200 ns at 15 ns a record, twice what
/// a line takes from another processor here.
inline constexpr std::ptrdiff_t kRecordsAhead = 16;

/// Stores one record where it was found that there is room: as the chunk's number `count`.
inline void store_record_at(Chunk& chunk, std::uint32_t count, const EventRecord& record) {
  EventRecord* const place = chunk.events() + count;
  // The buffer may be in another processor's cache. The next locked instruction would wait for each
  // line that comes from there, so lines are asked for ahead of their time.
  prefetch_for_writing(place + kRecordsAhead);
  *place = record;
  chunk.count.store(count + 1, std::memory_order_release);
}

/// Stores one record. Requires: `self.is_recording`, and `self` is the caller's own task.
inline void store_record(TaskControl& self, const EventRecord& record) {
  const std::uint32_t count = self.chunk->count.load(std::memory_order_relaxed);
  if (count < self.chunk_capacity) return store_record_at(*self.chunk, count, record);
  if (next_chunk(self))
    store_record_at(*self.chunk, self.chunk->count.load(std::memory_order_relaxed), record);
}

/// What a record says besides task, time and site.
struct Happening {
  Operation operation;
  Phase phase = Phase::kBoth;
  Outcome outcome = Outcome::kOk;
  std::uint8_t marks = 0;
  std::uint16_t detail = 0;
  std::uint32_t object = 0;
  std::uint32_t sequence = 0;
  std::uint64_t value = 0;
};

inline EventRecord make_record(const Happening& what, std::uint64_t time, std::uint32_t site) {
  return {.time = time,
          .value = what.value,
          .object = what.object,
          .sequence = what.sequence,
          .site = site,
          .operation = what.operation,
          .flags = make_flags(what.phase, what.outcome, what.marks),
          .detail = what.detail};
}

/// Records in every case: a new site, a full chunk, a stack before it. By value, so that what the
/// short way records never has to be in memory.
void record_fully(TaskControl& self, Happening what, const Location& site);

/// Requires: `self.is_recording`, and `self` is the caller's own task.
inline void record_always(TaskControl& self, const Happening& what, const Location& site,
                          std::uint64_t time) {
  if (what.phase == Phase::kDone) ++self.other_records;
  const std::uint32_t count = self.chunk->count.load(std::memory_order_relaxed);
  const SiteCache::Entry& known = self.sites.entry(site);
  if (count >= self.short_capacity || !known.is(site)) [[unlikely]]
    return record_fully(self, what, site);
  store_record_at(*self.chunk, count, make_record(what, time, known.id));
}

/// Records what just happened, if anyone wants to know. Costs a predicted branch otherwise.
///
/// Built with CHANTRACE_RECORDING=0 the library cannot record; that build is what the cost of being
/// able to is measured against.
#ifndef CHANTRACE_RECORDING
#define CHANTRACE_RECORDING 1
#endif
inline void record(TaskControl& self, const Happening& what, const Location& site) {
  if (CHANTRACE_RECORDING != 0 && self.is_recording) [[unlikely]]
    record_always(self, what, site, record_time(self));
}
/// The same for what is no operation: see `starts_operation`.
inline void record_note(TaskControl& self, const Happening& what, const Location& site) {
  if (self.is_recording) ++self.other_records;
  record(self, what, site);
}
/// With a time that was taken before: reading the clock then costs a third of what it costs beside
/// the stores of a record.
inline void record(TaskControl& self, const Happening& what, const Location& site,
                   std::uint64_t time) {
  if (CHANTRACE_RECORDING != 0 && self.is_recording) [[unlikely]]
    record_always(self, what, site, time);
}

/// Sets what is recorded of a task by itself: all that its recording wants, or nothing.
void start_recording(TaskControl& self);
/// What it does is noted in `log` instead. Requires: it is under control.
void start_logging(TaskControl& self, EventLog& log);
void stop_recording(TaskControl& self);

/// What a record of an operation that went through at once says of a lock-like object.
/// Requires: the latch.
inline Happening happening(Object& object, Operation operation, Phase phase = Phase::kBoth,
                           Outcome outcome = Outcome::kOk) {
  return {.operation = operation,
          .phase = phase,
          .outcome = outcome,
          .object = to_number(object.id),
          .sequence = ++object.sequence};
}

}  // namespace chantrace::detail
