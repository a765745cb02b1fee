/// \file
/// Leaves the terminal as it was, however the process ends.
#pragma once

#include <termios.h>

#include <string>

namespace chantrace::view {

/// While it lives, `exit` and a signal that ends the process first give the terminal back: an
/// interrupt, a hang-up, a crash. The process then ends by that signal, as it would have done; a
/// handler of the program's own for an interrupt stays. There is one at a time.
class Rescue {
 public:
  /// Remembers the handlers of this process. To be called before ncurses begins, which installs its
  /// own.
  static void remember_handlers();
  /// `modes`: what the terminal had. `reset`: what to write to it.
  ///
  /// Requires: handlers are remembered.
  Rescue(const termios& modes, std::string reset);
  ~Rescue();
  Rescue(const Rescue&) = delete;
  Rescue& operator=(const Rescue&) = delete;
};

}  // namespace chantrace::view
