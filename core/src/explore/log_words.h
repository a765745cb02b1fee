/// \file
/// What an operation in a log is called.
#pragma once

#include <cstdint>
#include <string>

#include "chantrace/detail/event_log.h"

namespace chantrace::detail {

/// nullptr: none, or none of this execution.
const EventLog::Object* object_of(const EventLog& log, std::uint32_t object);
/// "worker", or "task 3" where it has no name.
std::string task_in_words(const EventLog& log, std::size_t task);
/// "jobs", or "mutex 3" where it has no name.
std::string object_in_words(const EventLog& log, std::uint32_t object);
/// "send(results)"
std::string operation_in_words(const EventLog& log, const EventRecord& event);

}  // namespace chantrace::detail
