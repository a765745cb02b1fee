/// \file
/// Running another program and waiting for it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "chantrace/result.h"

namespace chantrace::replay {

/// How a program ended.
struct ChildEnd {
  int status = 0;      ///< Its exit status, where no signal ended it.
  int signal = 0;      ///< 0: none.
  std::string output;  ///< Standard output and error, up to 1 MiB.
};

/// Runs `command`, whose first word is looked for in PATH where it has no slash, without the
/// environment variables that begin with CHANTRACE_.
///
/// Errors: the system's reason why it could not be started.
Result<ChildEnd, std::string> run_child(const std::vector<std::string>& command);

/// Becomes `command`, found as above and in the same environment, at the same terminal.
///
/// Returns: only where that failed, the system's reason.
std::string become(const std::vector<std::string>& command);

}  // namespace chantrace::replay
