#include "replay/end_to_end.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace chantrace::replay {
namespace {

namespace fs = std::filesystem;

std::string contents_of(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::string quoted(const std::string& word) {
  std::string result = "'";
  for (const char c : word) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

}  // namespace

Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "chantrace-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string Folder::add(const Trace& trace, const std::string& name) const {
  const std::string file = name + ".chantrace";
  fs::create_directories((path_ / file).parent_path());
  const auto error = write_trace(trace, path_ / file);
  EXPECT_FALSE(error.has_value()) << error->to_string();
  return file;
}

std::string Folder::add_bytes(std::string_view bytes, const std::string& name) const {
  std::ofstream{path_ / name, std::ios::binary}.write(bytes.data(),
                                                      static_cast<std::streamsize>(bytes.size()));
  return name;
}

std::string Folder::read(const std::string& name) const { return contents_of(path_ / name); }

Ran Folder::run_shell(const std::string& shell) const {
  const Folder outputs;
  const fs::path out = outputs.path() / "out";
  const fs::path err = outputs.path() / "err";
  // What the tester's own terminal and settings are must not matter.
  const std::string line =
      "cd " + quoted(path_.string()) +
      " && unset NO_COLOR COLUMNS LC_ALL LC_CTYPE && LANG=C.UTF-8 && export LANG"
      " && chantrace() { " +
      quoted(CHANTRACE_COMMAND) + " \"$@\"; } && { " + shell + "\n} > " + quoted(out.string()) +
      " 2> " + quoted(err.string());
  const int status = std::system(line.c_str());
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .out = contents_of(out),
          .err = contents_of(err)};
}

Ran Folder::run(const std::vector<std::string>& arguments) const {
  std::string shell = "chantrace";
  for (const std::string& argument : arguments) shell += " " + quoted(argument);
  return run_shell(shell);
}

}  // namespace chantrace::replay
