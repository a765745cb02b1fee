/// \file
/// Tells a person at a terminal how far a long work is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace chantrace::replay {

/// A line on the terminal that says how much of something has been read, and is gone afterwards.
///
/// Threads: one thread at a time.
class ProgressLine {
 public:
  /// `name`: what is read.
  explicit ProgressLine(std::string_view name);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();

  void update(std::uint64_t done, std::uint64_t total);

 private:
  std::string name_;
  bool is_shown_;
  bool is_drawn_ = false;
  std::chrono::steady_clock::time_point next_draw_;
};

}  // namespace chantrace::replay
