/// \file
/// Variables whose loads and stores are operations: seen in a trace, and points for a scheduler.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "chantrace/detail/value.h"
#include "chantrace/detail/wait.h"
#include "chantrace/location.h"

namespace chantrace {

namespace detail {

/// What `Shared` and `Atomic` have in common: a value behind the object's lock.
template <typename T>
class Variable : public Object {
 protected:
  Variable(ObjectKind variable_kind, std::string_view variable_name, T value, const Location& site)
      : Object(variable_kind, variable_name, site), value_(std::move(value)) {}
  ~Variable() = default;

  /// Runs `access` on the value as one operation; returns what it returns. Also while the task is
  /// unwound, when a result is needed all the same.
  template <typename Access>
  auto run(Operation operation, const Location& site, Access&& access) const {
    TaskControl& self = current_task();
    auto* const object = const_cast<Variable*>(this);
    enter_operation(self, operation, object, site);
    Happening what{.operation = operation};
    std::optional<T> seen;
    const auto locked = [&] {
      const ScopedLock lock(object->latch);  // Copies of the value may throw.
      meet(self, *object);
      auto result = access(object->value_);
      if (self.is_recording) [[unlikely]] {
        what = happening(*object, operation);
        if (self.has_values) seen.emplace(object->value_);
      }
      return result;
    };
    auto result = locked();
    // Its `operator<<` may use this very variable.
    if (seen) what.value = capture_value(self, *seen, what.marks);
    record(self, what, site);
    return result;
  }

 private:
  void describe(ObjectState& state) const override { state.type = type_name<T>(); }
  void enter_execution(ObjectInfo* info) override {
    if (info == nullptr) return;
    info->type = type_name<T>();
    info->format = value_format<T>();
  }

  T value_;
};

}  // namespace detail

/// A plain variable that tasks share. Each load and store is atomic on its own, so that a test of a
/// faulty program is itself free of undefined behaviour; a program whose accesses are not ordered
/// by other means has a data race all the same.
///
/// Threads: any thread.
template <typename T>
class Shared final : public detail::Variable<T> {
 public:
  Shared(Location site = Location::current())  // NOLINT: converts from nothing useful.
      : detail::Variable<T>(ObjectKind::kShared, {}, T{}, site) {}
  explicit Shared(T value, std::string_view name = {}, Location site = Location::current())
      : detail::Variable<T>(ObjectKind::kShared, name, std::move(value), site) {}

  T load(Location site = Location::current()) const {
    return this->run(Operation::kLoad, site, [](const T& value) { return value; });
  }
  void store(T value, Location site = Location::current()) {
    this->run(Operation::kStore, site, [&](T& mine) {
      mine = std::move(value);
      return true;
    });
  }
};

/// A variable whose operations are atomic and sequentially consistent.
///
/// Threads: any thread.
template <typename T>
class Atomic final : public detail::Variable<T> {
 public:
  Atomic(Location site = Location::current())  // NOLINT: converts from nothing useful.
      : detail::Variable<T>(ObjectKind::kAtomic, {}, T{}, site) {}
  explicit Atomic(T value, std::string_view name = {}, Location site = Location::current())
      : detail::Variable<T>(ObjectKind::kAtomic, name, std::move(value), site) {}

  T load(Location site = Location::current()) const {
    return this->run(Operation::kLoad, site, [](const T& value) { return value; });
  }
  void store(T value, Location site = Location::current()) {
    this->run(Operation::kStore, site, [&](T& mine) {
      mine = std::move(value);
      return true;
    });
  }
  T exchange(T value, Location site = Location::current()) {
    return modify(site, [&](T&) { return std::move(value); });
  }
  /// On failure `expected` becomes the present value.
  bool compare_exchange(T& expected, T desired, Location site = Location::current()) {
    return this->run(Operation::kReadModifyWrite, site, [&](T& mine) {
      if (mine == expected) {
        mine = std::move(desired);
        return true;
      }
      expected = mine;
      return false;
    });
  }
  /// Returns: the value before.
  T fetch_add(T delta, Location site = Location::current()) {
    return modify(site, [&](T& mine) { return static_cast<T>(mine + delta); });
  }
  T fetch_sub(T delta, Location site = Location::current()) {
    return modify(site, [&](T& mine) { return static_cast<T>(mine - delta); });
  }

 private:
  template <typename Compute>
  T modify(const Location& site, Compute&& compute) {
    return this->run(Operation::kReadModifyWrite, site,
                     [&](T& mine) { return std::exchange(mine, compute(mine)); });
  }
};

}  // namespace chantrace
