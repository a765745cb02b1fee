// A main for a fuzz target where there is no fuzzing engine: it replays inputs, under any compiler.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "chantrace/fuzz_target.h"
#include "chantrace/schedule.h"
#include "harness.h"

namespace chantrace {
namespace {

namespace fs = std::filesystem;

constexpr int kPassed = 0;
constexpr int kFailed = 1;
constexpr int kUnusable = 2;

constexpr std::string_view kHelp =
    R"(Runs a fuzz target with inputs that are given, such as the corpus of a fuzzing engine.

  %s FILE...           runs each file; of a folder all files below it
  %s --schedule=TOKEN  runs the schedule that a failure has named
  %s --token FILE      prints the schedule of an input
  %s --encode=TOKEN    writes the input of a schedule to the standard output
  %s --help            prints this

Of inputs that fail, each has a line, and the first is told of in full.
Exit status: 0 all passed, 1 some failed, 2 something could not be done.
)";

/// What went wrong, for the standard error. Returns: the exit status.
int complain(const std::string& text) {
  std::fprintf(stderr, "chantrace: %s\n", text.c_str());
  return kUnusable;
}

using Bytes = std::vector<std::uint8_t>;

std::optional<Bytes> read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  Bytes bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return std::nullopt;
  return bytes;
}

/// The files that are meant, in an order that is the same everywhere. Throws:
/// `fs::filesystem_error`.
std::vector<fs::path> find_files(const std::vector<std::string>& names) {
  std::vector<fs::path> files;
  for (const std::string& name : names) {
    if (!fs::is_directory(name)) {
      files.emplace_back(name);
      continue;
    }
    const auto first = static_cast<std::ptrdiff_t>(files.size());
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(name))
      if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin() + first, files.end());
  }
  return files;
}

class Replays {
 public:
  explicit Replays(const detail::FuzzTarget& target) : target_(target), harness_(target) {}

  int run_files(const std::vector<std::string>& names) {
    int status = kPassed;
    const std::vector<fs::path> files = find_files(names);
    std::size_t failed = 0;
    for (const fs::path& file : files) {
      const std::optional<Bytes> input = read(file);
      if (!input) {
        status = complain("cannot read " + file.string());
        continue;
      }
      if (!run(*input, file.string())) ++failed;
    }
    std::printf("%s: %zu input%s, %zu failed\n", target_.name, files.size(),
                files.size() == 1 ? "" : "s", failed);
    if (status != kPassed) return status;
    return failed > 0 ? kFailed : kPassed;
  }

  int run_schedule(const std::string& token) {
    const auto input = find_input(token);
    if (!input) return kUnusable;
    const bool has_passed = run(*input, "the schedule");
    if (has_passed) std::printf("%s: the schedule passed\n", target_.name);
    return has_passed ? kPassed : kFailed;
  }

  int print_token(const std::string& name) {
    const std::optional<Bytes> input = read(name);
    if (!input) return complain("cannot read " + name);
    harness_.run(*input);
    std::printf("%s\n", harness_.schedule().to_string().c_str());
    return kPassed;
  }

  int encode(const std::string& token) {
    const auto input = find_input(token);
    if (!input) return kUnusable;
    std::fwrite(input->data(), 1, input->size(), stdout);
    return kPassed;
  }

 private:
  /// Returns: whether it passed.
  bool run(const Bytes& input, const std::string& name) {
    const detail::ByteRun run = harness_.run(input);
    if (!run.has_failed) return true;
    if (!has_described_) std::printf("%s\n", harness_.describe(run).c_str());
    has_described_ = true;
    std::printf("FAILED %s: %s\n", name.c_str(), Harness::summarize(run).c_str());
    return false;
  }

  /// nullopt: it is said what is wrong.
  std::optional<Bytes> find_input(const std::string& token) {
    const auto schedule = Schedule::parse(token);
    if (!schedule) {
      complain("no schedule: " + schedule.error().text);
      return std::nullopt;
    }
    std::optional<Bytes> input = harness_.find_input(schedule.value());
    if (!input)
      complain(
          "the target does something else than this schedule says, or has options under which "
          "there is no such schedule");
    return input;
  }

  const detail::FuzzTarget& target_;
  Harness harness_;
  bool has_described_ = false;
};

int print_help(const std::string& program) {
  std::string text(kHelp);
  for (std::size_t at = text.find("%s"); at != std::string::npos; at = text.find("%s", at))
    text.replace(at, 2, program);
  std::fputs(text.c_str(), stdout);
  return kPassed;
}

int run_main(const std::string& program, const std::vector<std::string>& arguments) {
  constexpr std::string_view kSchedule = "--schedule=";
  constexpr std::string_view kEncode = "--encode=";
  if (arguments.empty()) return complain("no inputs; " + program + " --help tells what there is");
  const std::string& first = arguments.front();
  if (first == "--help" || first == "-h") return print_help(program);

  Replays replays(detail::fuzz_target());
  const bool is_alone = arguments.size() == 1;
  if (is_alone && first.starts_with(kSchedule))
    return replays.run_schedule(first.substr(kSchedule.size()));
  if (is_alone && first.starts_with(kEncode)) return replays.encode(first.substr(kEncode.size()));
  if (arguments.size() == 2 && first == "--token") return replays.print_token(arguments.back());
  for (const std::string& argument : arguments)
    if (argument.starts_with('-'))
      return complain("unknown option or too many arguments: " + argument + "; " + program +
                      " --help tells what there is (the options of fuzzing engines are theirs: "
                      "this program has none)");
  return replays.run_files(arguments);
}

}  // namespace
}  // namespace chantrace

int main(int argc, char** argv) {
  try {
    return chantrace::run_main(argv[0], {argv + 1, argv + argc});
  } catch (const std::exception& error) {
    return chantrace::complain(error.what());
  }
}
