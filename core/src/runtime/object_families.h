/// \file
/// What is known of objects from one execution to the next: those that were made at one place are a
/// family.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "chantrace/detail/object.h"

namespace chantrace::detail {

/// Objects have numbers that depend on the schedule, and addresses that depend on everything. The
/// place where they were made does not.
///
/// Threads: one thread at a time.
class ObjectFamilies {
 public:
  /// From 1. Allocates for a place that was not seen before.
  std::uint32_t find(const Object& object) {
    const Key key{object.created.file, object.created.line, object.kind};
    const std::size_t slot = Hash()(key) % kCacheSize;
    if (cache_[slot].number != 0 && cache_[slot].key == key) [[likely]]
      return cache_[slot].number;
    const auto [found, is_new] =
        numbers_.try_emplace(key, static_cast<std::uint32_t>(facts_.size()));
    if (is_new) {
      facts_.emplace_back();
      has_variables_ |= object.kind == ObjectKind::kShared;
    }
    cache_[slot] = {key, found->second};
    return found->second;
  }

  /// Two tasks have used that side of an object of the family in one execution, and one of them
  /// wrote.
  bool is_shared(std::uint32_t family, std::size_t side) const {
    return facts_[family].is_shared[side];
  }
  void set_shared(std::uint32_t family, std::size_t side) {
    if (!std::exchange(facts_[family].is_shared[side], true)) ++changes_;
  }
  bool is_polled(std::uint32_t family) const { return facts_[family].is_polled; }
  void set_polled(std::uint32_t family) {
    if (!std::exchange(facts_[family].is_polled, true)) ++changes_;
  }
  /// Somebody tries locks: when one is given back can be seen.
  bool locks_are_tried() const { return locks_are_tried_; }
  void set_locks_tried() {
    if (!std::exchange(locks_are_tried_, true)) ++changes_;
  }
  /// Somebody looks whether a task has ended.
  bool ends_are_seen() const { return ends_are_seen_; }
  void set_ends_seen() {
    if (!std::exchange(ends_are_seen_, true)) ++changes_;
  }
  /// Grows when more is known: more operations are choices from then on.
  std::uint32_t changes() const { return changes_; }

  /// There is a `Shared`.
  bool has_variables() const { return has_variables_; }

  void clear() {
    has_variables_ = locks_are_tried_ = ends_are_seen_ = false;
    numbers_.clear();
    facts_.assign(1, {});
    cache_.assign(kCacheSize, {});
    changes_ = 0;
  }

 private:
  struct Key {
    const char* file = nullptr;
    std::uint32_t line = 0;
    ObjectKind kind = ObjectKind::kNone;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return (reinterpret_cast<std::uintptr_t>(key.file) >> 3) * 31 + key.line * 13 +
             static_cast<std::size_t>(key.kind);
    }
  };
  struct Cached {
    Key key;
    std::uint32_t number = 0;
  };
  struct Facts {
    bool is_shared[2] = {false, false};
    bool is_polled = false;
  };
  static constexpr std::size_t kCacheSize = 64;

  std::unordered_map<Key, std::uint32_t, Hash> numbers_;
  std::vector<Facts> facts_ = std::vector<Facts>(1);
  std::vector<Cached> cache_ = std::vector<Cached>(kCacheSize);
  std::uint32_t changes_ = 0;
  bool has_variables_ = false;
  bool locks_are_tried_ = false;
  bool ends_are_seen_ = false;
};

}  // namespace chantrace::detail
