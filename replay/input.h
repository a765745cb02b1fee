/// \file
/// The traces that a command was asked to read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "chantrace/trace.h"
#include "printable.h"

namespace chantrace::replay {

/// What the user named, in the order to read it, and what of it is not there.
struct Inputs {
  std::vector<std::filesystem::path> traces;
  std::vector<TraceError> errors;
};

/// The ending of a trace's file name.
inline constexpr std::string_view kTraceExtension = ".chantrace";

/// Files as they are named; of folders all traces in them and below, sorted. A file that is named
/// twice is read once.
Inputs find_traces(const std::vector<std::string>& arguments);

/// Reads one trace, and tells a person at a terminal how far it is when it takes long.
Result<Trace, TraceError> load_trace(const std::filesystem::path& path,
                                     const ReadLimits& limits = {});

/// The one line for a trace that could not be read: "traces/a.chantrace: not a trace ...".
std::string in_words(const TraceError& error);

}  // namespace chantrace::replay
