/// \file
/// Text as JSON writes it, for output that is formatted by hand: a JSON value for each of millions
/// of events would take twenty times as long.
#pragma once

#include <string>
#include <string_view>

namespace chantrace::view {

/// `text` in quotation marks; what is no UTF-8 is replaced.
std::string json_string(std::string_view text);

}  // namespace chantrace::view
