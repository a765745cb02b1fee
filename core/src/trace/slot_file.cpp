#include "slot_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <new>
#include <utility>

#include "chantrace/detail/assert.h"

namespace chantrace::detail {
namespace {

/// The first slots of a spool: enough for most tests, little enough to make one for each test.
constexpr std::size_t kFirstSlotsBytes = 4 * kSpoolBufferBytes;
/// A spool grows by as much as it has, up to this.
constexpr std::size_t kGrowthBytesMax = 16 << 20;
/// A larger one is not kept for the next trace.
constexpr std::size_t kIdleBytesMax = 16 << 20;

}  // namespace

/// The spool of the trace that was closed last, for the next one. Between the two it keeps its old
/// path; the first trace of a later run that uses the path removes it if this process could not.
///
/// A process has one, since traces follow each other there and their recorders do not know each
/// other.
///
/// Threads: any thread.
class IdleSlotFile {
 public:
  static IdleSlotFile& of_process() {
    static IdleSlotFile only;
    return only;
  }

  ~IdleSlotFile() {
    if (const auto slots = take()) slots->remove();
  }

  void put(std::unique_ptr<SlotFile> slots) {
    const std::scoped_lock lock(mutex_);
    std::swap(slots_, slots);
    process_ = ::getpid();
    if (slots != nullptr) slots->remove();
  }

