/// \file
/// Exports in memory, and traces that bring much against a format.
#pragma once

#include <string>
#include <string_view>

#include "export_formats.h"
#include "printable.h"
#include "replay/traces.h"

namespace chantrace::replay {

/// What one of the writers makes of `trace`.
template <typename Write>
std::string exported(const Write& write, Trace trace) {
  make_brief(trace, Charset::kUtf8);
  std::string text;
  write(trace, "fallback", [&](std::string_view piece) {
    text += piece;
    return true;
  });
  return text;
}

/// Names made of what ends a word, a line or a text in some format; and one of a megabyte.
inline Trace make_hostile() {
  const std::string name = "end;\n#\"'\\%%</script><b>&amp;\x1b[31m\xff{}[]|*/";
  TraceMaker maker(name);
  maker.file = "/home/me/" + name + "/a.cpp";
  maker.trace().header.program = name;
  const std::uint32_t jobs = maker.channel(name, 1);
  const std::uint32_t mutex = maker.object(ObjectKind::kMutex, std::string(1'000'000, 'x'));
  const TaskId left = maker.task(name);
  const TaskId right = maker.task(std::string(1'000'000, 'y'));
  maker.trace().texts[1] = name + std::string(1'000'000, 'z');
  maker.trace().objects[jobs - 1].format = ValueFormat::kText;
  maker.send(left, jobs, 1, Phase::kBoth, 40, 1);
  maker.trace().streams[1].events.back().flags |= kValueIsText;
  maker.receive(right, jobs, 1, Phase::kBoth, 50, 0);
  maker.event(left, Operation::kLock, mutex, {.line = 60});
  maker.event(right, Operation::kLock, mutex, {.phase = Phase::kStart, .line = 61});
  maker.event(left, Operation::kTaskJoin, to_number(right), {.phase = Phase::kStart, .line = 62});
  return maker.finish(false);
}

/// `make_loop` with 3 events of the producer lost in the middle, and 2 of the consumer at the end.
inline Trace make_lossy() {
  Trace trace = make_loop(10).finish();
  trace.streams[1].gaps.push_back({.before = 5, .count = 3});
  trace.streams[2].gaps.push_back({.before = trace.streams[2].events.size(), .count = 2});
  return trace;
}

}  // namespace chantrace::replay
