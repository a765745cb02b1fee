/// \file
/// Runs a test binary in a folder of its own and reads what it left.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/temporary_folder.h"

namespace chantrace {

struct RunResult {
  int status = -1;     ///< The exit status; 128 and more: the signal that ended it.
  std::string output;  ///< Standard output and error.
};

/// Runs a shell command in `folder`.
inline RunResult run_in(const std::filesystem::path& folder, const std::string& command) {
  RunResult result;
  std::FILE* const pipe =
      popen(("cd '" + folder.string() + "' && { " + command + " ; } 2>&1").c_str(), "r");
  std::array<char, 4096> part;
  for (std::size_t size = 0; (size = std::fread(part.data(), 1, part.size(), pipe)) > 0;)
    result.output.append(part.data(), size);
  const int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The failure messages of each test, by "Suite.Name", from GoogleTest's JSON; none: it passed.
inline std::map<std::string, std::string> failures_by_test(const nlohmann::json& report) {
  std::map<std::string, std::string> failures;
  for (const auto& suite : report.at("testsuites")) {
    for (const auto& test : suite.at("testsuite")) {
      std::string& text =
          failures[suite.at("name").get<std::string>() + "." + test.at("name").get<std::string>()];
      if (test.contains("failures"))
        for (const auto& failure : test.at("failures"))
          text += failure.at("failure").get<std::string>();
    }
  }
  return failures;
}

inline std::vector<std::string> file_names(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  if (!std::filesystem::exists(folder)) return names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace chantrace
