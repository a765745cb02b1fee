/// \file
/// Shows a trace in the terminal that the process runs in.
#pragma once

#include <optional>
#include <string>

#include "model/printable.h"
#include "model/scene.h"

namespace chantrace::view {

struct TerminalOptions {
  Charset charset = Charset::kUtf8;
  bool is_colored = true;
};

/// What of `wanted` can be shown: UTF-8 takes a locale that has it. Sets the locale of characters.
Charset usable_charset(Charset wanted);

/// Why nothing can be shown on the terminal of this process, and what to do; nullopt: it can.
std::optional<std::string> why_no_terminal();

/// Shows the scenes of `source` until the user quits. A signal that ends the process gives the
/// terminal back first.
///
/// Returns: why it could not start; nullopt: the user quit, or the terminal is gone.
/// Threads: one at a time in a process.
std::optional<std::string> show_in_terminal(SceneSource& source, const TerminalOptions& options);

}  // namespace chantrace::view
