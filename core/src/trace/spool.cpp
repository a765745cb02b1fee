#include "chantrace/detail/spool.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include "chantrace/detail/assert.h"
#include "fork_guard.h"
#include "posix_file.h"
#include "slot_file.h"
#include "spool_layout.h"

namespace chantrace::detail {
namespace {

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
  // Null: everything lives on the heap. Guarded by `pool_mutex`, but for its log, which is
  // `file_mutex`'s; set and reset with both.
  std::unique_ptr<SlotFile> slots;
  HeapBuffers heap;  // Guarded by `pool_mutex`.

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

  void end(bool keep);

  void before_fork() override {
    file_mutex.lock();
    pool_mutex.lock();
  }
  void after_fork_in_parent() override {
    pool_mutex.unlock();
    file_mutex.unlock();
  }
  void after_fork_in_child() override {
    if (slots != nullptr) slots->detach();
    file.reset();
    after_fork_in_parent();
  }

  std::span<const std::byte> log() const {
    if (slots == nullptr) return heap_log;
    return {slots->log(), slots->header().log_bytes.load(std::memory_order_relaxed)};
  }

  void clear_log() {
    heap_log.clear();
    if (slots != nullptr) slots->header().log_bytes.store(0, std::memory_order_release);
  }

  bool add_to_log(std::span<const std::byte> messages) {
    const std::size_t used = log().size();
    if (messages.size() > kSpoolLogBytes - used) return false;
    if (slots == nullptr) {
      heap_log.insert(heap_log.end(), messages.begin(), messages.end());
      return true;
    }
    std::memcpy(slots->log() + used, messages.data(), messages.size());
    slots->header().log_bytes.store(used + messages.size(), std::memory_order_release);
    return true;
  }

  void note_identity(std::span<const std::byte> messages) {
    has_identity = true;
    if (slots == nullptr) return;
    const auto start = messages.first(std::min(messages.size(), kIdentityBytesMax));
    slots->header().identity_hash = identity_hash(start);
    slots->header().identity_bytes.store(start.size(), std::memory_order_release);
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

void Spool::Impl::end(bool keep) {
  const std::scoped_lock lock(file_mutex, pool_mutex);
  if (!file.is_open()) return;
  if (keep) {
    flush_log();
  } else {
    ::unlink(path.c_str());
  }
  file.reset();
  if (slots == nullptr) return;
  // What could not be written stays readable where it is.
  if (keep && write_errors.load(std::memory_order_relaxed) > 0) return;
  if (slots->taken_count() == 0) return SlotFile::recycle(std::move(slots));
  // Tasks that outlive their trace still write into their buffers.
  slots->remove();
}

Result<std::unique_ptr<Spool>, TraceError> Spool::create(const std::filesystem::path& path) {
  std::unique_ptr<Spool> spool(new Spool);
  spool->impl_ = std::make_unique<Impl>();
  Impl& impl = *spool->impl_;
  if (path.empty()) return spool;

  impl.path = path;
  impl.spool_path = path;
  impl.spool_path += ".spool";
  // The spool first: an old one never lies beside the new trace, and an empty one harms no old
  // trace.
  impl.slots = SlotFile::create(impl.spool_path);
  if (impl.slots == nullptr) ::unlink(impl.spool_path.c_str());
  auto file = replace_file(path);
  if (!file.has_value()) {
    if (impl.slots != nullptr) SlotFile::recycle(std::move(impl.slots));
    return file.error();
  }
  impl.file = std::move(file).value();
  impl.file_bytes_max = file_bytes_allowed();
  impl.fork_registration.emplace(impl);
  return spool;
}

Spool::~Spool() { close(true); }

std::span<std::byte> Spool::acquire(std::size_t size_bytes) {
  CHANTRACE_ASSERT(size_bytes <= kSpoolBufferBytes);
  const bool is_small = size_bytes <= kSpoolSmallBufferBytes;
  const std::size_t buffer_bytes = is_small ? kSpoolSmallBufferBytes : kSpoolBufferBytes;

  const std::scoped_lock lock(impl_->pool_mutex);
  SlotFile* const slots = impl_->slots.get();
  std::byte* buffer = nullptr;
  if (slots != nullptr) buffer = is_small ? slots->take_small() : slots->take_large();
  if (buffer == nullptr) buffer = impl_->heap.take(buffer_bytes);
  return {buffer, buffer_bytes};
}

void Spool::release(std::span<std::byte> buffer) {
  const std::scoped_lock lock(impl_->pool_mutex);
  if (impl_->slots != nullptr && impl_->slots->owns(buffer.data())) {
    impl_->slots->give_back(buffer);
  } else {
    impl_->heap.give_back(buffer);
  }
}

bool Spool::write(const Chunk& chunk) {
  if (impl_->path.empty()) return true;
  const std::vector<std::byte> message = encode_chunk(chunk);
  const std::scoped_lock lock(impl_->file_mutex);
  if (!impl_->file.is_open()) return true;
  // The header comes first in the file, and it was appended first.
  if (impl_->file_bytes == 0) {
    impl_->flush_log();
    if (!impl_->log().empty()) return false;
  }
  return impl_->write_to_file(message);
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
  impl_->end(keep);
  impl_->fork_registration.reset();
}

void Spool::prepare_for_forks() { register_fork_handlers(); }

void Spool::remove_idle_file() { SlotFile::remove_idle(); }

std::uint64_t Spool::bytes_written() const {
  return impl_->bytes_written.load(std::memory_order_relaxed);
}

std::uint64_t Spool::write_errors() const {
  return impl_->write_errors.load(std::memory_order_relaxed);
}

}  // namespace chantrace::detail
