/// \file
/// Draws where a person is in a trace.
#pragma once

#include "browser.h"
#include "frame.h"

namespace chantrace::view {

/// Cost: grows with the size of the screen, not with the trace.
Frame draw(const Browser& browser, Charset charset);

}  // namespace chantrace::view
