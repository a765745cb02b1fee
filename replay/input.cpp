#include "input.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "progress.h"

namespace chantrace::replay {
namespace {

namespace fs = std::filesystem;

TraceError system_error(const fs::path& path, const std::error_code& error) {
  return {.path = path.string(), .offset_bytes = 0, .reason = error.message()};
}

/// All traces in `folder` and below it, sorted by path.
void add_folder(const fs::path& folder, Inputs& inputs) {
  std::error_code error;
  std::vector<fs::path> found;
  fs::recursive_directory_iterator entry{folder, fs::directory_options::skip_permission_denied,
                                         error};
  while (!error && entry != fs::recursive_directory_iterator{}) {
    std::error_code ignored;  // A file that went away meanwhile.
    if (entry->path().extension() == kTraceExtension && entry->is_regular_file(ignored)) {
      found.push_back(entry->path());
    }
    entry.increment(error);
  }
  if (error) inputs.errors.push_back(system_error(folder, error));
  std::sort(found.begin(), found.end());
  inputs.traces.insert(inputs.traces.end(), found.begin(), found.end());
}

}  // namespace

Inputs find_traces(const std::vector<std::string>& arguments) {
  Inputs inputs;
  for (const std::string& argument : arguments) {
    std::error_code error;
    const fs::file_status status = fs::status(argument, error);
    if (status.type() == fs::file_type::directory) {
      add_folder(argument, inputs);
    } else if (error) {
      inputs.errors.push_back(system_error(argument, error));
    } else {
      inputs.traces.emplace_back(argument);
    }
  }

  std::set<fs::path> seen;
  std::erase_if(inputs.traces,
                [&](const fs::path& path) { return !seen.insert(path.lexically_normal()).second; });
  return inputs;
}

Result<Trace, TraceError> load_trace(const std::filesystem::path& path, const ReadLimits& limits) {
  ProgressLine line{path.filename().string()};
  return read_trace(path, limits, [&](std::uint64_t done_bytes, std::uint64_t total_bytes) {
    line.update(done_bytes, total_bytes);
  });
}

std::string in_words(const TraceError& error) { return printable(error.to_string()); }

}  // namespace chantrace::replay
