/// \file
/// The standard lock guards, specialised for our locks so that findings name the line with the
/// guard.
///
/// A call made inside a guard of the standard library has its place in that library's header. A
/// program may specialise class templates of the standard library for its own types, so these
/// guards take the place from their constructor's caller. They behave as the standard's own
/// otherwise.
///
/// Source: ISO C++20, [namespace.std] and [thread.lock].
#pragma once

#include <chrono>
#include <concepts>
#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <tuple>
#include <utility>

#include "chantrace/location.h"

namespace chantrace {

class Mutex;
class SharedMutex;

namespace detail {

/// A lock that wants to know where it is used.
template <typename T>
inline constexpr bool kIsPlacedLock = std::same_as<T, Mutex> || std::same_as<T, SharedMutex>;

/// A lock and the place where it is used, for the algorithms of the standard library.
template <typename Lock>
struct LockAt {
  Lock& mutex;
  Location site;
  void lock() { mutex.lock(site); }
  bool try_lock() { return mutex.try_lock(site); }
  void unlock() { mutex.unlock(site); }
};

}  // namespace detail
}  // namespace chantrace

namespace std {  // NOLINT(cert-dcl58-cpp): see the head of this file.

/// Holds one lock for a scope.
template <typename Mutex>
requires chantrace::detail::kIsPlacedLock<Mutex>
class lock_guard<Mutex> {
 public:
  using mutex_type = Mutex;
  explicit lock_guard(Mutex& mutex, chantrace::Location site = chantrace::Location::current())
      : mutex_(mutex), site_(site) {
    mutex_.lock(site_);
  }
  lock_guard(Mutex& mutex, adopt_lock_t, chantrace::Location site = chantrace::Location::current())
      : mutex_(mutex), site_(site) {}
  ~lock_guard() { mutex_.unlock(site_); }
  lock_guard(const lock_guard&) = delete;
  lock_guard& operator=(const lock_guard&) = delete;

 private:
  Mutex& mutex_;
  chantrace::Location site_;
};

/// Holds one lock for a scope.
template <typename Mutex>
requires chantrace::detail::kIsPlacedLock<Mutex>
class scoped_lock<Mutex> {
 public:
  using mutex_type = Mutex;
  explicit scoped_lock(Mutex& mutex, chantrace::Location site = chantrace::Location::current())
      : mutex_(mutex), site_(site) {
    mutex_.lock(site_);
  }
  explicit scoped_lock(adopt_lock_t, Mutex& mutex,
                       chantrace::Location site = chantrace::Location::current())
      : mutex_(mutex), site_(site) {}
  ~scoped_lock() { mutex_.unlock(site_); }
  scoped_lock(const scoped_lock&) = delete;
  scoped_lock& operator=(const scoped_lock&) = delete;

 private:
  Mutex& mutex_;
  chantrace::Location site_;
};

/// Holds two locks for a scope, taken without deadlock in whatever order they are given.
template <typename First, typename Second>
requires(chantrace::detail::kIsPlacedLock<First>&&
             chantrace::detail::kIsPlacedLock<Second>) class scoped_lock<First, Second> {
 public:
  explicit scoped_lock(First& first, Second& second,
                       chantrace::Location site = chantrace::Location::current())
      : first_{first, site}, second_{second, site} {
    std::lock(first_, second_);
  }
  explicit scoped_lock(adopt_lock_t, First& first, Second& second,
                       chantrace::Location site = chantrace::Location::current())
      : first_{first, site}, second_{second, site} {}
  ~scoped_lock() {
    first_.unlock();
    second_.unlock();
  }
  scoped_lock(const scoped_lock&) = delete;
  scoped_lock& operator=(const scoped_lock&) = delete;

 private:
  chantrace::detail::LockAt<First> first_;
  chantrace::detail::LockAt<Second> second_;
};

/// Holds one lock, which may be given back, taken again and passed on.
template <typename Mutex>
requires chantrace::detail::kIsPlacedLock<Mutex>
class unique_lock<Mutex> {
 public:
  using mutex_type = Mutex;
  using Location = chantrace::Location;

