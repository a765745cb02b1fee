/// \file
/// Leaves the terminal as it was, however the process ends.
#pragma once

#include <termios.h>

#include <string>
#include <vector>

namespace chantrace::view {

/// While it lives, `exit` and a signal that ends the process first give the terminal back: an
/// interrupt, a hang-up, a crash. The process then ends by that signal, as it would have done; a
/// handler of the program's own for an interrupt stays. There is one at a time.
class Rescue {
 public:
  /// Signals that ask for an end, of which this process takes care itself, or which it ignores. To
  /// be asked before ncurses begins, which has handlers of its own.
  static std::vector<int> kept_signals();
  /// `modes`: what the terminal had. `reset`: what to write to it. `kept`: signals that stay as
  /// they are.
  Rescue(const termios& modes, std::string reset, const std::vector<int>& kept);
  ~Rescue();
  Rescue(const Rescue&) = delete;
  Rescue& operator=(const Rescue&) = delete;
};

}  // namespace chantrace::view
