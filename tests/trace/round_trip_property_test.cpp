#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "chantrace/trace.h"
#include "compact.h"
#include "support/trace_generators.h"

namespace chantrace {
namespace {

RC_GTEST_PROP(TraceProperty, ReadsBackWhatWasWritten, (const Trace& trace)) {
  const auto read = from_bytes(to_bytes(trace));

  RC_CLASSIFY(trace.is_incomplete(), "incomplete");
  RC_CLASSIFY(trace.lost_count() > 0, "with gaps");
  RC_ASSERT(read.has_value());
  RC_ASSERT(read.value() == trace);
}

RC_GTEST_PROP(TraceProperty, HasOneForm, (const Trace& trace)) {
  const auto bytes = to_bytes(trace);

  RC_ASSERT(to_bytes(from_bytes(bytes).value()) == bytes);
}

RC_GTEST_PROP(CompactProperty, ExpandsToWhatWasCompacted,
              (const std::vector<EventRecord>& events)) {
  std::vector<std::byte> bytes;
  detail::compact(events, bytes);
  const std::size_t size_bytes = bytes.size();
  bytes.resize(size_bytes + detail::kCompactPaddingBytes);
  std::vector<EventRecord> expanded(events.size());

  RC_ASSERT(size_bytes >= events.size() * detail::kCompactEventBytesMin);
  RC_ASSERT(size_bytes <= events.size() * detail::kCompactEventBytesMax);
  RC_ASSERT(detail::expand(bytes, expanded));
  RC_ASSERT(expanded == events);
}

}  // namespace
}  // namespace chantrace