  unique_lock() noexcept = default;
  explicit unique_lock(Mutex& mutex, Location site = Location::current())
      : mutex_(&mutex), site_(site) {
    mutex_->lock(site_);
    owns_ = true;
  }
  unique_lock(Mutex& mutex, defer_lock_t, Location site = Location::current()) noexcept
      : mutex_(&mutex), site_(site) {}
  unique_lock(Mutex& mutex, try_to_lock_t, Location site = Location::current())
      : mutex_(&mutex), owns_(mutex.try_lock(site)), site_(site) {}
  unique_lock(Mutex& mutex, adopt_lock_t, Location site = Location::current())
      : mutex_(&mutex), owns_(true), site_(site) {}
  template <typename Rep, typename Period>
  unique_lock(Mutex& mutex, const chrono::duration<Rep, Period>& timeout,
              Location site = Location::current())
      : mutex_(&mutex), owns_(mutex.try_lock_for(timeout, site)), site_(site) {}
  ~unique_lock() {
    if (owns_) mutex_->unlock(site_);
  }
  unique_lock(unique_lock&& other) noexcept { swap(other); }
  unique_lock& operator=(unique_lock&& other) noexcept {
    unique_lock(std::move(other)).swap(*this);
    return *this;
  }

  void lock(Location site = Location::current()) {
    check();
    mutex_->lock(site);
    site_ = site;
    owns_ = true;
  }
  bool try_lock(Location site = Location::current()) {
    check();
    site_ = site;
    return owns_ = mutex_->try_lock(site);
  }
  template <typename Rep, typename Period>
  bool try_lock_for(const chrono::duration<Rep, Period>& timeout,
                    Location site = Location::current()) {
    check();
    site_ = site;
    return owns_ = mutex_->try_lock_for(timeout, site);
  }
  void unlock(Location site = Location::current()) {
    if (!owns_) throw system_error(make_error_code(errc::operation_not_permitted));
    mutex_->unlock(site);
    owns_ = false;
  }
  void swap(unique_lock& other) noexcept {
    std::swap(mutex_, other.mutex_);
    std::swap(owns_, other.owns_);
    std::swap(site_, other.site_);
  }
  Mutex* release() noexcept {
    owns_ = false;
    return std::exchange(mutex_, nullptr);
  }
  bool owns_lock() const noexcept { return owns_; }
  explicit operator bool() const noexcept { return owns_; }
  Mutex* mutex() const noexcept { return mutex_; }

 private:
  void check() const {
    if (mutex_ == nullptr) throw system_error(make_error_code(errc::operation_not_permitted));
    if (owns_) throw system_error(make_error_code(errc::resource_deadlock_would_occur));
  }

  Mutex* mutex_ = nullptr;
  bool owns_ = false;
  Location site_;
};

/// Holds one lock as one reader among others.
template <>
class shared_lock<chantrace::SharedMutex> {
 public:
  using mutex_type = chantrace::SharedMutex;
  using Location = chantrace::Location;

  shared_lock() noexcept = default;
  explicit shared_lock(mutex_type& mutex, Location site = Location::current());
  shared_lock(mutex_type& mutex, defer_lock_t, Location site = Location::current()) noexcept
      : mutex_(&mutex), site_(site) {}
  shared_lock(mutex_type& mutex, try_to_lock_t, Location site = Location::current());
  shared_lock(mutex_type& mutex, adopt_lock_t, Location site = Location::current())
      : mutex_(&mutex), owns_(true), site_(site) {}
  ~shared_lock() {
    if (owns_) unlock(site_);
  }
  shared_lock(shared_lock&& other) noexcept { swap(other); }
  shared_lock& operator=(shared_lock&& other) noexcept {
    shared_lock(std::move(other)).swap(*this);
    return *this;
  }

  void lock(Location site = Location::current());
  bool try_lock(Location site = Location::current());
  void unlock(Location site = Location::current());
  void swap(shared_lock& other) noexcept {
    std::swap(mutex_, other.mutex_);
    std::swap(owns_, other.owns_);
    std::swap(site_, other.site_);
  }
  mutex_type* release() noexcept {
    owns_ = false;
    return std::exchange(mutex_, nullptr);
  }
  bool owns_lock() const noexcept { return owns_; }
  explicit operator bool() const noexcept { return owns_; }
  mutex_type* mutex() const noexcept { return mutex_; }

 private:
  void check() const {
    if (mutex_ == nullptr) throw system_error(make_error_code(errc::operation_not_permitted));
    if (owns_) throw system_error(make_error_code(errc::resource_deadlock_would_occur));
  }

  mutex_type* mutex_ = nullptr;
  bool owns_ = false;
  Location site_;
};

}  // namespace std
