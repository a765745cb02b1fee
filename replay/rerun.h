/// \file
/// Running the test of a trace once more, under its schedule.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/trace.h"
#include "command.h"

namespace chantrace::replay {

/// In a trace's header: with the name behind it, what a test with inputs was called with. How
/// RapidCheck draws them once more is the value of "RC_PARAMS" there.
inline constexpr std::string_view kInputOption = "input ";

/// Which test, and by which program.
struct Rerun {
  std::string trace;
  std::vector<std::string> command;  ///< Empty: the program that recorded the trace.
};

struct RerunOptions {
  std::vector<std::string> flags = {};  ///< For the program, beside those that make it follow.
  std::filesystem::path failure = {};   ///< Where the trace goes if the test fails; empty: nowhere.
};

/// Adds the trace, which `help` tells of, and the command.
void add_rerun(CLI::App& app, Rerun& rerun, const std::string& help);

/// Each line of `text` printable.
std::string printable_lines(std::string_view text);

/// What makes the program follow the trace; sets what it needs of the environment.
std::vector<std::string> command_for(const Rerun& rerun, const Trace& trace,
                                     std::vector<std::string> flags);

/// Runs the test once, in a folder of its own, and reads what it left, which has an end.
///
/// Errors: nullopt where it left nothing, which was told.
std::optional<Trace> run_again(const Rerun& rerun, const Trace& recorded,
                               const RerunOptions& options, Context& context);

}  // namespace chantrace::replay
