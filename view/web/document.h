/// \file
/// A trace as the data of the page: what `page/document.ts` declares, as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/finding.h"
#include "chantrace/trace.h"
#include "model/long_trace.h"

namespace chantrace::view {

/// What there is to say of a program that still runs.
struct LiveState {
  std::uint64_t events = 0;   ///< So far; the trace may have the last of them alone.
  std::vector<TaskId> stuck;  ///< Tasks that nothing can wake any more.
};

/// A finding, and where it is in the whole of a trace.
struct PlacedFinding {
  Finding finding;
  std::vector<std::uint64_t> steps;  ///< See `FindingSteps::of`; 0: not known.
};

/// JSON that can stand in a page: nothing in it ends a script, whatever the trace says.
///
/// `live`: nullptr for a trace that is over.
///
/// Cost: linear in events, and in the texts of their values and names, each as often as it differs;
/// some 60 bytes an event beside those.
std::string to_document(const Trace& trace, const std::vector<Finding>& findings,
                        std::string_view fallback_title, const LiveState* live = nullptr);

/// Of a part of a long trace: its steps are numbered from 1, findings and lanes have the numbers of
/// the whole.
///
/// `base`: where, seen from the page, the other parts are.
std::string to_document(const LongTrace& whole, const TracePart& part,
                        const std::vector<PlacedFinding>& findings, std::string_view fallback_title,
                        std::string_view base);

/// The whole page with `document` in it: one file that needs no other one.
std::string to_page(std::string_view document);
std::string to_page(const Trace& trace, const std::vector<Finding>& findings,
                    std::string_view fallback_title, const LiveState* live = nullptr);

}  // namespace chantrace::view
