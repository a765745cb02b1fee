#include "output.h"

#include <cerrno>
#include <memory>
#include <system_error>

namespace chantrace::replay {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

void Output::write(std::string_view text) {
  if (is_closed() || text.empty()) return;
  if (std::fwrite(text.data(), 1, text.size(), stream_) != text.size()) error_ = errno;
}

void Output::flush() {
  if (is_closed()) return;
  if (std::fflush(stream_) != 0) error_ = errno;
}

std::string Output::error() const {
  if (error_ == 0 || error_ == EPIPE) return {};
  return std::generic_category().message(error_);
}

std::string write_file(const std::string& path, const std::function<void(Output&)>& write) {
  const std::unique_ptr<std::FILE, CloseFile> file{std::fopen(path.c_str(), "wb")};
  if (!file) return std::generic_category().message(errno);
  Output out{file.get()};
  write(out);
  out.flush();
  return out.error();
}

}  // namespace chantrace::replay
