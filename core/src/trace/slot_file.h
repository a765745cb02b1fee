/// \file
/// The spool file: mapped memory that outlives the process, given out in slots.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "posix_file.h"
#include "spool_layout.h"

namespace chantrace::detail {

/// A spool file with its header, its log and its slots. Nothing is written to a trace from here.
///
/// Invariants:
/// - Every mapped byte has its room in the file system, so touching it cannot raise SIGBUS.
/// - A slot is owned by one caller, or is in a list of free ones, or is in no list because it is
///   part of a larger one.
/// - A slot that is owned is named in the table; it holds a chunk, at first an empty one.
///
/// Threads: one thread at a time; the log may be used by another one than the slots.
class SlotFile {
 public:
  /// Makes the file at `path`, out of a closed spool of this process if there is one, since the
  /// system takes much longer to give and take back mapped pages than to rename a file. nullptr:
  /// there is no room, or no right.
  static std::unique_ptr<SlotFile> create(const std::filesystem::path& path);
  /// Ends the use of `slots`. The file is removed, now or when the process exits.
  ///
  /// Requires: no slot is owned.
  static void recycle(std::unique_ptr<SlotFile> slots);
  /// Removes the file that waits for its next use.
  static void remove_idle();

  /// Leaves the file, if it has not been removed.
  ~SlotFile();
  SlotFile(const SlotFile&) = delete;
  SlotFile& operator=(const SlotFile&) = delete;

  SpoolHeader& header() const;
  /// Room for `kSpoolLogBytes`.
  std::byte* log() const { return front_ + kSpoolLogOffset; }

  /// nullptr: there is no more room.
  std::byte* take_small();
  std::byte* take_large();
  void give_back(std::span<std::byte> slot);
  bool owns(const std::byte* slot) const { return find(slot) != nullptr; }
  std::size_t taken_count() const { return taken_count_; }

  /// Removes the file from its folder, if it is still there. The memory stays usable.
  void remove();
  /// In a child process: keeps the addresses valid, and cuts the tie to the parent's file.
  void detach();

 private:
  /// A part of the file, mapped.
  struct Mapping {
    std::byte* memory = nullptr;
    std::size_t offset_bytes = 0;  // In the file.
    std::size_t size_bytes = 0;
  };

  explicit SlotFile(std::filesystem::path path) : path_(std::move(path)) {}

  bool open();
  bool move_to(const std::filesystem::path& path);
  bool is_at_its_path() const;
  bool grow(std::size_t by_bytes);
  std::byte* take_free_large();
  const Mapping* find(const std::byte* slot) const;
  void set_state(std::byte* slot, SlotState state);

  friend class IdleSlotFile;

  std::filesystem::path path_;
  /// Of the first mapping, which stays where it is: whoever uses the log looks here, while slots
  /// make the list of mappings grow.
  std::byte* front_ = nullptr;
  FileDescriptor file_;
  std::size_t size_bytes_ = 0;
  std::vector<Mapping> mappings_;  // The first one has the header, the table and the log.
  std::vector<std::byte*> free_small_;
  std::vector<std::byte*> free_large_;
  std::size_t taken_count_ = 0;
};

}  // namespace chantrace::detail
