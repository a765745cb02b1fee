/// \file
/// A trace as the data of the page: what `page/document.ts` declares, as JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chantrace/finding.h"
#include "chantrace/trace.h"

namespace chantrace::view {

/// JSON that can stand in a page: nothing in it ends a script, whatever the trace says.
///
/// Cost: linear in events, and in the texts of their values and names, each as often as it differs;
/// some 60 bytes an event beside those.
std::string to_document(const Trace& trace, const std::vector<Finding>& findings,
                        std::string_view fallback_title);

/// The whole page with that in it: one file that needs no other one.
std::string to_page(const Trace& trace, const std::vector<Finding>& findings,
                    std::string_view fallback_title);

}  // namespace chantrace::view
