#include "chantrace/detail/spool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <new>

#include "chantrace/detail/assert.h"
#include "fork_guard.h"
#include "posix_file.h"
#include "spool_layout.h"

namespace chantrace::detail {
namespace {

/// The first slots of a spool: enough for most tests, little enough to make one for each test.
constexpr std::size_t kFirstSlotsBytes = 4 * kSpoolBufferBytes;
/// A spool grows by as much as it has, up to this.
constexpr std::size_t kGrowthBytesMax = 16 << 20;

/// A part of the spool file, mapped.
struct Mapping {
  std::byte* memory = nullptr;
  std::size_t offset_bytes = 0;  ///< In the file.
  std::size_t size_bytes = 0;

  bool has(const std::byte* address) const {
    return address >= memory && address < memory + size_bytes;
  }
};

/// The spool file and its slots; nothing is written to the trace from here.
///
/// Invariants:
/// - Every mapped byte has its room on the disk, so touching it cannot raise SIGBUS.
/// - A slot whose state is not kNone holds a chunk, possibly an empty one.
/// - Each slot is owned by one caller, or is in a list of free ones, or is in no list because it is
///   a part of a larger one.
///
/// Threads: one thread at a time.
class SlotFile {
 public:
  SlotFile() = default;
  ~SlotFile() {
    for (const Mapping& mapping : mappings_) ::munmap(mapping.memory, mapping.size_bytes);
  }
  SlotFile(const SlotFile&) = delete;
  SlotFile& operator=(const SlotFile&) = delete;

  /// False: there is no spool, and everything lives on the heap.
  bool open(const std::filesystem::path& path) {
    auto file = replace_file(path);
    if (!file.has_value()) return false;
    file_ = std::move(file).value();
    if (!grow(kSpoolFrontBytes + kFirstSlotsBytes)) {
      ::unlink(path.c_str());
      file_.reset();
      return false;
    }
    auto* const made = new (mappings_.front().memory) SpoolHeader;
    made->process_id = static_cast<std::uint64_t>(::getpid());
    return true;
  }

  bool is_open() const { return !mappings_.empty(); }

  SpoolHeader& header() const {
    return *std::launder(reinterpret_cast<SpoolHeader*>(mappings_.front().memory));
  }
  std::byte* log() const { return mappings_.front().memory + kSpoolLogOffset; }

  std::byte* take_small() {
    if (free_small_.empty()) {
      std::byte* const large = take_free_large();
      if (large == nullptr) return nullptr;
      for (std::size_t offset = kSpoolBufferBytes; offset > 0; offset -= kSpoolSmallBufferBytes)
        free_small_.push_back(large + offset - kSpoolSmallBufferBytes);
    }
    std::byte* const slot = free_small_.back();
    free_small_.pop_back();
    set_state(slot, SlotState::kSmall);
    return slot;
  }

  std::byte* take_large() {
    std::byte* const slot = take_free_large();
    if (slot != nullptr) set_state(slot, SlotState::kLarge);
    return slot;
  }

  bool owns(const std::byte* slot) const { return find(slot) != nullptr; }

  void give_back(std::span<std::byte> slot) {
    set_state(slot.data(), SlotState::kNone);
    (slot.size() == kSpoolBufferBytes ? free_large_ : free_small_).push_back(slot.data());
  }

