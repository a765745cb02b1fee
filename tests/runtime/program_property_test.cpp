// Random small programs of several tasks, on threads: whatever the schedule, no value is invented,
// doubled, lost or overtaken, and the trace of each run agrees with itself.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "chantrace/chantrace.h"
#include "chantrace/trace.h"
#include "support/run_on_threads.h"
#include "support/temporary_folder.h"

namespace chantrace {
namespace {

using namespace std::chrono_literals;

/// One operation of a program's task.
struct Step {
  enum class Kind { kSend, kRecv, kTrySend, kTryRecv, kSelect, kClose } kind;
  std::size_t channel;
  std::size_t other;  ///< The second channel of a select.
};

std::ostream& operator<<(std::ostream& out, const Step& step) {
  constexpr const char* kNames[] = {"send", "recv", "try_send", "try_recv", "select", "close"};
  return out << kNames[static_cast<int>(step.kind)] << " " << step.channel << "/" << step.other;
}

struct Program {
  std::vector<std::size_t> capacities;
  std::vector<std::vector<Step>> tasks;
};

void showValue(const Program& program, std::ostream& out) {  // NOLINT: RapidCheck finds it by name.
  out << "capacities:";
  for (const std::size_t capacity : program.capacities) out << " " << capacity;
  for (const auto& task : program.tasks) {
    out << "\n  task:";
    for (const Step& step : task) out << " " << step << ";";
  }
}

rc::Gen<Program> any_program() {
  return rc::gen::exec([] {
    Program program;
    const auto channels = *rc::gen::inRange<std::size_t>(1, 4);
    program.capacities = *rc::gen::container<std::vector<std::size_t>>(
        channels, rc::gen::element<std::size_t>(0, 1, 2, 5));
    using Kind = Step::Kind;
    const auto step = rc::gen::construct<Step>(rc::gen::weightedElement<Kind>({{6, Kind::kSend},
                                                                               {6, Kind::kRecv},
                                                                               {2, Kind::kTrySend},
                                                                               {2, Kind::kTryRecv},
                                                                               {3, Kind::kSelect},
                                                                               {1, Kind::kClose}}),
                                               rc::gen::inRange<std::size_t>(0, channels),
                                               rc::gen::inRange<std::size_t>(0, channels));
    const auto tasks = *rc::gen::inRange<std::size_t>(1, 6);
    for (std::size_t i = 0; i < tasks; ++i)
      program.tasks.push_back(*rc::gen::resize(12, rc::gen::container<std::vector<Step>>(step)));
    return program;
  });
}

/// Who sent a value, and which of its sends it was.
struct Value {
  std::size_t task = 0;
  std::size_t index = 0;
  friend auto operator<=>(const Value&, const Value&) = default;
};

/// What one task saw, each in its own order.
struct Seen {
  struct OnChannel {
    std::size_t channel;
    Value value;
  };
  std::vector<OnChannel> sent;
  std::vector<OnChannel> offered;  ///< Sends that were begun.
  std::vector<OnChannel> received;
  std::vector<std::size_t> found_closed;
  std::vector<std::size_t> closed;
};

struct Run {
  std::vector<Channel<Value>> channels;
  std::vector<Seen> seen;
};

void run_task(const std::vector<Step>& steps, std::size_t task, Run& run) {
  Seen& seen = run.seen[task];
  const auto got = [&](std::size_t channel, const std::optional<Value>& value) {
    if (value)
      seen.received.push_back({channel, *value});
    else
      seen.found_closed.push_back(channel);
  };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    const Channel<Value>& channel = run.channels[step.channel];
    const Seen::OnChannel mine{step.channel, {task, i}};
    const bool sends = step.kind == Step::Kind::kSend || step.kind == Step::Kind::kTrySend ||
                       step.kind == Step::Kind::kSelect;
    if (sends) seen.offered.push_back(mine);
    try {
      switch (step.kind) {
        case Step::Kind::kSend:
          channel.send(mine.value);
          seen.sent.push_back(mine);
          break;
        case Step::Kind::kTrySend:
          if (channel.try_send(mine.value)) seen.sent.push_back(mine);
          break;
        case Step::Kind::kRecv:
          got(step.channel, channel.recv());
          break;
        case Step::Kind::kTryRecv: {
          RecvResult<Value> result = channel.try_recv();
          if (result.status() != RecvStatus::kEmpty) got(step.channel, result.optional());
          break;
        }
        case Step::Kind::kSelect:
          select(on_send(channel, mine.value, [&] { seen.sent.push_back(mine); }),
                 on_recv(run.channels[step.other],
                         [&](const std::optional<Value>& value) { got(step.other, value); }));
          break;
        case Step::Kind::kClose:
          channel.close();
          seen.closed.push_back(step.channel);
          break;
      }
    } catch (const MisuseError&) {
      // Sent on a closed channel, or closed one: a program may do that.
    }
  }
}

void check_values(const Run& run) {
  std::map<Value, std::size_t> sent;
  std::set<Value> offered;
  std::set<std::size_t> closed;
  for (const Seen& seen : run.seen) {
    for (const auto& [channel, value] : seen.sent) sent[value] = channel;
    for (const auto& [channel, value] : seen.offered) offered.insert(value);
    closed.insert(seen.closed.begin(), seen.closed.end());
  }
  std::set<Value> received;
  std::vector<std::size_t> received_on(run.channels.size());
  for (const Seen& seen : run.seen) {
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> latest;
    for (const auto& [channel, value] : seen.received) {
      RC_ASSERT(received.insert(value).second);  // Once,
      RC_ASSERT(sent.contains(value));           // not invented, its sender knows,
      RC_ASSERT(sent.at(value) == channel);
      ++received_on[channel];
      const auto [last, is_first] = latest.try_emplace({channel, value.task}, value.index);
      if (!is_first) RC_ASSERT(last->second < value.index);  // not overtaken.
      last->second = value.index;
    }
    for (const std::size_t channel : seen.found_closed) RC_ASSERT(closed.contains(channel));
  }
  for (std::size_t i = 0; i < run.channels.size(); ++i) {
    const auto sent_on = static_cast<std::size_t>(std::count_if(
        sent.begin(), sent.end(), [&](const auto& entry) { return entry.second == i; }));
    RC_ASSERT(sent_on == received_on[i] + run.channels[i].size());  // Nothing is lost.
  }
}

void check_trace(const std::filesystem::path& path) {
  const auto trace = read_trace(path);
  RC_ASSERT(trace.has_value());
  RC_ASSERT(trace.value().warnings.empty());
  const TraceOrder order = order_events(trace.value());
  for (const std::string& contradiction : order.contradictions) RC_LOG() << contradiction << "\n";
  RC_ASSERT(order.contradictions.empty());
  RC_ASSERT(order.places.size() == trace.value().events_count());
  for (const Finding& finding : analyze(trace.value())) {
    if (finding.kind != FindingKind::kInconsistent && finding.kind != FindingKind::kUncertain)
      continue;
    RC_LOG() << to_text(finding);
    RC_FAIL("the trace contradicts itself");
  }
}

RC_GTEST_PROP(ProgramProperty, KeepsEveryValueInEverySchedule, ()) {
  static const TemporaryFolder folder;
  const Program program = *any_program();
  const auto run = std::make_shared<Run>();
  run->seen.resize(program.tasks.size());
  detail::RecordingOptions recording;
  recording.path = folder.path() / "program.chantrace";

  const ThreadsRun ended = run_on_threads(
      [&] {
        for (const std::size_t capacity : program.capacities)
          run->channels.emplace_back("channel", capacity);
        for (std::size_t i = 0; i < program.tasks.size(); ++i)
          go("task", [&program, run, i] { run_task(program.tasks[i], i, *run); });
      },
      10s, recording);

  RC_ASSERT(ended.end.abandoned == 0u);
  RC_CLASSIFY(!ended.faults().empty(), "left something blocked");
  check_values(*run);
  check_trace(recording.path);
}

}  // namespace
}  // namespace chantrace
