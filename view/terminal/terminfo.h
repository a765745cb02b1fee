/// \file
/// What kind of terminal there is.
#pragma once

#include <optional>
#include <string>

namespace chantrace::view {

/// Why a terminal of that name cannot show a picture, and what to do; nullopt: it can.
///
/// `name`: of the variable TERM; nullptr: not set.
std::optional<std::string> why_unusable(const char* name);

}  // namespace chantrace::view
