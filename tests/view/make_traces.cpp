// Writes the traces that tests of the page and of the terminal look at.
//
//   make_traces FOLDER
#include <cstdio>
#include <filesystem>
#include <string>

#include "chantrace/trace.h"
#include "replay/traces.h"

namespace {

using namespace chantrace;
using replay::TraceMaker;
using enum Operation;

/// Two values through a buffer, a send that has to wait, and a close.
Trace pool() {
  TraceMaker maker("Pool.Drains");
  const std::uint32_t jobs = maker.channel("jobs", 2);
  const TaskId worker = maker.task("worker");
  const TaskId main = maker.body();
  maker.send(main, jobs, 11, Phase::kBoth, 40, 1);
  maker.send(main, jobs, 22, Phase::kBoth, 40, 2);
  maker.send(main, jobs, 33, Phase::kStart, 40, 2);
  maker.receive(worker, jobs, 11, Phase::kBoth, 50, 1);
  maker.send(main, jobs, 33, Phase::kDone, 40, 2);
  maker.receive(worker, jobs, 22, Phase::kBoth, 50, 1);
  maker.receive(worker, jobs, 33, Phase::kBoth, 50, 0);
  maker.event(main, kClose, jobs, {.line = 41});
  maker.event(worker, kReceive, jobs, {.outcome = Outcome::kClosed, .line = 50});
  maker.end_task(worker);
  maker.event(main, kTaskJoin, to_number(worker), {.line = 42});
  return maker.finish();
}

/// Two tasks, each with the lock that the other one wants.
Trace deadlock() {
  TraceMaker maker("Transfer.InOppositeOrders");
  maker.trace().header.is_controlled = true;
  const std::uint32_t mu = maker.object(ObjectKind::kMutex, "mu");
  const std::uint32_t nu = maker.object(ObjectKind::kMutex, "nu");
  const TaskId left = maker.task("left");
  const TaskId right = maker.task("right");
  maker.event(left, kLock, mu, {.line = 61});
  maker.event(right, kLock, nu, {.line = 71});
  maker.event(left, kLock, nu, {.phase = Phase::kStart, .line = 62});
  maker.event(right, kLock, mu, {.phase = Phase::kStart, .line = 72});
  maker.event(maker.body(), kTaskJoin, to_number(left), {.phase = Phase::kStart, .line = 80});
  return maker.finish(false);
}

/// Tasks whose names mean something to some format.
Trace names() {
  TraceMaker maker("Names.MeanNothing");
  const std::uint32_t jobs = maker.channel("jobs; #1 \"end\" <b>", 1);
  for (const char* name :
       {"end",        "End of it",   "end;end",        "a;b",          "a#b",
        "#59;",       "a%%b",        "%%{init: {}}%%", "a:b",          "wrap:x",
        "style:9>x;", "as x",        "p1->>p2: x",     "note over p1", "participant",
        "title x",    "quote\"'`",   "back\\slash\\n", "{json}",       "[x]",
        "@home",      "<b>bold</b>", "x<br/>y",        "&amp;",        "ﬂ°°60¶ß",
        "Straße",     "日本語",      " spaces ",       "$$x^2$$",      "a\nb\t\x1b[31m",
        "\xff\xfe",   "*/ } env {"}) {
    const TaskId task = maker.task(name);
    maker.send(task, jobs, 1, Phase::kBoth, 40, 1);
    maker.receive(maker.body(), jobs, 1, Phase::kBoth, 50, 0);
    maker.event(task, kLock, maker.object(ObjectKind::kMutex, name),
                {.phase = Phase::kStart, .line = 41});
  }
  return maker.finish(false);
}

/// All that a trace can bring against a page.
Trace hostile() {
  const std::string markup = "</script><script>window.pwned=1</script><img src=x onerror=pwned=1>";
  TraceMaker maker("<b>Suite</b>.'\"&" + markup);
  maker.file = "/home/me/" + markup + "/a.cpp";
  const std::uint32_t channel = maker.channel("__proto__" + markup, 1);
  const std::uint32_t huge = maker.channel(std::string(1'000'000, 'x'), 1);
  for (int i = 0; i < 10'000; ++i) maker.task("worker " + std::to_string(i) + markup);
  maker.trace().texts[1] = markup + std::string(1'000'000, 'y');
  maker.trace().objects[channel - 1].format = ValueFormat::kText;
  maker.send(maker.body(), channel, 1, Phase::kBoth, 40, 1);
  maker.trace().streams.front().events.back().flags |= kValueIsText;
  maker.send(maker.body(), huge, 2, Phase::kBoth, 41, 1);
  Trace trace = maker.finish(false);
  trace.warnings.push_back(markup);
  return trace;
}

/// Nothing at all happened.
Trace empty() {
  TraceMaker maker("Suite.Nothing");
  Trace trace = maker.finish();
  trace.tasks.clear();
  return trace;
}

/// A task that makes no step.
Trace idle() { return TraceMaker("Suite.Idle").finish(); }

/// Characters of two columns, of none, and those that are none.
Trace odd_names() {
  TraceMaker maker("日本語.😀");
  const std::uint32_t channel = maker.channel("канал 中文😀e\u0301", 2);
  const TaskId wide = maker.task("工人 中文中文中文中文中文中文中文");
  const TaskId control = maker.task("a\x1b[31m\r\n\t\u202eb");
  maker.send(wide, channel, 1, Phase::kBoth, 40, 1);
  maker.receive(control, channel, 1, Phase::kBoth, 41, 0);
  maker.receive(control, channel, 0, Phase::kStart, 42, 0);
  return maker.finish(false);
}

/// Workers that take turns, to half a million events.
Trace large(int rounds) {
  TraceMaker maker("Pool.Large");
  const std::uint32_t jobs = maker.channel("jobs", 64);
  std::vector<TaskId> workers;
  for (int i = 0; i < 50; ++i) workers.push_back(maker.task("worker-" + std::to_string(i)));
  for (int i = 0; i < rounds; ++i) {
    const TaskId one = workers[static_cast<std::size_t>(i * 7 % 50)];
    const TaskId other = workers[static_cast<std::size_t>((i * 11 + 3) % 50)];
    maker.receive(one, jobs, 0, Phase::kStart, 50);
    maker.send(other == one ? maker.body() : other, jobs, i % 100, Phase::kBoth, 40);
    maker.receive(one, jobs, i % 100, Phase::kDone, 50);
    maker.event(one, kYield, 0, {.line = 51});
  }
  for (const TaskId worker : workers) maker.end_task(worker);
  return maker.finish();
}

/// More than fit into one page. One of many is stuck at the end.
Trace long_one() {
  Trace trace = large(150'000);
  TaskStream& stuck = trace.streams[7];
  stuck.events.pop_back();  // That it has ended.
  while (phase_of(stuck.events.back()) != Phase::kStart) stuck.events.pop_back();
  trace.end->passed = false;
  return trace;
}

/// Some thousand steps, of which tests show a part at a time: a deadlock at the front that lasts to
/// the end, a task that does something rarely, and names that mean something to a page.
Trace parts() {
  TraceMaker maker("Pool.InParts");
  const std::uint32_t jobs = maker.channel("jobs", 8);
  const std::uint32_t seldom = maker.channel("seldom<b>", 1);
  const std::uint32_t mu = maker.object(ObjectKind::kMutex, "mu");
  const std::uint32_t nu = maker.object(ObjectKind::kMutex, "nu");
  const TaskId left = maker.task("left");
  const TaskId right = maker.task("right");
  const TaskId rare = maker.task("rare <script>window.pwned=1</script>");
  std::vector<TaskId> workers;
  for (int i = 0; i < 5; ++i) workers.push_back(maker.task("worker-" + std::to_string(i)));
  maker.event(left, kLock, mu, {.line = 61});
  maker.event(right, kLock, nu, {.line = 71});
  maker.event(left, kLock, nu, {.phase = Phase::kStart, .line = 62});
  maker.event(right, kLock, mu, {.phase = Phase::kStart, .line = 72});
  for (int i = 0; i < 800; ++i) {
    const TaskId one = workers[static_cast<std::size_t>(i * 3 % 5)];
    const TaskId other = workers[static_cast<std::size_t>((i * 3 + 1) % 5)];
    maker.receive(one, jobs, 0, Phase::kStart, 50);
    maker.send(other, jobs, i, Phase::kBoth, 40);
    maker.receive(one, jobs, i, Phase::kDone, 50);
    maker.event(i % 2 == 0 ? one : maker.body(), kYield, 0, {.line = 51});
    maker.send(other, jobs, -i, Phase::kBoth, 40, 1);
    maker.receive(other, jobs, -i, Phase::kBoth, 50, 0);
    if (i % 390 != 10) continue;
    maker.send(rare, seldom, i, Phase::kBoth, 90, 1);
    maker.receive(maker.body(), seldom, i, Phase::kBoth, 91, 0);
  }
  for (const TaskId worker : workers) maker.end_task(worker);
  maker.event(maker.body(), kTaskJoin, to_number(left), {.phase = Phase::kStart, .line = 80});
  return maker.finish(false);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  const auto write = [&](const Trace& trace, const char* name) {
    if (const auto error = write_trace(trace, folder / name)) {
      std::fprintf(stderr, "%s\n", error->to_string().c_str());
      std::exit(1);
    }
  };
  write(pool(), "pool.chantrace");
  write(deadlock(), "deadlock.chantrace");
  write(names(), "names.chantrace");
  write(hostile(), "hostile.chantrace");
  write(empty(), "empty.chantrace");
  write(idle(), "idle.chantrace");
  write(odd_names(), "odd_names.chantrace");
  write(large(124'900), "large.chantrace");
  write(long_one(), "long.chantrace");
  write(parts(), "parts.chantrace");
}