  /// In a child process: keeps the addresses valid and cuts the tie to the parent's file.
  void detach() {
    for (const Mapping& mapping : mappings_) {
      const int protection = PROT_READ | PROT_WRITE;
      void* const copy =
          ::mmap(mapping.memory, mapping.size_bytes, protection, MAP_PRIVATE | MAP_FIXED,
                 file_.get(), static_cast<off_t>(mapping.offset_bytes));
      if (copy == MAP_FAILED)
        ::mmap(mapping.memory, mapping.size_bytes, protection,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
    file_.reset();
  }

 private:
  std::byte* take_free_large() {
    if (free_large_.empty())
      grow(std::min(size_bytes_ - std::min(size_bytes_, kSpoolFrontBytes), kGrowthBytesMax));
    if (free_large_.empty()) return nullptr;
    std::byte* const slot = free_large_.back();
    free_large_.pop_back();
    return slot;
  }

  bool grow(std::size_t by_bytes) {
    if (!file_.is_open() || by_bytes == 0 || size_bytes_ + by_bytes > kSpoolBytesMax) return false;
    if (size_bytes_ + by_bytes > file_bytes_allowed()) return false;
    if (reserve(file_.get(), size_bytes_, by_bytes) != 0) return false;
    void* const memory = ::mmap(nullptr, by_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(),
                                static_cast<off_t>(size_bytes_));
    if (memory == MAP_FAILED) return false;

    const Mapping mapping{static_cast<std::byte*>(memory), size_bytes_, by_bytes};
    mappings_.push_back(mapping);
    size_bytes_ += by_bytes;
    const std::size_t front = mapping.offset_bytes == 0 ? kSpoolFrontBytes : 0;
    for (std::size_t offset = by_bytes; offset > front; offset -= kSpoolBufferBytes)
      free_large_.push_back(mapping.memory + offset - kSpoolBufferBytes);
    return true;
  }

  const Mapping* find(const std::byte* slot) const {
    const auto found = std::find_if(mappings_.begin(), mappings_.end(),
                                    [slot](const Mapping& mapping) { return mapping.has(slot); });
    return found != mappings_.end() ? &*found : nullptr;
  }

  void set_state(std::byte* slot, SlotState state) {
    const Mapping* const mapping = find(slot);
    CHANTRACE_ASSERT(mapping != nullptr);
    const std::size_t offset =
        mapping->offset_bytes + static_cast<std::size_t>(slot - mapping->memory);
    auto* const entry = reinterpret_cast<SlotState*>(mappings_.front().memory + kSpoolTableOffset +
                                                     offset / kSpoolPageBytes);
    // A buffer is empty whenever its state changes, so no reader takes its old content for new.
    std::launder(reinterpret_cast<Chunk*>(slot))->count.store(0, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    *entry = state;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  FileDescriptor file_;
  std::size_t size_bytes_ = 0;
  std::vector<Mapping> mappings_;  // The first one has the header, the table and the log.
  std::vector<std::byte*> free_small_;
  std::vector<std::byte*> free_large_;
};

/// Buffers that are in no file.
///
/// Threads: one thread at a time.
class HeapBuffers {
 public:
  std::byte* take(std::size_t size_bytes) {
    auto& free = size_bytes == kSpoolBufferBytes ? free_large_ : free_small_;
    if (free.empty()) {
      // Of words, for their alignment.
      blocks_.push_back(std::make_unique<std::uint64_t[]>(size_bytes / sizeof(std::uint64_t)));
      return reinterpret_cast<std::byte*>(blocks_.back().get());
    }
    std::byte* const buffer = free.back();
    free.pop_back();
    return buffer;
  }

  void give_back(std::span<std::byte> buffer) {
    (buffer.size() == kSpoolBufferBytes ? free_large_ : free_small_).push_back(buffer.data());
  }

 private:
  std::vector<std::unique_ptr<std::uint64_t[]>> blocks_;
  std::vector<std::byte*> free_small_;
  std::vector<std::byte*> free_large_;
};

}  // namespace

struct Spool::Impl final : ForkAware {
  std::filesystem::path path;
  std::filesystem::path spool_path;

  std::mutex pool_mutex;  // Taken after `file_mutex` where both are.
  SlotFile slots;         // Guarded by `pool_mutex`, but for its log, which is `file_mutex`'s.
  HeapBuffers heap;       // Guarded by `pool_mutex`.

  std::mutex file_mutex;
  FileDescriptor file;              // Guarded by `file_mutex`, as is all below but the atomics.
  std::vector<std::byte> heap_log;  // In place of the spool's log where there is no spool.
  bool has_identity = false;
  std::uint64_t file_bytes = 0;  // Whole messages in the file.
  std::uint64_t file_bytes_max = 0;
  // Counters for whoever asks; they publish nothing else.
  std::atomic<std::uint64_t> bytes_written = 0;
  std::atomic<std::uint64_t> write_errors = 0;

  std::optional<ForkRegistration> fork_registration;

  void before_fork() override {
    file_mutex.lock();
    pool_mutex.lock();
  }
  void after_fork_in_parent() override {
    pool_mutex.unlock();
    file_mutex.unlock();
  }
  void after_fork_in_child() override {
    slots.detach();
    file.reset();
    after_fork_in_parent();
  }

  std::span<const std::byte> log() const {
    if (!slots.is_open()) return heap_log;
    return {slots.log(), slots.header().log_bytes.load(std::memory_order_relaxed)};
  }

  void clear_log() {
    heap_log.clear();
    if (slots.is_open()) slots.header().log_bytes.store(0, std::memory_order_release);
  }

  bool add_to_log(std::span<const std::byte> messages) {
    const std::size_t used = log().size();
    if (messages.size() > kSpoolLogBytes - used) return false;
    if (!slots.is_open()) {
      heap_log.insert(heap_log.end(), messages.begin(), messages.end());
      return true;
    }
    std::memcpy(slots.log() + used, messages.data(), messages.size());
    slots.header().log_bytes.store(used + messages.size(), std::memory_order_release);
    return true;
  }

  void note_identity(std::span<const std::byte> messages) {
    has_identity = true;
    if (!slots.is_open()) return;
    const auto start = messages.first(std::min(messages.size(), kIdentityBytesMax));
    slots.header().identity_hash = identity_hash(start);
    slots.header().identity_bytes.store(start.size(), std::memory_order_release);
  }

  bool write_to_file(std::span<const std::byte> messages) {
    const bool has_room = messages.size() <= file_bytes_max - file_bytes;
    const int error = has_room ? write_all(file.get(), messages, file_bytes) : EFBIG;
    if (error == 0) {
      file_bytes += messages.size();
      bytes_written.store(file_bytes, std::memory_order_relaxed);
      return true;
    }
    write_errors.fetch_add(1, std::memory_order_relaxed);
    // A part of a message would hide what a later attempt writes. If this fails too, the next write
    // goes over it.
    if (has_room && ::ftruncate(file.get(), static_cast<off_t>(file_bytes)) != 0) return false;
    return false;
  }

  void flush_log() {
    // After a kill between the two the log's messages are there twice, which readers expect.
    if (!log().empty() && write_to_file(log())) clear_log();
  }
};

Result<std::unique_ptr<Spool>, TraceError> Spool::create(const std::filesystem::path& path) {
  std::unique_ptr<Spool> spool(new Spool);
  spool->impl_ = std::make_unique<Impl>();
  Impl& impl = *spool->impl_;
  if (path.empty()) return spool;

  impl.path = path;
  impl.spool_path = path;
  impl.spool_path += ".spool";
  // In this order: an old spool never lies beside a new trace.
  if (::unlink(impl.spool_path.c_str()) != 0 && errno != ENOENT)
    return system_error(impl.spool_path, "replace the file", errno);
  auto file = replace_file(path);
  if (!file.has_value()) return file.error();
  impl.file = std::move(file).value();
  impl.file_bytes_max = file_bytes_allowed();
  impl.slots.open(impl.spool_path);
  impl.fork_registration.emplace(impl);
  return spool;
}

Spool::~Spool() { close(true); }

std::span<std::byte> Spool::acquire(std::size_t size_bytes) {
  CHANTRACE_ASSERT(size_bytes <= kSpoolBufferBytes);
  const bool is_small = size_bytes <= kSpoolSmallBufferBytes;
  const std::size_t buffer_bytes = is_small ? kSpoolSmallBufferBytes : kSpoolBufferBytes;

  const std::scoped_lock lock(impl_->pool_mutex);
  std::byte* buffer = is_small ? impl_->slots.take_small() : impl_->slots.take_large();
  if (buffer == nullptr) buffer = impl_->heap.take(buffer_bytes);
  return {buffer, buffer_bytes};
}

void Spool::release(std::span<std::byte> buffer) {
  const std::scoped_lock lock(impl_->pool_mutex);
  if (impl_->slots.owns(buffer.data())) {
    impl_->slots.give_back(buffer);
  } else {
    impl_->heap.give_back(buffer);
  }
}

void Spool::write(Chunk& chunk) {
  const std::span<const std::byte> message = seal(chunk);
  const std::scoped_lock lock(impl_->file_mutex);
  if (!impl_->file.is_open()) return;
  // The header comes first in the file, and it was appended first.
  if (impl_->file_bytes == 0) {
    impl_->flush_log();
    if (!impl_->log().empty()) return;
  }
  impl_->write_to_file(message);
}

void Spool::append(std::span<const std::byte> messages) {
  const std::scoped_lock lock(impl_->file_mutex);
  if (!impl_->file.is_open()) return;
  if (!impl_->has_identity) impl_->note_identity(messages);
  if (impl_->add_to_log(messages)) return;
  impl_->flush_log();
  if (!impl_->add_to_log(messages)) impl_->write_to_file(messages);
}

void Spool::flush() {
  const std::scoped_lock lock(impl_->file_mutex);
  if (impl_->file.is_open()) impl_->flush_log();
}

void Spool::close(bool keep) {
  {
    const std::scoped_lock lock(impl_->file_mutex);
    if (impl_->file.is_open()) {
      if (keep) impl_->flush_log();
      // What could not be written stays readable where it is.
      const bool keep_spool = keep && impl_->slots.is_open() && !impl_->log().empty();
      if (!keep_spool) ::unlink(impl_->spool_path.c_str());
      if (!keep) ::unlink(impl_->path.c_str());
      impl_->file.reset();
    }
  }
  impl_->fork_registration.reset();
}

std::uint64_t Spool::bytes_written() const {
  return impl_->bytes_written.load(std::memory_order_relaxed);
}

std::uint64_t Spool::write_errors() const {
  return impl_->write_errors.load(std::memory_order_relaxed);
}

}  // namespace chantrace::detail
