/// \file
/// Counts what happens in a running program, for Prometheus.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "chantrace/sink.h"

namespace chantrace::view {

/// Threads: any thread.
class Metrics {
 public:
  void add(const Event& event);
  /// Prometheus' text format, version 0.0.4.
  ///
  /// `blocked_tasks`: those that have waited for long now; it is no matter of events.
  std::string text(std::uint64_t blocked_tasks, std::uint64_t leaked_tasks) const;
  std::uint64_t lost() const;

  /// Upper bounds of the histogram of waits, in seconds; what is longer comes on top.
  static constexpr std::array kWaitBounds{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0};

 private:
  struct Waits {
    std::array<std::uint64_t, kWaitBounds.size() + 1> counts{};
    std::uint64_t count = 0;
    double seconds = 0;
  };
  struct Open {
    std::uint64_t operation_id = 0;
    std::chrono::system_clock::time_point since;
  };

  mutable std::mutex mutex_;
  std::uint64_t events_ = 0;
  std::uint64_t lost_ = 0;
  std::map<std::pair<ObjectKind, Operation>, std::uint64_t> operations_;
  std::map<Operation, Waits> waits_;
  std::unordered_map<std::uint32_t, Open> open_;  ///< By task: what it waits in.
};

}  // namespace chantrace::view
