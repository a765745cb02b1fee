#include "terminfo.h"

#include <fmt/format.h>
#include <unistd.h>

#include <string_view>

#include "model/printable.h"

// The last ones: they make macros of words such as `columns`.
#define NCURSES_NOMACROS 1
#include <ncurses.h>
#include <term.h>

namespace chantrace::view {

std::optional<std::string> why_unusable(const char* name) {
  constexpr std::string_view kWhatToDo =
      "set TERM to what it is, such as xterm-256color, or let \"chantrace show\" print the trace";
  if (name == nullptr || *name == '\0')
    return fmt::format("TERM is not set, so it is not known what this terminal can do; {}",
                       kWhatToDo);
  const std::string shown = printable(name);
  int status = 0;
  if (setupterm(name, STDOUT_FILENO, &status) != OK)
    return fmt::format("nothing is known of a terminal \"{}\"; {}", shown, kWhatToDo);
  const char* const move = tigetstr("cup");
  const bool can_move = move != nullptr && move != reinterpret_cast<const char*>(-1);
  del_curterm(cur_term);
  if (can_move) return std::nullopt;
  return fmt::format("a terminal \"{}\" cannot place its cursor; {}", shown, kWhatToDo);
}

}  // namespace chantrace::view
