#include "flags.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "chantrace/trace.h"

namespace chantrace {
namespace {

constexpr std::string_view kPrefix = "--chantrace_";

/// What each word of `fail_on` stands for. A group has the name of what a user has in mind.
struct Group {
  std::string_view name;
  std::vector<FindingKind> kinds;
};

const std::vector<Group>& groups() {
  using enum FindingKind;
  static const std::vector<Group> all = {
      {"deadlock", {kDeadlock}},
      {"blocked", {kBlocked, kLostSignal}},
      {"leaked", {kLeaked}},
      {"exception", {kException}},
      {"misuse", {kMutexHeld, kSendOnClosed, kDoubleClose, kNegativeWaitGroup, kMisuse}},
      {"race", {kRace}},
      {"foreign_thread", {kForeignThread}},
      {"divergence", {kDivergence}},
      {"lock_order", {kLockOrder}},
  };
  return all;
}

std::set<FindingKind> default_kinds() {
  std::set<FindingKind> kinds;
  for (const Group& group : groups())
    if (group.name != "lock_order") kinds.insert(group.kinds.begin(), group.kinds.end());
  return kinds;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) words.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return words;
}

/// Why a value was not taken; nothing where it was.
using Problem = std::optional<std::string>;

Problem read_number(std::string_view text, long limit, long& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number >= 0 && number <= limit)
    return std::nullopt;
  return "expected a number from 0 to " + std::to_string(limit);
}