  std::unique_ptr<SlotFile> take() {
    const std::scoped_lock lock(mutex_);
    std::unique_ptr<SlotFile> slots = std::move(slots_);
    // A forked child only lets go of its parent's file.
    if (process_ != ::getpid()) return nullptr;
    return slots;
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<SlotFile> slots_;  // Guarded by `mutex_`, as is the next one.
  pid_t process_ = 0;
};

std::unique_ptr<SlotFile> SlotFile::create(const std::filesystem::path& path) {
  if (auto idle = IdleSlotFile::of_process().take()) {
    if (idle->move_to(path)) return idle;
    idle->remove();
  }
  std::unique_ptr<SlotFile> slots(new SlotFile(path));
  if (!slots->open()) return nullptr;
  return slots;
}

void SlotFile::recycle(std::unique_ptr<SlotFile> slots) {
  CHANTRACE_ASSERT(slots->taken_count_ == 0);
  // Readers find nothing in it from here on.
  slots->header().identity_bytes.store(0, std::memory_order_relaxed);
  slots->header().log_bytes.store(0, std::memory_order_relaxed);
  if (slots->file_.is_open() && slots->size_bytes_ <= kIdleBytesMax) {
    IdleSlotFile::of_process().put(std::move(slots));
  } else {
    slots->remove();
  }
}

void SlotFile::remove_idle() {
  if (const auto idle = IdleSlotFile::of_process().take()) idle->remove();
}

SlotFile::~SlotFile() {
  for (const Mapping& mapping : mappings_) ::munmap(mapping.memory, mapping.size_bytes);
}

SpoolHeader& SlotFile::header() const {
  return *std::launder(reinterpret_cast<SpoolHeader*>(front_));
}

bool SlotFile::open() {
  auto file = replace_file(path_);
  if (!file.has_value()) return false;
  file_ = std::move(file).value();
  if (!grow(kSpoolFrontBytes + kFirstSlotsBytes)) {
    remove();
    return false;
  }
  auto* const made = new (front_) SpoolHeader;
  made->process_id = static_cast<std::uint64_t>(::getpid());
  return true;
}

bool SlotFile::is_at_its_path() const {
  struct stat mine {};
  struct stat found {};
  return file_.is_open() && ::fstat(file_.get(), &mine) == 0 &&
         ::lstat(path_.c_str(), &found) == 0 && mine.st_ino == found.st_ino &&
         mine.st_dev == found.st_dev;
}

bool SlotFile::move_to(const std::filesystem::path& path) {
  // Somebody else may have put a file of theirs in its place.
  if (!is_at_its_path() || ::rename(path_.c_str(), path.c_str()) != 0) return false;
  path_ = path;
  return true;
}

void SlotFile::remove() {
  if (is_at_its_path()) ::unlink(path_.c_str());
}

void SlotFile::detach() {
  for (const Mapping& mapping : mappings_) {
    const int protection = PROT_READ | PROT_WRITE;
    void* const copy =
        ::mmap(mapping.memory, mapping.size_bytes, protection, MAP_PRIVATE | MAP_FIXED, file_.get(),
               static_cast<off_t>(mapping.offset_bytes));
    if (copy == MAP_FAILED)
      ::mmap(mapping.memory, mapping.size_bytes, protection,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  }
  file_.reset();
}

std::byte* SlotFile::take_small() {
  if (free_small_.empty()) {
    std::byte* const large = take_free_large();
    if (large == nullptr) return nullptr;
    for (std::size_t offset = kSpoolBufferBytes; offset > 0; offset -= kSpoolSmallBufferBytes)
      free_small_.push_back(large + offset - kSpoolSmallBufferBytes);
  }
  std::byte* const slot = free_small_.back();
  free_small_.pop_back();
  set_state(slot, SlotState::kSmall);
  ++taken_count_;
  return slot;
}

std::byte* SlotFile::take_large() {
  std::byte* const slot = take_free_large();
  if (slot == nullptr) return nullptr;
  set_state(slot, SlotState::kLarge);
  ++taken_count_;
  return slot;
}

void SlotFile::give_back(std::span<std::byte> slot) {
  set_state(slot.data(), SlotState::kNone);
  (slot.size() == kSpoolBufferBytes ? free_large_ : free_small_).push_back(slot.data());
  --taken_count_;
}

std::byte* SlotFile::take_free_large() {
  if (free_large_.empty()) grow(std::min(size_bytes_ - kSpoolFrontBytes, kGrowthBytesMax));
  if (free_large_.empty()) return nullptr;
  std::byte* const slot = free_large_.back();
  free_large_.pop_back();
  return slot;
}

bool SlotFile::grow(std::size_t by_bytes) {
  if (!file_.is_open() || size_bytes_ + by_bytes > kSpoolBytesMax) return false;
  if (size_bytes_ + by_bytes > file_bytes_allowed()) return false;
  if (reserve(file_.get(), size_bytes_, by_bytes) != 0) return false;
  void* const memory = ::mmap(nullptr, by_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(),
                              static_cast<off_t>(size_bytes_));
  if (memory == MAP_FAILED) return false;
  // Whoever needs more than the first slots is busy: all pages at once cost a quarter of one by
  // one. Only advice; kernels before 5.14 do not know it.
  if (size_bytes_ > 0) ::madvise(memory, by_bytes, MADV_POPULATE_WRITE);

  const Mapping mapping{static_cast<std::byte*>(memory), size_bytes_, by_bytes};
  if (mappings_.empty()) front_ = mapping.memory;
  mappings_.push_back(mapping);
  size_bytes_ += by_bytes;
  const std::size_t front = mapping.offset_bytes == 0 ? kSpoolFrontBytes : 0;
  for (std::size_t offset = by_bytes; offset > front; offset -= kSpoolBufferBytes)
    free_large_.push_back(mapping.memory + offset - kSpoolBufferBytes);
  return true;
}

const SlotFile::Mapping* SlotFile::find(const std::byte* slot) const {
  const auto found =
      std::find_if(mappings_.begin(), mappings_.end(), [slot](const Mapping& mapping) {
        return slot >= mapping.memory && slot < mapping.memory + mapping.size_bytes;
      });
  return found != mappings_.end() ? &*found : nullptr;
}

void SlotFile::set_state(std::byte* slot, SlotState state) {
  const Mapping* const mapping = find(slot);
  CHANTRACE_ASSERT(mapping != nullptr);
  const std::size_t offset =
      mapping->offset_bytes + static_cast<std::size_t>(slot - mapping->memory);
  auto* const entry =
      reinterpret_cast<SlotState*>(front_ + kSpoolTableOffset + offset / kSpoolPageBytes);
  // A buffer is empty whenever its state changes, so that no reader takes its old content for new.
  std::launder(reinterpret_cast<Chunk*>(slot))->count.store(0, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  *entry = state;
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

}  // namespace chantrace::detail
