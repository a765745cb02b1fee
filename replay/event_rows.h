/// \file
/// The events of a trace as rows of a table, for programs that know nothing of traces.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "chantrace/trace.h"

namespace chantrace::replay {

/// Takes one line, its end included; returns false when no more are wanted.
using LineSink = std::function<bool(std::string_view line)>;

/// One JSON object a line. Keys are documented in docs/command.md.
void write_jsonl(const Trace& trace, const LineSink& sink);

/// CSV with a head, in the form of RFC 4180. A cell that a spreadsheet would take for a formula
/// gets an apostrophe in front.
void write_csv(const Trace& trace, const LineSink& sink);

/// The whole trace with its events as rows in wire layout, so that `capnp decode` shows them.
void write_capnp(const Trace& trace, const LineSink& sink);

}  // namespace chantrace::replay
