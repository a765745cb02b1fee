/// \file
/// The terminal as ncurses drives it: shows frames, gives keys.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "frame.h"
#include "key.h"

namespace chantrace::view {

/// While it lives, the terminal shows frames; then it is as it was before.
///
/// Threads: one thread at a time.
class Screen {
 public:
  /// nullptr: the terminal cannot be used.
  static std::unique_ptr<Screen> open(bool is_colored);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  std::size_t rows() const;
  std::size_t columns() const;
  /// What is on the screen becomes this.
  void show(const Frame& frame);
  /// Waits for a key, another size of the screen, a time to go by, or the end of the terminal.
  ///
  /// `wait_ms`: at most so long; negative: as long as it takes.
  struct Event {
    enum class Kind { kKey, kResized, kNothing, kEnd };
    Kind kind = Kind::kNothing;
    Key key = {};
  };
  Event next(int wait_ms);

 private:
  struct Parts;
  explicit Screen(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace chantrace::view
