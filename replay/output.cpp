#include "output.h"

#include <cerrno>
#include <system_error>

namespace chantrace::replay {

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

}  // namespace chantrace::replay