/// A duration with its unit: "500ms", "2s", "10m".
Problem read_duration(std::string_view text, std::chrono::milliseconds& time) {
  constexpr std::pair<std::string_view, long> kUnits[] = {
      {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
  for (const auto& [unit, milliseconds] : kUnits) {
    if (!text.ends_with(unit)) continue;
    long number = 0;
    if (read_number(text.substr(0, text.size() - unit.size()), 1'000'000, number)) break;
    time = std::chrono::milliseconds(number * milliseconds);
    return std::nullopt;
  }
  return "expected a time such as 500ms, 2s or 10m";
}

Problem read_count(std::string_view text, std::optional<std::uint64_t>& count) {
  long number = 0;
  const Problem problem = read_number(text, 1'000'000'000'000, number);
  if (!problem) count = static_cast<std::uint64_t>(number);
  return problem;
}

/// "2.4": operation 4 of task 2.
Problem read_operation(std::string_view text, detail::OperationOfTask& place) {
  const std::size_t dot = std::min(text.find('.'), text.size());
  long task = 0;
  long operation = 0;
  if (dot == text.size() || read_number(text.substr(0, dot), 1'000'000, task) ||
      read_number(text.substr(dot + 1), 1'000'000'000'000, operation) || task == 0 ||
      operation == 0)
    return "expected TASK.OPERATION, both counted from 1, such as 2.4";
  place = {static_cast<std::uint32_t>(task), static_cast<std::uint64_t>(operation)};
  return std::nullopt;
}

/// "0/4", or "gtest" for the numbers that GoogleTest is given in the environment, if it is.
Problem read_shard(std::string_view text, Flags& flags) {
  flags.explore_shard = parse_shard(text);
  flags.takes_googletest_shards = text == "gtest";
  if (flags.explore_shard) return std::nullopt;
  if (!flags.takes_googletest_shards)
    return "expected INDEX/COUNT with an index from 0 to COUNT - 1, such as 0/4, or gtest";
  const char* const index = std::getenv("GTEST_SHARD_INDEX");
  const char* const count = std::getenv("GTEST_TOTAL_SHARDS");
  if (index == nullptr && count == nullptr) return std::nullopt;
  if (index != nullptr && count != nullptr)
    flags.explore_shard = parse_shard(std::string(index) + "/" + count);
  if (flags.explore_shard) return std::nullopt;
  return "GTEST_SHARD_INDEX and GTEST_TOTAL_SHARDS name no shard";
}

/// A token, or a trace.
Problem read_schedule(std::string_view text, Flags& flags) {
  flags.replay.reset();
  flags.replayed_trace.reset();
  flags.replay_text = text;
  std::error_code ignored;
  const std::filesystem::path path(text);
  if (!std::filesystem::is_regular_file(path, ignored)) {
    auto parsed = Schedule::parse(text);
    if (!parsed)
      return parsed.error().text + (std::filesystem::is_directory(path, ignored)
                                        ? ", and that is a folder, where a trace is one file"
                                        : ", and there is no such file");
    flags.replay = std::move(parsed).value();
    return std::nullopt;
  }
  auto trace = read_trace(path);
  if (!trace) return trace.error().to_string();
  const Trace& read = trace.value();
  if (read.end && read.end->schedule)
    flags.replay = read.end->schedule;
  else if (read.header.is_controlled)
    return "the trace has no schedule: its program was ended before it could write it";
  else
    flags.replayed_trace = std::make_shared<const Trace>(std::move(trace).value());
  return std::nullopt;
}

/// Up to an hour.
Problem read_milliseconds(std::string_view text, std::chrono::milliseconds& time) {
  long number = 0;
  const Problem problem = read_number(text, 3'600'000, number);
  if (!problem) time = std::chrono::milliseconds(number);
  return problem;
}

Problem read_switch(std::string_view text, bool& value) {
  if (text == "1" || text == "on" || text == "true" || text == "yes")
    value = true;
  else if (text == "0" || text == "off" || text == "false" || text == "no")
    value = false;
  else
    return "expected on or off";
  return std::nullopt;
}

Problem read_kinds(std::string_view text, std::set<FindingKind>& kinds) {
  kinds.clear();
  for (const std::string& word : split(text)) {
    const auto group = std::find_if(groups().begin(), groups().end(),
                                    [&](const Group& one) { return one.name == word; });
    if (group != groups().end()) {
      kinds.insert(group->kinds.begin(), group->kinds.end());
    } else if (word == "all") {
      for (const Group& one : groups()) kinds.insert(one.kinds.begin(), one.kinds.end());
    } else if (const auto kind = parse_finding_kind(word)) {
      kinds.insert(*kind);
    } else if (word != "none") {
      std::string known = "all, none";
      for (const Group& one : groups()) known += ", " + std::string(one.name);
      return "\"" + word + "\" is no kind of finding (known: " + known + ")";
    }
  }
  return std::nullopt;
}

struct Flag {
  std::string_view name;
  std::string_view value;
  std::string_view help;
  std::function<Problem(std::string_view, Flags&)> read;
};

const std::vector<Flag>& all_flags() {
  static const std::vector<Flag> all = {
      {"out", "FOLDER",
       "where traces go (default: traces, or TEST_UNDECLARED_OUTPUTS_DIR where Bazel sets it)",
       [](std::string_view text, Flags& flags) -> Problem {
         if (text.empty()) return "expected a folder";
         flags.out = text;
         return std::nullopt;
       }},
      {"keep", "failed|all|none", "which tests' traces stay (default: failed)",
       [](std::string_view text, Flags& flags) -> Problem {
         if (text == "failed")
           flags.keep = Keep::kFailed;
         else if (text == "all")
           flags.keep = Keep::kAll;
         else if (text == "none")
           flags.keep = Keep::kNone;
         else
           return "expected failed, all or none";
         return std::nullopt;
       }},
      {"fail_on", "KINDS",
       "findings that fail a test, separated by commas: deadlock, blocked, leaked, exception,\n"
       "      misuse, race, foreign_thread, divergence (these by default), lock_order, all, none",
       [](std::string_view text, Flags& flags) { return read_kinds(text, flags.fail_on); }},
      {"allow", "PATTERNS",
       "leaks to ignore, where every task of a finding has a label or a file:line that is like\n"
       "      one of these; * stands for any text; separated by commas",
       [](std::string_view text, Flags& flags) -> Problem {
         for (std::string& pattern : split(text)) flags.allow.push_back(std::move(pattern));
         return std::nullopt;
       }},
      {"values", "on|off", "whether values that pass through channels are recorded (default: on)",
       [](std::string_view text, Flags& flags) { return read_switch(text, flags.values); }},
      {"patience", "MILLISECONDS",
       "how long tasks may still run when the body of their test has ended (default: 1000);\n"
       "      tasks that are blocked for ever are known at once",
       [](std::string_view text, Flags& flags) { return read_milliseconds(text, flags.patience); }},
      {"foreign_patience", "MILLISECONDS",
       "how long threads that the library has never seen get to help a test in which nothing else\n"
       "      can go on (default: 10000)",
       [](std::string_view text, Flags& flags) {
         return read_milliseconds(text, flags.foreign_patience);
       }},
      {"watchdog", "SECONDS",
       "how long a test may take before all tasks and threads are shown and the program ends\n"
       "      (default: 60; 0: for ever)",
       [](std::string_view text, Flags& flags) {
         long number = 0;
         const Problem problem = read_number(text, 31'536'000, number);
         if (!problem) flags.watchdog = std::chrono::seconds(number);
         return problem;
       }},
      {"explore", "COUNT",
       "runs each test under so many schedules, until one fails; 0: once, on threads (default), "
       "but for tests with inputs",
       [](std::string_view text, Flags& flags) { return read_count(text, flags.explore); }},
      {"budget", "TIME",
       "explores each test for at most so long, such as 500ms, 2s or 10m; without\n"
       "      --chantrace_explore, as many schedules as that allows",
       [](std::string_view text, Flags& flags) {
         std::chrono::milliseconds time{0};
         const Problem problem = read_duration(text, time);
         if (!problem) flags.budget = time;
         return problem;
       }},
      {"strategy", "NAME",
       "how schedules are searched: portfolio (default), random, pos, pct:DEPTH, surw, site, "
       "sweep,\n"
       "      greybox, dfs, dfs:PREEMPTIONS",
       [](std::string_view text, Flags& flags) -> Problem {
         flags.strategy = parse_search_strategy(text);
         if (flags.strategy) return std::nullopt;
         return "expected portfolio, random, pos, pct:3, surw, site, sweep, greybox, dfs or dfs:2";
       }},
      {"seed", "NUMBER", "another seed explores other schedules (default: 0)",
       [](std::string_view text, Flags& flags) { return read_count(text, flags.seed); }},
      {"explore_shard", "INDEX/COUNT|gtest",
       "explores one part of so many, from 0/COUNT, of each test; gtest: GTEST_SHARD_INDEX and\n"
       "      GTEST_TOTAL_SHARDS name it, and each shard runs all tests",
       [](std::string_view text, Flags& flags) { return read_shard(text, flags); }},
      {"shrink", "COUNT",
       "runs a schedule that failed up to so many times more, to make it as small as can be\n"
       "      (default: 1000; 0: not); what is replayed is shrunk only where this is given",
       [](std::string_view text, Flags& flags) { return read_count(text, flags.shrink); }},
      {"steps_max", "COUNT",
       "operations after which an execution under control is cut (default: 100000)",
       [](std::string_view text, Flags& flags) -> Problem {
         const Problem problem = read_count(text, flags.steps_max);
         if (problem) return problem;
         if (*flags.steps_max == 0) return "expected a number from 1 on";
         return std::nullopt;
       }},
      {"stack_kib", "KIBIBYTES", "the stack of each task under control (default: 256)",
       [](std::string_view text, Flags& flags) -> Problem {
         const Problem problem = read_count(text, flags.stack_kib);
         if (problem) return problem;
         if (*flags.stack_kib < 16 || *flags.stack_kib > 1'048'576)
           return "expected a number from 16 to 1048576";
         return std::nullopt;
       }},
      {"time_mode", "choice|quiescence",
       "when timers fire under control, where time is virtual: at any step (default), or only\n"
       "      when nothing else can go on",
       [](std::string_view text, Flags& flags) -> Problem {
         if (text == "choice")
           flags.time_mode = TimeMode::kChoice;
         else if (text == "quiescence")
           flags.time_mode = TimeMode::kQuiescence;
         else
           return "expected choice or quiescence";
         return std::nullopt;
       }},
      {"replay", "SCHEDULE|TRACE",
       "runs the tests once under a schedule, as a token or in a trace, or in the order of a "
       "trace\n"
       "      that was recorded on threads; select one test with --gtest_filter",
       [](std::string_view text, Flags& flags) { return read_schedule(text, flags); }},
      {"stop_at", "TASK.OPERATION",
       "calls chantrace_stop_here(), which does nothing, in front of that operation of a test "
       "that\n"
       "      runs under a schedule: a place for a breakpoint",
       [](std::string_view text, Flags& flags) { return read_operation(text, flags.stop_at); }},
  };
  return all;
}

[[noreturn]] void refuse(const std::string& what, const std::string& why) {
  std::fprintf(stderr, "chantrace: %s: %s; --help lists the flags\n", what.c_str(), why.c_str());
  std::exit(2);
}

void print_help() {
  std::printf(
      "\nThis program records what its tests' tasks do, and fails a test that leaves something\n"
      "blocked, leaked or broken behind. Its own flags; each is an environment variable as well,\n"
      "such as CHANTRACE_OUT:\n");
  for (const Flag& flag : all_flags())
    std::printf("  --chantrace_%.*s=%.*s\n      %.*s\n", static_cast<int>(flag.name.size()),
                flag.name.data(), static_cast<int>(flag.value.size()), flag.value.data(),
                static_cast<int>(flag.help.size()), flag.help.data());
}

void read_environment(Flags& flags) {
  if (const char* const folder = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
      folder != nullptr && *folder != '\0')
    flags.out = folder;
  for (const Flag& flag : all_flags()) {
    std::string name = "CHANTRACE_";
    for (const char c : flag.name)
      name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') continue;
    if (const Problem problem = flag.read(value, flags)) refuse(name + "=" + value, *problem);
  }
}

}  // namespace

Flags read_flags(int* argc, char** argv) {
  Flags flags;
  flags.fail_on = default_kinds();
  if (*argc > 0) flags.program = argv[0];
  read_environment(flags);
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") print_help();
    if (!argument.starts_with(kPrefix)) {
      argv[kept++] = argv[i];
      continue;
    }
    const std::string_view body = argument.substr(kPrefix.size());
    const std::size_t equals = std::min(body.find('='), body.size());
    const std::string_view name = body.substr(0, equals);
    const auto flag = std::find_if(all_flags().begin(), all_flags().end(),
                                   [&](const Flag& one) { return one.name == name; });
    if (flag == all_flags().end()) refuse(std::string(argument), "there is no such flag");
    if (equals == body.size()) refuse(std::string(argument), "expected a value behind =");
    if (const Problem problem = flag->read(body.substr(equals + 1), flags))
      refuse(std::string(argument), *problem);
  }
  argv[kept] = nullptr;
  *argc = kept;
  if (flags.stop_at.task != 0 && !flags.replays())
    refuse(std::string(kPrefix) + "stop_at", "it goes with --chantrace_replay alone");
  return flags;
}

void Flags::apply_to(ExploreOptions& options) const {
  if (explore && *explore > 0)
    options.schedules = *explore;
  else if (budget)
    options.schedules = 0;
  if (budget) options.budget = *budget;
  if (strategy) options.strategy = *strategy;
  if (seed) options.seed = *seed;
  if (explore_shard) options.shard = *explore_shard;
  if (shrink) options.shrink.executions = *shrink;
  if (steps_max) options.run.steps_max = *steps_max;
  if (stack_kib) options.run.stack_bytes = *stack_kib * 1024;
  if (time_mode) options.run.rules.time_mode = *time_mode;
}

bool matches(std::string_view pattern, std::string_view text) {
  // Greedy with one point to come back to, so that no pattern takes more than quadratic time.
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || (pattern[p] != '*' && pattern[p] == text[t]))) {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace chantrace
