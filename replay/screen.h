/// \file
/// The picture of one trace as text: header, interleaving, end, findings.
#pragma once

#include <string>
#include <string_view>

#include "chantrace/trace.h"
#include "picture.h"

namespace chantrace::replay {

/// Draws `trace`.
///
/// Requires: its texts are printable.
std::string draw_trace(const Trace& trace, std::string_view fallback_title,
                       const ScreenOptions& options);

}  // namespace chantrace::replay
