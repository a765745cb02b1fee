/// \file
/// Draws the lanes of a trace.
#pragma once

#include "browser.h"
#include "frame.h"

namespace chantrace::view {

/// An axis, a lane a row or two, and what part of all is seen, in the main part of the layout.
void draw_lanes(const Browser& browser, Frame& frame);

}  // namespace chantrace::view
