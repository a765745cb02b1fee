#include "progress.h"

#include <fmt/format.h>

#include <cstdio>

#include "printable.h"
#include "terminal.h"

namespace chantrace::replay {
namespace {

// Shorter than this, a progress line would only flicker.
constexpr auto kQuietTime = std::chrono::milliseconds(400);
constexpr auto kRedrawTime = std::chrono::milliseconds(100);

}  // namespace

ProgressLine::ProgressLine(std::string_view name)
    : name_(fit(printable(std::string(name)), 40)),
      is_shown_(is_terminal(stderr)),
      next_draw_(std::chrono::steady_clock::now() + kQuietTime) {}

ProgressLine::~ProgressLine() {
  if (is_drawn_) std::fputs("\r\x1b[K", stderr);
}

void ProgressLine::update(std::uint64_t done, std::uint64_t total) {
  if (!is_shown_ || total == 0) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_draw_) return;
  next_draw_ = now + kRedrawTime;
  is_drawn_ = true;
  const double percent = 100.0 * static_cast<double>(done) / static_cast<double>(total);
  const std::string line = fmt::format("\r\x1b[Kreading {}  {:.0f} %", name_, percent);
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace chantrace::replay
