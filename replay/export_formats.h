/// \file
/// What `export` writes beside the bare events: a trace for other programs to draw.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/trace.h"
#include "event_rows.h"

namespace chantrace::replay {

// Of all of these: `trace` is brief (`make_brief`), and `fallback_title` names a trace of no test.

/// Track events in Perfetto's protobuf form, packet by packet, for ui.perfetto.dev.
void write_perfetto(const Trace& trace, std::string_view fallback_title, const LineSink& sink);

/// Chrome's trace events in JSON, an event a line.
void write_chrome(const Trace& trace, std::string_view fallback_title, const LineSink& sink);

/// What of a trace stands in a sequence diagram.
struct DiagramOptions {
  std::vector<std::string> tasks = {};  ///< Patterns of names; empty: those that matter.
  std::uint64_t from = 1;               ///< The first and the last step.
  std::uint64_t to = std::numeric_limits<std::uint64_t>::max();
  /// Of more messages, the last ones; 0: as many as there is room for.
  std::size_t rows_max = 50;
};

/// A sequence diagram of Mermaid: what tasks did to each other, and what is wrong at the end. It
/// has at most `kDiagramBytesMax`.
void write_mermaid(const Trace& trace, std::string_view fallback_title,
                   const DiagramOptions& options, const LineSink& sink);

/// Less than what Mermaid draws, 50,000 characters.
inline constexpr std::size_t kDiagramBytesMax = 48'000;

/// Who waits on what at the end, and who holds it, as a graph for Graphviz.
void write_dot(const Trace& trace, std::string_view fallback_title, const LineSink& sink);

inline constexpr const char* kCtfMetadata = "metadata";
inline constexpr const char* kCtfStream = "stream";

/// Common Trace Format 1.8: those two files in `folder`, which is made where there is none.
///
/// Returns: what is wrong, in words, where they could not be written; else empty.
std::string write_ctf(const Trace& trace, const std::filesystem::path& folder);

}  // namespace chantrace::replay
