/// \file
/// `page.html`, which stands in the program.
#pragma once

#include <string_view>

namespace chantrace::view {

/// The page without data, in whose place it has "{data}".
std::string_view embedded_page();

}  // namespace chantrace::view
