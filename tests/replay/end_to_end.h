/// \file
/// Runs the built command as a user does, in a folder of its own.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "chantrace/trace.h"

namespace chantrace::replay {

/// How a run of the command ended.
struct Ran {
  int status = -1;
  std::string out;
  std::string err;
};

/// A folder that is removed with all in it.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Writes `trace` as "NAME.chantrace", and returns its name in the folder.
  std::string add(const Trace& trace, const std::string& name) const;
  /// Writes a file as it is.
  std::string add_bytes(std::string_view bytes, const std::string& name) const;
  std::string read(const std::string& name) const;

  /// Runs `shell`, in which `chantrace` is the command, in this folder.
  Ran run_shell(const std::string& shell) const;
  /// Runs the command with `arguments`, each of which is one word whatever is in it.
  Ran run(const std::vector<std::string>& arguments) const;

 private:
  std::filesystem::path path_;
};

}  // namespace chantrace::replay
