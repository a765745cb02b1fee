/// \file
/// Two traces told in one set of numbers, so that what is the same in both has the same id.
#pragma once

#include "chantrace/trace.h"

namespace chantrace::replay {

/// Gives tasks, objects and places of `right` the ids of those of `left` that they correspond to,
/// and ids that `left` does not use where there is none.
///
/// A task corresponds to the one of the same name, started at the same place, the same number of
/// starts into the same parent. Objects correspond by kind and name, and where several have both,
/// by which of them the same operations of corresponding tasks use. Files are compared without
/// their folders. Of findings, which hold ids too, nothing is changed.
///
/// In `left`, a place that has several ids gets one of them.
///
/// Cost: near linear in the events.
void renumber_like(Trace& left, Trace& right);

/// The name of `file` without its folder.
std::string_view file_name(std::string_view file);

}  // namespace chantrace::replay
